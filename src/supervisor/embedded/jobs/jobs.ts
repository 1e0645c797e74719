/**
 * Carries transactions out: each job waits for those it comes after and fails where a job that it needs has failed.
 *
 * A start waits also for jobs of other requests: those still under way, and those asked for in the same turn, whichever
 * was named first. No circle of jobs waits for itself.
 */
import type { JobOutcome } from "../../supervisor.ts";
import { isBefore, type Job, planStart, planStop, type UnitGraph } from "./transaction.ts";

/** What jobs are done with. */
export interface JobUnits {
  graph(): UnitGraph;
  /** Starts a unit whose conditions are checked first. */
  start(unit: string): Promise<JobOutcome>;
  stop(unit: string): Promise<JobOutcome>;
  /** The unit has no job any more. */
  ended(unit: string): void;
}

interface Running {
  readonly kind: Job["kind"];
  readonly ended: Promise<JobOutcome>;
}

export class Jobs {
  readonly #units: JobUnits;
  readonly #running = new Map<string, Running>();
  /** Which units' jobs a unit's job waits for. */
  readonly #waits = new Map<string, Set<string>>();

  constructor(units: JobUnits) {
    this.#units = units;
  }

  /** Whether a job of the unit is waiting or under way. */
  has(unit: string): boolean {
    return this.#running.has(unit);
  }

  async start(unit: string): Promise<JobOutcome> {
    const graph = this.#units.graph();
    const transaction = planStart(graph, unit);
    if (transaction.kind === "refused") return { result: transaction.result, message: transaction.message };
    return this.#run(graph, transaction.jobs, unit);
  }

  async stop(unit: string): Promise<JobOutcome> {
    const graph = this.#units.graph();
    if (!graph.has(unit)) return notLoaded(unit);
    return this.#run(graph, planStop(graph, unit), unit);
  }

  /** Stops the unit with what hangs on it, then starts all of that again which ran before. */
  async restart(unit: string): Promise<JobOutcome> {
    const graph = this.#units.graph();
    if (!graph.has(unit)) return notLoaded(unit);
    const stops = planStop(graph, unit);
    const stopped = await this.#run(graph, stops, unit);
    if (stopped.result !== "done") return stopped;
    const again = stops
      .map((job) => job.unit)
      .filter((name) => name !== unit && graph.get(name)?.isUp === true);
    const outcome = this.start(unit);
    for (const name of again) void this.start(name);
    return outcome;
  }

  /** Runs the jobs side by side, as far as their order allows; the outcome is that of the unit asked for. */
  async #run(graph: UnitGraph, jobs: readonly Job[], anchor: string): Promise<JobOutcome> {
    const ended = new Map<string, Promise<JobOutcome>>();
    for (const job of jobs) {
      const before = job.after.flatMap((unit) => ended.get(unit) ?? []);
      const needed = job.needs.flatMap((unit) => ended.get(unit) ?? []);
      const promise = this.#runJob(graph, job, before, needed);
      ended.set(job.unit, promise);
      this.#track(job, promise);
    }
    return (await ended.get(anchor)) ?? { result: "done" };
  }

  async #runJob(
    graph: UnitGraph,
    job: Job,
    before: readonly Promise<JobOutcome>[],
    needed: readonly Promise<JobOutcome>[],
  ): Promise<JobOutcome> {
    // Whatever else is asked for in this turn becomes known first.
    await Promise.resolve();
    const others = job.kind === "start" ? this.#startsBefore(graph, job.unit) : [];
    await Promise.all([...before, ...others]);
    for (const [index, outcome] of (await Promise.all(needed)).entries()) {
      if (outcome.result !== "done") {
        return {
          result: "dependency",
          message: `${job.needs[index]} failed: ${outcome.message ?? outcome.result}`,
        };
      }
    }
    return job.kind === "start" ? this.#units.start(job.unit) : this.#units.stop(job.unit);
  }

  #startsBefore(graph: UnitGraph, unit: string): readonly Promise<JobOutcome>[] {
    return [...this.#running].flatMap(([other, { ended }]) => {
      if (other === unit || !isBefore(graph, other, unit) || this.#isWaiting(other, unit)) return [];
      this.#waits.get(unit)?.add(other);
      return [ended];
    });
  }

  /** Whether the job of `unit` waits for that of `other`, if only by way of others. */
  #isWaiting(unit: string, other: string): boolean {
    const reached = new Set([unit]);
    for (const next of reached) for (const further of this.#waits.get(next) ?? []) reached.add(further);
    return reached.has(other);
  }

  #track(job: Job, ended: Promise<JobOutcome>): void {
    const running = { kind: job.kind, ended };
    this.#running.set(job.unit, running);
    // A unit with two jobs waits for what either waits for.
    this.#waits.set(job.unit, new Set([...(this.#waits.get(job.unit) ?? []), ...job.after]));
    void ended.finally(() => {
      if (this.#running.get(job.unit) !== running) return;
      this.#running.delete(job.unit);
      this.#waits.delete(job.unit);
      this.#units.ended(job.unit);
    });
  }
}

function notLoaded(unit: string): JobOutcome {
  return { result: "invalid", message: `unit ${unit} is not loaded on this machine` };
}
