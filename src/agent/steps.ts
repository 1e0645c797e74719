/**
 * Carries out the steps of a machine's plan: the one place where the agent touches the supervisor.
 *
 * Loading is awaited, because starting needs it. Starting, stopping and unloading take as long as the unit takes, so
 * they go on in the background; `underWay` says for which units, and `onEnd` is told when one has ended and what was
 * wrong with it, if anything was.
 */
import { toFlotillaError } from "#base/errors.ts";
import type { MachineStep, MachineStepKind } from "#plan/reconcile/plan-machine.ts";
import type { JobOutcome, Supervisor, UnitSource } from "#supervisor/supervisor.ts";

type Job = (step: MachineStep, source: UnitSource | undefined) => Promise<JobOutcome>;

const DONE: JobOutcome = { result: "done" };

/** What puts another file into the supervisor, and needs it to be here. */
export function loadsFile({ kind }: MachineStep): boolean {
  return kind === "load" || kind === "replace";
}

function beginsRun({ kind }: MachineStep): boolean {
  return kind === "start" || kind === "restart";
}

export function endsRun({ kind }: MachineStep): boolean {
  return kind === "stop" || kind === "unload";
}

/** What became of a step: `trouble` in words for a person. */
export interface StepEnd {
  readonly trouble: string | undefined;
  /** A unit it needs was not loaded. */
  readonly lacking: boolean;
  /** The unit's hold had passed before it began to start: it has not been tried. */
  readonly untried: boolean;
}

export type OnStepEnd = (unit: string, end: StepEnd) => void;

export class StepRunner {
  readonly #supervisor: Supervisor;
  readonly #onEnd: OnStepEnd;
  readonly #underWay = new Map<string, MachineStepKind>();
  /** The latest step of each unit, by identity: an overtaken one must not report. */
  readonly #latest = new Map<string, MachineStep>();
  readonly #jobs: Readonly<Record<Exclude<MachineStepKind, "load">, Job>>;

  constructor(supervisor: Supervisor, onEnd: OnStepEnd) {
    this.#supervisor = supervisor;
    this.#onEnd = onEnd;
    this.#jobs = {
      start: (step) => this.#start(step),
      restart: ({ unit }) => supervisor.restart(unit),
      stop: ({ unit }) => supervisor.stop(unit),
      unload: ({ unit }) => supervisor.unload([unit]).then(() => DONE),
      replace: ({ unit }, source) => this.#replace(unit, source),
    };
  }

  /** Units a step is under way for, and which. */
  get underWay(): ReadonlyMap<string, MachineStepKind> {
    return this.#underWay;
  }

  /** Tells of steps that will be taken soon, whatever happens: what they end is not begun meanwhile. */
  overtake(steps: readonly MachineStep[]): void {
    for (const step of steps) this.#latest.set(step.unit, step);
  }

  /**
   * Takes the steps in their order: what starts may need what is loaded with it. Resolves when everything is loaded that
   * was to be, and the rest has begun.
   */
  async take(steps: readonly MachineStep[], sources: ReadonlyMap<string, UnitSource>): Promise<void> {
    const loads = steps
      .filter((step) => step.kind === "load")
      .flatMap((step) => sources.get(step.unit) ?? []);
    const begin = (step: MachineStep): void => {
      if (step.kind !== "load") this.#begin(step, this.#jobs[step.kind](step, sources.get(step.unit)));
    };
    for (const step of steps) if (!beginsRun(step)) begin(step);
    try {
      if (loads.length > 0) await this.#supervisor.load(loads);
    } finally {
      // They are written down as begun, whatever has become of the others.
      for (const step of steps) if (beginsRun(step)) begin(step);
    }
  }

  #begin(step: MachineStep, job: Promise<JobOutcome>): void {
    this.#underWay.set(step.unit, step.kind);
    this.#latest.set(step.unit, step);
    const end = (stepEnd: StepEnd): void => {
      if (this.#latest.get(step.unit) !== step) return;
      this.#underWay.delete(step.unit);
      this.#latest.delete(step.unit);
      this.#onEnd(step.unit, stepEnd);
    };
    job.then(
      (outcome) => end(endOf(step, outcome)),
      (error: unknown) => {
        const trouble = `${step.kind} failed: ${toFlotillaError(error).message}`;
        end({ trouble, lacking: false, untried: false });
      },
    );
  }

  async #start(step: MachineStep): Promise<JobOutcome> {
    const { unit } = step;
    // An explicit start gives a failed unit a new chance, also when its start limit was hit.
    if (this.#supervisor.status(unit)?.active === "failed") {
      await this.#supervisor.resetFailed(unit);
      // It may have been taken away meanwhile.
      if (this.#latest.get(unit) !== step) return { result: "canceled" };
    }
    return this.#supervisor.start(unit);
  }

  async #replace(unit: string, source: UnitSource | undefined): Promise<JobOutcome> {
    const stopped = await this.#supervisor.stop(unit);
    if (source !== undefined) await this.#supervisor.load([source]);
    return stopped;
  }
}

function endOf(step: MachineStep, outcome: JobOutcome): StepEnd {
  const { result, error } = outcome;
  return {
    trouble: troubleOf(step, outcome),
    lacking: result === "invalid",
    untried: error === "HoldPassed",
  };
}

/** What a person should know of a job that did not end well; a unit's own failure is told by its status. */
function troubleOf(step: MachineStep, outcome: JobOutcome): string | undefined {
  if (outcome.result === "canceled" || outcome.result === "skipped") return undefined;
  // A Condition…= that does not hold is no failure, but it is why nothing runs.
  if (outcome.result === "done") return outcome.message;
  return outcome.message ?? `${step.kind} job ended with ${outcome.result}`;
}
