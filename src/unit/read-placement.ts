/**
 * Where a unit may run: [X-Fleet] with fleet's exact meaning, [X-Flotilla], and the reservation from the resource keys.
 *
 * Rules of [X-Fleet]: fleet's unit-files-and-scheduling document and its code. One thing differs on purpose: a
 * MachineMetadata= that is not `key=value` is an error here, where fleet ignores it and runs the unit anywhere.
 */

import { checkPlacement } from "./check-placement.ts";
import { type Diagnostic, inOrder } from "./diagnostic.ts";
import type { MetadataPair } from "./fleet-values.ts";
import type { MetadataRequirement, Placement, Reservation } from "./placement.ts";
import type { Limit } from "./resources.ts";
import { SectionReader } from "./section-reader.ts";
import { type SpecifierContext, specifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

export interface PlacementReading {
  readonly placement: Placement;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the placement of a unit; `unitName` is a full name. Throws `bad-unit-name` only; what is wrong in the file is in the diagnostics. */
export function readPlacement(file: UnitFile, unitName: string): PlacementReading {
  const context = specifierContext(unitName);
  const fleet = new SectionReader(file, "X-Fleet", context);
  const flotilla = new SectionReader(file, "X-Flotilla", context);
  const machineId = firstMachineId(fleet);
  const maxPerMachine = flotilla.last("MaxPerMachine");
  const maxUnavailable = flotilla.last("MaxUnavailable");
  const failover = flotilla.last("Failover") ?? "eager";
  const placement: Placement = {
    ...(machineId === undefined ? {} : { machineId }),
    machineOf: [...fleet.all("X-ConditionMachineOf").flat(), ...fleet.all("MachineOf").flat()],
    metadata: requirements([
      ...fleet.all("X-ConditionMachineMetadata").flat(),
      ...fleet.all("MachineMetadata").flat(),
    ]),
    conflicts: [...fleet.all("X-Conflicts").flat(), ...fleet.all("Conflicts").flat()],
    replaces: fleet.all("Replaces").flat(),
    global: fleet.last("Global") ?? false,
    failover,
    overlap: flotilla.last("Overlap") ?? (failover === "eager" && !isOneshot(file, context)),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
    spread: [...new Set(flotilla.all("Spread").flat())],
    prefer: flotilla.all("Prefer").flat(),
    failureMoves: flotilla.last("FailureMoves") ?? 0,
    ...(maxPerMachine === undefined ? {} : { maxPerMachine }),
    reservation: readReservation(file, context),
  };
  const diagnostics = inOrder([
    ...fleet.diagnostics,
    ...flotilla.diagnostics,
    ...checkPlacement(file, placement, { fleet, flotilla }),
  ]);
  return { placement, diagnostics };
}

/** A job that is begun elsewhere while it is still under way would be done twice. */
function isOneshot(file: UnitFile, context: SpecifierContext): boolean {
  return new SectionReader(file, "Service", context).last("Type") === "oneshot";
}

/** The first value wins, of the first of these keys that has any. */
function firstMachineId(fleet: SectionReader<"X-Fleet">): string | undefined {
  return (
    fleet.all("MachineID")[0] ??
    fleet.all("X-ConditionMachineID")[0] ??
    fleet.all("X-ConditionMachineBootID")[0]
  );
}

/** Values of one key are alternatives, however they are spread over lines; keys are joined by AND. */
function requirements(pairs: readonly MetadataPair[]): readonly MetadataRequirement[] {
  const values = new Map<string, Set<string>>();
  for (const { key, value } of pairs) values.set(key, (values.get(key) ?? new Set()).add(value));
  return [...values].map(([key, allowed]) => ({ key, values: [...allowed] }));
}

/** What systemd's own resource keys set aside: there is no second place to write it. Units of other types reserve nothing. */
function readReservation(file: UnitFile, context: SpecifierContext): Reservation {
  const service = new SectionReader(file, "Service", context);
  const cores = service.last("CPUQuota");
  const memory = memoryOf(service.last("MemoryMin")) ?? memoryOf(service.last("MemoryMax"));
  return { ...(cores === undefined ? {} : { cpuMillis: Math.round(cores * 1000) }), ...memory };
}

function memoryOf(limit: Limit | undefined): Reservation | undefined {
  if (limit === undefined) return undefined;
  if ("share" in limit) return limit.share > 0 ? { memoryShare: limit.share } : undefined;
  return limit.bytes > 0 && Number.isFinite(limit.bytes) ? { memoryBytes: limit.bytes } : undefined;
}
