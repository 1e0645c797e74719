/** A unit's state as it is published, made from what the supervisor says and what the agent has carried out. Pure. */
import type { Assignment, UnitState } from "#model/records.ts";
import type { Applied } from "#plan/reconcile/plan-machine.ts";
import type { UnitStatus } from "#supervisor/supervisor.ts";

/** What the agent knows of a unit beside its status. */
export interface UnitDoings {
  readonly applied: Applied | undefined;
  /** A step is under way for the unit. */
  readonly underWay: boolean;
  /** What kept the agent from carrying out its last step, if anything did. */
  readonly trouble: string | undefined;
}

export function publishedState(status: UnitStatus, { applied, underWay, trouble }: UnitDoings): UnitState {
  const message = trouble ?? status.message;
  // Until the run that a launch begins is there, the status is still that of the run before.
  const begun = !underWay || status.invocation !== applied?.supersedes;
  return {
    load: status.load,
    active: status.active,
    sub: status.sub,
    result: status.result,
    file: status.file,
    launch: applied?.desired === "launched" && begun ? applied.launch : 0,
    sinceMs: status.sinceMs,
    restarts: status.restarts,
    ...(message === undefined ? {} : { message }),
    ...(status.mainPid === undefined ? {} : { mainPid: status.mainPid }),
    ...(status.exitCode === undefined ? {} : { exitCode: status.exitCode }),
    ...(status.expired === true ? { expired: true } : {}),
    ...(status.exitSignal === undefined ? {} : { exitSignal: status.exitSignal }),
  };
}

/** The state of a unit that the supervisor could not even be given. */
export function unloadableState(assignment: Assignment, trouble: string, nowMs: number): UnitState {
  return {
    load: "error",
    active: "inactive",
    sub: "dead",
    result: "resources",
    file: assignment.file,
    launch: 0,
    sinceMs: nowMs,
    restarts: 0,
    message: trouble,
  };
}
