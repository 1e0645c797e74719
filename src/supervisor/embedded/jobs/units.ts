/** What the jobs need of the machine: to read its units, to have them do what jobs say, and to tell of it. */
import type { Clock } from "#base/clock.ts";
import type { JobMode, JobOutcome, JobResult } from "../../supervisor.ts";
import type { MachineView } from "./view.ts";

/** What a unit's file says of its jobs. */
export interface JobSettings {
  /** The unit as log lines call it: its name, and its description where it has one. */
  readonly title: string;
  readonly jobTimeoutMs: number;
  readonly jobRunningTimeoutMs: number;
  readonly onFailureJobMode: JobMode;
  readonly onSuccessJobMode: JobMode;
  readonly stopWhenUnneeded: boolean;
  readonly refuseManualStart: boolean;
  readonly refuseManualStop: boolean;
  /** To be asked to start is all that its start takes. */
  readonly startsAtOnce: boolean;
}

/** What came of asking a unit to do its part of a job. */
export type Attempt =
  /** It is at it; resolves when it has come to its end, unless its state says so before. */
  | { readonly kind: "begun"; readonly outcome: Promise<JobOutcome> }
  /** The job is over at once. `quiet`: there was nothing to do. */
  | {
      readonly kind: "ended";
      readonly result: JobResult;
      readonly message?: string;
      readonly quiet?: boolean;
    }
  /** Not possible now; to be tried again when the unit has changed its state. */
  | { readonly kind: "later" };

export interface JobUnits extends Omit<MachineView, "job"> {
  readonly clock: Clock;
  settings(unit: string): JobSettings | undefined;
  /** Whether the unit waits to start again by itself. */
  awaitsRestart(unit: string): boolean;
  /** `isRestart`: also where the unit waits to start again by itself. */
  start(unit: string, isRestart: boolean): Attempt;
  /** `isRestart`: a start follows. */
  stop(unit: string, isRestart: boolean): Attempt;
  reload(unit: string): Attempt;
  log(unit: string, priority: number, text: string): void;
  /** The unit has no job any more. */
  jobEnded(unit: string): void;
  /** Units that have been stopped to be started again, for the next supervisor: a restart is all or nothing. */
  saveRestarts(units: readonly string[]): void;
  /** What was saved when the last supervisor ended. */
  restarts(): readonly string[];
}
