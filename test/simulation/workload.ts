/** The units of a simulation: what each asks for, as plain data that the invariants can check without parsing a file. */
import { type Random, randomInteger } from "#base/random.ts";
import type { FakeBehaviour, FakeRun } from "#supervisor/fake.ts";

/** What a unit asks for and what it does; the unit file is made from this. */
export interface UnitSpec {
  readonly name: string;
  readonly runs: "for-ever" | "to-its-end" | "until-it-crashes" | "not-at-all";
  /** `key=value` that its machine must have. */
  readonly metadata?: string;
  /** Glob of units that may not be with it. */
  readonly conflicts?: string;
  readonly machineOf?: string;
  readonly global?: boolean;
  readonly strict?: boolean;
  /** Never two copies, also where it moves. */
  readonly alone?: boolean;
  /** How many of its template may be on their way or down for moves. */
  readonly maxUnavailable?: number;
  /** The template whose text is its own, too, unless it is given another. */
  readonly madeFrom?: string;
  /** A socket that makes a unit for each connection, of the template of its name. */
  readonly accepts?: boolean;
  readonly maxPerMachine?: number;
  /** On how many other machines it is tried when it has failed. */
  readonly failureMoves?: number;
  readonly spread?: string;
  readonly memoryBytes?: number;
}

/** Whether a move may have a copy beside the unit for a while. */
export function mayOverlap({ strict, alone, runs }: UnitSpec): boolean {
  return strict !== true && alone !== true && runs !== "to-its-end";
}

const MEBIBYTE = 2 ** 20;
const named = (names: readonly string[], rest: Omit<UnitSpec, "name">): readonly UnitSpec[] =>
  names.map((name) => ({ name: `${name}.service`, ...rest }));

/** Every unit an operator of a simulation may think of. */
export const UNITS: readonly UnitSpec[] = [
  ...named(["plain-a", "plain-b", "plain-c"], { runs: "for-ever" }),
  ...named(["web@1", "web@2", "web@3"], { runs: "for-ever", conflicts: "web@*.service" }),
  ...named(["sidekick"], { runs: "for-ever", machineOf: "web@1.service" }),
  ...named(["everywhere"], { runs: "for-ever", global: true }),
  ...named(["on-ssd"], { runs: "for-ever", metadata: "disk=ssd" }),
  ...named(["everywhere-on-ssd"], { runs: "for-ever", global: true, metadata: "disk=ssd" }),
  ...named(["on-tape"], { runs: "for-ever", metadata: "disk=tape" }),
  ...named(["lock-a", "lock-b"], { runs: "for-ever", strict: true }),
  ...named(["lock-on-ssd"], { runs: "for-ever", strict: true, metadata: "disk=ssd" }),
  ...named(["pool@1", "pool@2", "pool@3", "pool@4"], { runs: "for-ever", maxPerMachine: 2, spread: "zone" }),
  ...named(["ring@1", "ring@2", "ring@3"], { runs: "for-ever", alone: true, maxUnavailable: 1 }),
  ...named(["rider"], { runs: "for-ever", machineOf: "ring@1.service" }),
  ...named(["shard@1", "shard@2"], { runs: "for-ever", madeFrom: "shard@.service" }),
  { name: "echo.socket", runs: "for-ever", accepts: true },
  ...named(["big-a", "big-b", "big-c"], { runs: "for-ever", memoryBytes: 600 * MEBIBYTE }),
  ...named(["job-a", "job-b", "job-c"], { runs: "to-its-end" }),
  ...named(["flaky"], { runs: "until-it-crashes" }),
  ...named(["wanderer"], { runs: "until-it-crashes", failureMoves: 2 }),
  ...named(["broken"], { runs: "not-at-all" }),
];

/** What other units are made from. */
export const TEMPLATES: readonly UnitSpec[] = named(["shard@", "echo@"], { runs: "for-ever" });

/** The unit file of a spec; each edition is another text with the same meaning. */
export function unitFileOf(spec: UnitSpec, edition: number): string {
  return [
    "[Unit]",
    `Description=${spec.name}, edition ${edition}`,
    ...(spec.accepts === true ? SOCKET : serviceLines(spec)),
    "[X-Fleet]",
    ...when(spec.metadata, `MachineMetadata=${spec.metadata}`),
    ...when(spec.conflicts, `Conflicts=${spec.conflicts}`),
    ...when(spec.machineOf, `MachineOf=${spec.machineOf}`),
    ...when(spec.global, "Global=true"),
    "[X-Flotilla]",
    ...when(spec.strict, "Failover=strict"),
    ...when(spec.alone, "Overlap=no"),
    ...when(spec.maxUnavailable, `MaxUnavailable=${spec.maxUnavailable}`),
    ...when(spec.maxPerMachine, `MaxPerMachine=${spec.maxPerMachine}`),
    ...when(spec.failureMoves, `FailureMoves=${spec.failureMoves}`),
    ...when(spec.spread, `Spread=${spec.spread}`),
    "",
  ].join("\n");
}

function when(given: unknown, line: string): readonly string[] {
  return given === undefined ? [] : [line];
}

const SOCKET: readonly string[] = ["[Socket]", "ListenStream=7", "Accept=yes"];

function serviceLines({ runs, memoryBytes }: UnitSpec): readonly string[] {
  return [
    "[Service]",
    `Type=${runs === "to-its-end" ? "oneshot" : "simple"}`,
    "ExecStart=/bin/true",
    ...when(memoryBytes, `MemoryMax=${memoryBytes}`),
  ];
}

const BY_NAME = new Map(UNITS.map((spec) => [spec.name, spec]));

export function specOf(unit: string): UnitSpec | undefined {
  return BY_NAME.get(unit);
}

/** What units do, by chance within what their spec says. */
export function behaviourOf(random: Random): FakeBehaviour {
  return ({ name }) => runOf(specOf(name)?.runs ?? "for-ever", random);
}

function runOf(runs: UnitSpec["runs"], random: Random): FakeRun {
  switch (runs) {
    case "for-ever":
      return { kind: "serve", startMs: randomInteger(random, 0, 500) };
    case "to-its-end":
      return { kind: "finish", afterMs: randomInteger(random, 1, 8_000) };
    case "until-it-crashes":
      return { kind: "serve", crashAfterMs: randomInteger(random, 100, 10_000) };
    case "not-at-all":
      return { kind: "bad-setting", message: "ExecStart= is not an absolute path" };
  }
}
