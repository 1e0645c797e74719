/**
 * What one machine's agent does next: assignments and what runs in, steps with a reason out. Pure.
 *
 * A step is planned when what shall be differs from what was carried out, not from what is: a unit that has ended by
 * itself is its supervisor's affair (Restart=), and a unit that a timer or a target started is theirs.
 */
import type { Assignment } from "#model/records.ts";

/** What the agent has carried out for a unit; kept on disk, written before the step is taken. */
export interface Applied {
  readonly desired: "loaded" | "launched";
  readonly file: string;
  readonly launch: number;
  /** The oneshot of this launch has run to its end. */
  readonly completed: boolean;
  /**
   * The run that the last step was to end or to follow. While it is still the unit's last run, that step was only
   * written down: the daemon died before it took it.
   */
  readonly supersedes?: string | undefined;
}

/** What the supervisor has of a unit. */
export interface Supervised {
  readonly file: string;
  /** A start job is running or the unit is up. */
  readonly up: boolean;
  /** Its current or last run; undefined when it has not been started since the machine came up. */
  readonly invocation: string | undefined;
  /** That run was ended because nobody held it any longer (Supervisor.hold). */
  readonly expired?: boolean;
}

/**
 * What a strict unit may do now. `free`: run and be started; `held`: run on, for as long as it was promised before this
 * daemon came, but not be started; `fenced`: not run, as the machine's lease may have ended.
 */
export type StrictStanding = "free" | "held" | "fenced";

export interface MachineSituation {
  readonly assignments: ReadonlyMap<string, Assignment>;
  readonly applied: ReadonlyMap<string, Applied>;
  readonly supervised: ReadonlyMap<string, Supervised>;
  /** Units a step is under way for: only a stop may overtake a start that has not ended. */
  readonly busy: ReadonlyMap<string, MachineStepKind>;
  /** Units whose last step this daemon has taken itself: however it ended, it is not taken again. */
  readonly attempted: ReadonlySet<string>;
  /** Units that may only run while the machine's lease is known to live, and what each may do now. */
  readonly strict: ReadonlyMap<string, StrictStanding>;
}

export type MachineStepKind = "unload" | "stop" | "load" | "start" | "restart" | "replace";

export interface MachineStep {
  readonly kind: MachineStepKind;
  readonly unit: string;
  readonly reason: string;
  /** What is carried out when the step is taken; undefined forgets the unit. */
  readonly applied: Applied | undefined;
}

/** Units leave before others come, so that what leaves makes room; everything is loaded before anything starts. */
const ORDER: Readonly<Record<MachineStepKind, number>> = {
  unload: 0,
  stop: 1,
  load: 2,
  replace: 3,
  restart: 4,
  start: 5,
};

/** The steps that are possible now, in the order in which they are to be taken. */
export function planMachine(situation: MachineSituation): readonly MachineStep[] {
  const units = new Set([
    ...situation.assignments.keys(),
    ...situation.supervised.keys(),
    ...situation.applied.keys(),
  ]);
  const steps: MachineStep[] = [];
  for (const unit of units) {
    const step = planUnit(unit, situation);
    if (step !== undefined && mayFollow(situation.busy.get(unit), step.kind)) steps.push(step);
  }
  return steps.sort((a, b) => ORDER[a.kind] - ORDER[b.kind] || (a.unit < b.unit ? -1 : 1));
}

/** Whether a step may be taken while another is under way for the same unit. */
function mayFollow(underWay: MachineStepKind | undefined, kind: MachineStepKind): boolean {
  if (underWay === undefined) return true;
  const starting = underWay === "start" || underWay === "restart";
  return starting && (kind === "stop" || kind === "unload" || kind === "replace");
}

function planUnit(unit: string, situation: MachineSituation): MachineStep | undefined {
  const assignment = situation.assignments.get(unit);
  const supervised = situation.supervised.get(unit);
  const applied = situation.applied.get(unit);
  if (assignment === undefined) {
    return { kind: "unload", unit, reason: "no longer assigned to this machine", applied: undefined };
  }
  if (supervised === undefined) {
    return { kind: "load", unit, reason: assignment.reason, applied: atRest(assignment, applied) };
  }
  const standing = situation.strict.get(unit) ?? "free";
  // Before a new file, which may be on its way for as long as the store is away.
  if (standing === "fenced" && supervised.up) return planFence(unit, assignment, supervised, applied);
  if (supervised.file !== assignment.file) return planNewFile(unit, assignment, supervised, applied);
  const attempted = situation.attempted.has(unit);
  if (assignment.desired === "loaded") return planLoaded(unit, assignment, supervised, applied, attempted);
  if (standing !== "free") return undefined;
  return planLaunched(unit, assignment, supervised, applied, attempted);
}

/** The file has changed: what runs is stopped by its old file, then the new one is loaded; starting is the next round's step. */
function planNewFile(
  unit: string,
  assignment: Assignment,
  supervised: Supervised,
  applied: Applied | undefined,
): MachineStep {
  const next = { ...atRest(assignment, applied), completed: false };
  const kind = supervised.up ? "replace" : "load";
  return { kind, unit, reason: `new unit file ${assignment.file.slice(0, 7)}`, applied: next };
}

function planLoaded(
  unit: string,
  assignment: Assignment,
  supervised: Supervised,
  applied: Applied | undefined,
  attempted: boolean,
): MachineStep | undefined {
  const next = { ...atRest(assignment, undefined), supersedes: supervised.invocation };
  if (applied?.desired === "launched") {
    const kind = supervised.up ? "stop" : "load";
    return { kind, unit, reason: "asked to be loaded only", applied: next };
  }
  const stopWasTaken = attempted || applied?.supersedes !== supervised.invocation;
  if (!supervised.up || stopWasTaken) return undefined;
  return { kind: "stop", unit, reason: "asked to be loaded before the daemon ended", applied: next };
}

function planFence(
  unit: string,
  assignment: Assignment,
  supervised: Supervised,
  applied: Applied | undefined,
): MachineStep {
  const { file, invocation } = supervised;
  const next = { ...atRest(assignment, applied), file, supersedes: invocation };
  return { kind: "stop", unit, reason: "strict, and this machine's lease may have run out", applied: next };
}

function planLaunched(
  unit: string,
  assignment: Assignment,
  supervised: Supervised,
  applied: Applied | undefined,
  attempted: boolean,
): MachineStep | undefined {
  const { invocation, up } = supervised;
  const { file, launch } = assignment;
  const next: Applied = { desired: "launched", file, launch, completed: false, supersedes: invocation };
  if (applied?.desired !== "launched") {
    if (applied?.completed === true && applied.launch === launch) return undefined;
    return { kind: "start", unit, reason: assignment.reason, applied: next };
  }
  const kind = up ? "restart" : "start";
  if (applied.launch !== launch) {
    return { kind, unit, reason: `launch ${launch} was asked for`, applied: next };
  }
  if (applied.completed) return undefined;
  if (!up && supervised.expired === true)
    return { kind, unit, reason: "it may run here again", applied: next };
  if (attempted) return undefined;
  if (invocation === undefined) return { kind, unit, reason: "the machine came up again", applied: next };
  if (invocation !== applied.supersedes) return undefined;
  return { kind, unit, reason: "its last start was not carried out", applied: next };
}

/** What is carried out once the file is loaded and nothing has been started by us. */
function atRest(assignment: Assignment, applied: Applied | undefined): Applied {
  const completed = applied?.completed === true && applied.launch === assignment.launch;
  return { desired: "loaded", file: assignment.file, launch: applied?.launch ?? 0, completed };
}
