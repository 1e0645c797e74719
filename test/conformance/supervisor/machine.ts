/** What a scenario needs of a supervisor: the embedded one and a real systemd both give it. */
import type { Properties } from "./properties.ts";
import type { Job, Scenario, Side } from "./scenario.ts";

/** A job that has been queued, or refused. */
export interface QueuedJob {
  /** Its job result; where it was refused, the last part of the D-Bus error's name. */
  readonly ended: Promise<string>;
}

/** One scenario's view of a supervisor that has its units loaded. */
export interface ScenarioMachine {
  readonly side: Side;
  /** What `@DIR@` stands for: the scenario's directory, as its units see it. */
  readonly directory: string;
  /** Resolves when the job is in the queue. */
  enqueue(job: Job): Promise<QueuedJob>;
  kill(unit: string, signal: string, whom: "main" | "all"): Promise<void>;
  resetFailed(unit: string): Promise<void>;
  properties(unit: string): Promise<Properties>;
  /** Calls back after each change of any unit; returns how to stop that. */
  onChange(listener: (unit: string) => unknown): () => void;
  /** Whether the unit's journal has a line that contains the text, now or soon. */
  hasLine(unit: string, text: string): Promise<boolean>;
  /** Where on this host a path is that units see; `%t` is the directory of run-time files, `%S` that of state. */
  pathOf(path: string): string;
}

/** One side: a machine that has the units of all scenarios, whose names are different. */
export interface ScenarioHost {
  readonly side: Side;
  /** Makes the scenario's directory. */
  open(scenario: Scenario): Promise<ScenarioMachine>;
}
