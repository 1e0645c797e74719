/**
 * May a unit be on a machine? An ordered list of named filters, each of which names the fact that speaks against it.
 * A filter looks at one machine only, and at what is known of other units through {@link Surroundings}.
 */
import { formatSize } from "#base/size.ts";
import type { Refusal } from "#plan/cluster-plan.ts";
import { matchGlob } from "#unit/glob.ts";
import type { MetadataRequirement, Placement } from "#unit/placement.ts";
import { groupOf } from "./group.ts";
import type { ScheduledMachine } from "./machine.ts";

/** A unit that looks for a machine. */
export interface Candidate {
  readonly unit: string;
  readonly placement: Placement;
  /** Machines that it shall not come to for now, and why. */
  readonly avoid?: ReadonlyMap<string, string>;
}

/** What a filter may ask beyond its machine. */
export interface Surroundings {
  /** Where a unit is, in words: "on node2", "on no machine". */
  whereIs(unit: string): string;
  /** Instances of a template on a machine. */
  instancesOn(group: string, machine: ScheduledMachine): number;
}

interface Filter {
  readonly code: Refusal["code"];
  /** False where a unit that is already there is never moved for it. */
  readonly holdsForPlaced: boolean | "unless-global";
  /** A sentence that says what speaks against the machine; undefined when nothing does. */
  refuse(machine: ScheduledMachine, candidate: Candidate, surroundings: Surroundings): string | undefined;
}

/** In the order in which they are asked; the first that refuses is the reason given. */
const FILTERS: readonly Filter[] = [
  { code: "global", holdsForPlaced: true, refuse: refuseContradiction },
  { code: "machine-id", holdsForPlaced: true, refuse: refuseMachineId },
  { code: "metadata", holdsForPlaced: true, refuse: refuseMetadata },
  { code: "cordoned", holdsForPlaced: false, refuse: refuseCordoned },
  { code: "draining", holdsForPlaced: "unless-global", refuse: refuseDraining },
  { code: "failed-there", holdsForPlaced: false, refuse: refuseAvoided },
  { code: "machine-of", holdsForPlaced: true, refuse: refuseMachineOf },
  { code: "conflicts", holdsForPlaced: true, refuse: refuseConflicts },
  { code: "conflicts", holdsForPlaced: true, refuse: refuseReplaced },
  { code: "conflicts", holdsForPlaced: false, refuse: refuseLingering },
  { code: "max-per-machine", holdsForPlaced: false, refuse: refuseMaxPerMachine },
  { code: "cpu", holdsForPlaced: false, refuse: refuseCpu },
  { code: "memory", holdsForPlaced: false, refuse: refuseMemory },
];

/**
 * Why the machine cannot take the unit, or undefined when it can. With `placed` the unit is there already, and only
 * what makes a unit move is asked: resources, MaxPerMachine= and cordons never do.
 */
export function refusalOf(
  machine: ScheduledMachine,
  candidate: Candidate,
  surroundings: Surroundings,
  placed = false,
): Refusal | undefined {
  for (const filter of FILTERS) {
    if (placed && !holds(filter, candidate)) continue;
    const text = filter.refuse(machine, candidate, surroundings);
    if (text !== undefined) return { machine: machine.facts.id, code: filter.code, text };
  }
  return undefined;
}

/** Where a drain is near its end, global units leave by a rule of their own. */
function holds({ holdsForPlaced }: Filter, { placement }: Candidate): boolean {
  return holdsForPlaced === "unless-global" ? !placement.global : holdsForPlaced;
}

/** True when nothing that only the machine itself decides speaks against new units with this placement. */
export function isOpenTo(machine: ScheduledMachine, metadata: readonly MetadataRequirement[]): boolean {
  const { cordoned, draining } = machine.facts;
  return !cordoned && draining !== true && metadata.every((requirement) => meets(machine, requirement));
}

/** Units on the machine that `candidate` replaces; of units that replace each other, as in fleet, none has to leave. */
export function replacedOn(machine: ScheduledMachine, candidate: Candidate): readonly string[] {
  const { unit, placement } = candidate;
  if (placement.replaces.length === 0) return [];
  return [...machine.units]
    .filter(([other, theirs]) => other !== unit && replaces(placement, other) && !replaces(theirs, unit))
    .map(([other]) => other);
}

function refuseContradiction(_machine: ScheduledMachine, { placement }: Candidate): string | undefined {
  if (!placement.global || placement.machineOf.length === 0) return undefined;
  return "a global unit cannot also ask for MachineOf=";
}

/** The full ID, or its first eight digits, which fleet takes too. */
function isMachineId(machine: ScheduledMachine, wanted: string): boolean {
  return machine.facts.id === wanted || (wanted.length === 8 && machine.facts.id.startsWith(wanted));
}

function refuseMachineId(machine: ScheduledMachine, { placement }: Candidate): string | undefined {
  const { machineId } = placement;
  if (machineId === undefined || isMachineId(machine, machineId)) return undefined;
  return `is not ${machineId}, which the unit asks for`;
}

function meets(machine: ScheduledMachine, { key, values }: MetadataRequirement): boolean {
  const actual = machine.facts.metadata[key];
  return actual !== undefined && values.includes(actual);
}

function refuseMetadata(machine: ScheduledMachine, { placement }: Candidate): string | undefined {
  const unmet = placement.metadata.find((requirement) => !meets(machine, requirement));
  if (unmet === undefined) return undefined;
  const actual = machine.facts.metadata[unmet.key];
  const has = actual === undefined ? `has no ${unmet.key}` : `has ${unmet.key}=${actual}`;
  return `${has}, the unit asks for ${unmet.values.map((value) => `${unmet.key}=${value}`).join(" or ")}`;
}

function refuseCordoned(machine: ScheduledMachine): string | undefined {
  return machine.facts.cordoned ? "is cordoned" : undefined;
}

function refuseDraining(machine: ScheduledMachine): string | undefined {
  return machine.facts.draining === true ? "is drained" : undefined;
}

function refuseAvoided(machine: ScheduledMachine, { avoid }: Candidate): string | undefined {
  return avoid?.get(machine.facts.id);
}

function refuseMachineOf(
  machine: ScheduledMachine,
  { placement }: Candidate,
  surroundings: Surroundings,
): string | undefined {
  const missing = placement.machineOf.find((peer) => !machine.units.has(peer));
  if (missing === undefined) return undefined;
  return `does not have ${missing} (MachineOf), which is ${surroundings.whereIs(missing)}`;
}

function refuseConflicts(machine: ScheduledMachine, { unit, placement }: Candidate): string | undefined {
  for (const glob of placement.conflicts) {
    const other = findMatch(machine, glob, unit);
    if (other !== undefined) return `has ${other}, which the unit conflicts with (Conflicts=${glob})`;
  }
  for (const [other, theirs] of machine.guarded) {
    const glob = other === unit ? undefined : theirs.conflicts.find((pattern) => matchGlob(pattern, unit));
    if (glob !== undefined) return `has ${other}, which conflicts with the unit (Conflicts=${glob})`;
  }
  return undefined;
}

function findMatch(machine: ScheduledMachine, glob: string, except: string): string | undefined {
  for (const other of machine.units.keys()) if (other !== except && matchGlob(glob, other)) return other;
  return undefined;
}

function refuseReplaced(machine: ScheduledMachine, { unit }: Candidate): string | undefined {
  for (const [other, theirs] of machine.guarded) {
    if (other === unit || !replaces(theirs, unit)) continue;
    return `has ${other}, which replaces the unit`;
  }
  return undefined;
}

/** What is about to leave is no reason for others to leave, but nothing comes that could not be with it. */
function refuseLingering(machine: ScheduledMachine, { unit, placement }: Candidate): string | undefined {
  for (const [other, theirs] of machine.lingering)
    if (other !== unit && exclude({ unit, placement }, { unit: other, placement: theirs }))
      return `has ${other}, which the unit cannot be with, until that runs elsewhere`;
  return undefined;
}

/** Whether one of the two keeps the other away, by Conflicts= or by Replaces=. */
export function exclude(one: Candidate, other: Candidate): boolean {
  const bars = ({ placement }: Candidate, { unit }: Candidate): boolean =>
    [...placement.conflicts, ...placement.replaces].some((glob) => matchGlob(glob, unit));
  return bars(one, other) || bars(other, one);
}

function replaces(placement: Placement, unit: string): boolean {
  return placement.replaces.some((glob) => matchGlob(glob, unit));
}

function refuseMaxPerMachine(
  machine: ScheduledMachine,
  { unit, placement }: Candidate,
  surroundings: Surroundings,
): string | undefined {
  const { maxPerMachine } = placement;
  const group = groupOf(unit);
  if (maxPerMachine === undefined || group === undefined) return undefined;
  const lingering = [...machine.lingering.keys()].filter((other) => groupOf(other) === group).length;
  const count = surroundings.instancesOn(group, machine) + lingering;
  if (count < maxPerMachine) return undefined;
  return `has ${count} of ${group}, the unit allows ${maxPerMachine} (MaxPerMachine)`;
}

/** A global unit is to be everywhere: what it reserves counts, but does not keep it away. */
function refuseCpu(machine: ScheduledMachine, { placement }: Candidate): string | undefined {
  const { cpuMillis } = machine.demandOf(placement);
  const capacity = machine.facts.capacity.cpuMillis;
  const free = Math.max(0, capacity - machine.reservedCpuMillis);
  if (placement.global || cpuMillis === undefined || cpuMillis <= free) return undefined;
  return `needs ${cores(cpuMillis)} of CPU, ${cores(free)} of ${cores(capacity)} is free`;
}

function cores(millis: number): string {
  return millis === 1000 ? "1 core" : `${millis / 1000} cores`;
}

function refuseMemory(machine: ScheduledMachine, { placement }: Candidate): string | undefined {
  const { memoryBytes } = machine.demandOf(placement);
  const capacity = machine.facts.capacity.memoryBytes;
  const free = Math.max(0, capacity - machine.reservedMemoryBytes);
  if (placement.global || memoryBytes === undefined || memoryBytes <= free) return undefined;
  return `needs ${formatSize(memoryBytes)} of memory, ${formatSize(free)} of ${formatSize(capacity)} is free`;
}
