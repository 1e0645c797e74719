/** A unit's state as it is published, made from what the supervisor says and what the agent has carried out. Pure. */
import type { Assignment, UnitState } from "#model/records.ts";
import type { Applied } from "#plan/reconcile/plan-machine.ts";
import type { UnitStatus } from "#supervisor/supervisor.ts";

/** @param trouble what kept the agent from carrying out its last step, if anything did. */
export function publishedState(
  status: UnitStatus,
  applied: Applied | undefined,
  trouble: string | undefined,
): UnitState {
  const message = trouble ?? status.message;
  return {
    load: status.load,
    active: status.active,
    sub: status.sub,
    result: status.result,
    file: status.file,
    launch: applied?.desired === "launched" ? applied.launch : 0,
    sinceMs: status.sinceMs,
    restarts: status.restarts,
    ...(message === undefined ? {} : { message }),
    ...(status.mainPid === undefined ? {} : { mainPid: status.mainPid }),
    ...(status.exitCode === undefined ? {} : { exitCode: status.exitCode }),
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
