/** Options of [X-Fleet] and [X-Flotilla] that exclude each other; those of fleet are what its API refuses. */
import type { Diagnostic } from "./diagnostic.ts";
import { matchGlob } from "./glob.ts";
import type { Placement } from "./placement.ts";
import type { SectionReader } from "./section-reader.ts";
import type { Entry, UnitFile } from "./unit-file.ts";

interface Readers {
  readonly fleet: SectionReader<"X-Fleet">;
  readonly flotilla: SectionReader<"X-Flotilla">;
}

/** An option that is in force and the line that says so. */
interface Option {
  readonly name: string;
  readonly entry: Entry;
}

/** Pairs that fleet refuses. */
const EXCLUSIVE: readonly (readonly [FleetOption, FleetOption])[] = [
  ["MachineID", "MachineOf"],
  ["MachineID", "Conflicts"],
  ["MachineID", "Global"],
  ["MachineID", "Replaces"],
  ["Global", "MachineOf"],
  ["Global", "Replaces"],
  ["Conflicts", "Replaces"],
];

type FleetOption = "MachineID" | "MachineOf" | "Conflicts" | "Replaces" | "Global";

/** Every contradiction, each naming both lines. */
export function checkPlacement(
  file: UnitFile,
  placement: Placement,
  readers: Readers,
): readonly Diagnostic[] {
  const options = optionsInForce(placement, readers.fleet);
  return [
    ...exclusivePairs(file, options),
    ...selfExcludingPeers(file, placement, readers.fleet),
    ...overlapOfStrict(file, placement, readers.flotilla),
    ...withoutEffect(file, placement, readers, options.get("Global")),
  ];
}

function optionsInForce(placement: Placement, fleet: Readers["fleet"]): ReadonlyMap<FleetOption, Option> {
  const lines: readonly (readonly [FleetOption, Entry | undefined, boolean])[] = [
    [
      "MachineID",
      (
        fleet.located("MachineID")[0] ??
        fleet.located("X-ConditionMachineID")[0] ??
        fleet.located("X-ConditionMachineBootID")[0]
      )?.entry,
      placement.machineId !== undefined,
    ],
    [
      "MachineOf",
      (fleet.located("MachineOf")[0] ?? fleet.located("X-ConditionMachineOf")[0])?.entry,
      placement.machineOf.length > 0,
    ],
    [
      "Conflicts",
      (fleet.located("Conflicts")[0] ?? fleet.located("X-Conflicts")[0])?.entry,
      placement.conflicts.length > 0,
    ],
    ["Replaces", fleet.located("Replaces")[0]?.entry, placement.replaces.length > 0],
    ["Global", fleet.located("Global").at(-1)?.entry, placement.global],
  ];
  return new Map(
    lines.flatMap(([option, entry, holds]) =>
      holds && entry !== undefined ? [[option, { name: `${entry.key}=`, entry }] as const] : [],
    ),
  );
}

function exclusivePairs(file: UnitFile, options: ReadonlyMap<FleetOption, Option>): readonly Diagnostic[] {
  return EXCLUSIVE.flatMap(([first, second]) => {
    const [one, other] = [options.get(first), options.get(second)];
    if (one === undefined || other === undefined) return [];
    const message = `${one.name} (line ${one.entry.line}) and ${other.name} (line ${other.entry.line}) exclude each other`;
    return [
      contradiction(file, later(one.entry, other.entry), message, `remove ${one.name} or ${other.name}`),
    ];
  });
}

function later(one: Entry, other: Entry): Entry {
  return one.line > other.line ? one : other;
}

/** A unit that must be beside a peer may not drive that peer away. */
function selfExcludingPeers(
  file: UnitFile,
  placement: Placement,
  fleet: Readers["fleet"],
): readonly Diagnostic[] {
  const peers = [...fleet.located("X-ConditionMachineOf"), ...fleet.located("MachineOf")];
  const globs = [
    ...fleet.located("X-Conflicts"),
    ...fleet.located("Conflicts"),
    ...fleet.located("Replaces"),
  ];
  return placement.machineOf.flatMap((peer) => {
    const wanting = peers.find(({ value }) => value.includes(peer))?.entry;
    const excluding = globs.find(({ value }) => value.some((glob) => matchGlob(glob, peer)))?.entry;
    if (wanting === undefined || excluding === undefined) return [];
    const message =
      `${wanting.key}= (line ${wanting.line}) wants ${peer} on the same machine, ` +
      `${excluding.key}= (line ${excluding.line}) excludes it`;
    return [
      contradiction(file, later(wanting, excluding), message, `make the glob of ${excluding.key}= narrower`),
    ];
  });
}

function contradiction(file: UnitFile, entry: Entry, message: string, hint: string): Diagnostic {
  return { severity: "error", code: "contradictory-options", message, place: file.placeOf(entry), hint };
}

/** A strict unit never runs twice, on no occasion. */
function overlapOfStrict(
  file: UnitFile,
  placement: Placement,
  flotilla: Readers["flotilla"],
): readonly Diagnostic[] {
  if (placement.failover !== "strict" || !placement.overlap) return [];
  const [strict, overlap] = [flotilla.located("Failover").at(-1), flotilla.located("Overlap").at(-1)];
  if (strict === undefined || overlap === undefined) return [];
  const message = `Failover=strict (line ${strict.entry.line}) and Overlap=yes (line ${overlap.entry.line}) exclude each other`;
  const entry = later(strict.entry, overlap.entry);
  return [contradiction(file, entry, message, "remove Overlap=yes, or let it be Failover=eager")];
}

/** A global unit is on every machine once, so nothing is chosen, spread or moved. */
function withoutEffect(
  file: UnitFile,
  placement: Placement,
  { flotilla }: Readers,
  global: Option | undefined,
): readonly Diagnostic[] {
  if (global === undefined || !placement.global) return [];
  const lines = (
    ["Spread", "Prefer", "MaxPerMachine", "MaxUnavailable", "Failover", "Overlap"] as const
  ).flatMap((key) => flotilla.located(key));
  return lines.map(({ entry }) => ({
    severity: "warning",
    code: "no-effect",
    message: `${entry.key}= has no effect with ${global.name} (line ${global.entry.line})`,
    place: file.placeOf(entry),
  }));
}
