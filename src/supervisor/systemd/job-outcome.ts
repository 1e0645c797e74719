/** What became of a job, from what systemd answers and tells. Pure. */
import { present } from "#base/present.ts";
import type { JobError, JobOutcome, JobResult, JobType, UnitStatus } from "../supervisor.ts";
import { describeFailure, isUp } from "./unit-status.ts";

const RESULTS: readonly JobResult[] = [
  "done",
  "canceled",
  "timeout",
  "failed",
  "dependency",
  "skipped",
  "invalid",
  "assert",
  "unsupported",
  "collected",
  "once",
];

const ERRORS: readonly JobError[] = [
  "NoSuchUnit",
  "LoadFailed",
  "BadUnitSetting",
  "UnitMasked",
  "NoIsolation",
  "OnlyByDependency",
  "JobTypeNotApplicable",
  "TransactionIsDestructive",
  "TransactionJobsConflicting",
  "TransactionOrderIsCyclic",
  "InvalidArgs",
  "ShuttingDown",
];

const FAULTS: readonly JobError[] = ["BadUnitSetting", "LoadFailed"];

/** No job was made: `code` is the last part of the error's D-Bus name. */
export function refusedOutcome(code: string, message: string): JobOutcome {
  const error = ERRORS.find((one) => one === code) ?? "LoadFailed";
  return { result: FAULTS.includes(error) ? "failed" : "invalid", error, message };
}

/** A unit that is not ours, or not there. */
export function unknownUnit(unit: string): JobOutcome {
  return refusedOutcome("NoSuchUnit", `Unit ${unit} not loaded.`);
}

/** `told` is the result in JobRemoved; the status is that at the job's end. */
export function endedOutcome(told: string, type: JobType, status: UnitStatus | undefined): JobOutcome {
  const result = RESULTS.find((one) => one === told) ?? "failed";
  if (result === "done") return { result };
  return { result, ...present("message", describeEnd(result, type, status)) };
}

function describeEnd(result: JobResult, type: JobType, status: UnitStatus | undefined): string | undefined {
  const name = status?.name ?? "the unit";
  switch (result) {
    case "failed":
      return status === undefined ? undefined : (status.message ?? describeFailure(status));
    case "dependency":
      return `A dependency job for ${name} failed.`;
    case "timeout":
      return `The ${type} job for ${name} timed out.`;
    case "canceled":
      return `The ${type} job for ${name} was canceled.`;
    case "assert":
      return `An assertion of ${name} does not hold.`;
    case "unsupported":
      return `Units such as ${name} are not supported on this machine.`;
    default:
      return `The ${type} job for ${name} ended with ${result}.`;
  }
}

/** What a job that nobody heard the end of must have come to, from what the unit is now. */
export function presumedResult(type: JobType, status: UnitStatus | undefined): JobResult {
  if (status === undefined) return "collected";
  if (type === "stop") return isUp(status.active) ? "canceled" : "done";
  if (status.active === "failed") return "failed";
  return isUp(status.active) || status.completed ? "done" : "canceled";
}
