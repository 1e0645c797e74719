/** A job in the queue, and who waits for its end. */
import type { Timer } from "#base/clock.ts";
import type { JobOutcome } from "../../supervisor.ts";
import type { QueuedType } from "./job-type.ts";
import type { InstalledJob } from "./view.ts";

export class QueuedJob implements InstalledJob {
  readonly unit: string;
  type: QueuedType;
  ignoreOrder: boolean;
  irreversible: boolean;
  state: "waiting" | "running" = "waiting";
  /** It was a restart whose first half, the stop, is over. */
  isRestart = false;
  /** What the unit was asked for last will have ended with; it may end later than the job does. */
  performed: Promise<JobOutcome> | undefined;
  /** Ends the job when it has taken too long, at this time of the monotonic clock. */
  timeout: { readonly timer: Timer; readonly dueMs: number } | undefined;
  readonly #waiting: ((outcome: JobOutcome) => void)[] = [];

  constructor(unit: string, type: QueuedType, options: { ignoreOrder: boolean; irreversible: boolean }) {
    this.unit = unit;
    this.type = type;
    this.ignoreOrder = options.ignoreOrder;
    this.irreversible = options.irreversible;
  }

  ended(): Promise<JobOutcome> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The stop is done, what is left is a start. */
  becomeStart(): void {
    this.type = "start";
    this.isRestart = true;
    this.again();
  }

  again(): void {
    this.state = "waiting";
    this.performed = undefined;
  }

  /**
   * Answers those who wait. Where the unit itself came to its end, once it has written everything about that to its
   * journal, and in its words. That may be within the call that asks it, so that `performed` is read behind it.
   */
  settle(outcome: JobOutcome): void {
    this.timeout?.timer.cancel();
    queueMicrotask(() => void this.#answer(outcome));
  }

  async #answer(outcome: JobOutcome): Promise<void> {
    const isUnits = outcome.result === "done" || outcome.result === "failed";
    const said = isUnits ? await this.performed : undefined;
    const answer =
      outcome.result === "failed" && said?.message !== undefined
        ? { ...outcome, message: said.message }
        : outcome;
    for (const resolve of this.#waiting) resolve(answer);
  }
}
