/** Who waits for a job of a unit to end. */
import type { JobOutcome } from "../supervisor.ts";

export type WaitedJob = "start" | "stop" | "reload";

export class Waiters {
  readonly #waiting = new Map<WaitedJob, ((outcome: JobOutcome) => void)[]>();

  add(job: WaitedJob): Promise<JobOutcome> {
    return new Promise((resolve) => {
      const others = this.#waiting.get(job) ?? [];
      this.#waiting.set(job, [...others, resolve]);
    });
  }

  settle(job: WaitedJob, outcome: JobOutcome): void {
    this.take(job)(outcome);
  }

  /** Removes those who wait now and gives how to answer them later; who comes meanwhile waits for another end. */
  take(job: WaitedJob): (outcome: JobOutcome) => void {
    const waiting = this.#waiting.get(job) ?? [];
    this.#waiting.delete(job);
    return (outcome) => {
      for (const resolve of waiting) resolve(outcome);
    };
  }

  settleAll(outcome: JobOutcome): void {
    for (const job of this.#waiting.keys()) this.settle(job, outcome);
  }
}
