/**
 * What this machine tells of each unit: its status, or why there is none, with what kept the agent from carrying out
 * the unit's last step. It decides nothing; the publisher writes what it is given when that has changed.
 */
import type { Clock } from "#base/clock.ts";
import type { Assignment } from "#model/records.ts";
import type { Applied, MachineStepKind } from "#plan/reconcile/plan-machine.ts";
import type { ActiveState, Supervisor } from "#supervisor/supervisor.ts";
import type { StatePublisher } from "./publisher.ts";
import { publishedState, unloadableState } from "./unit-state.ts";

interface Trouble {
  readonly text: string;
  readonly sinceMs: number;
}

/** Where what is told comes from; the maps are the agent's own and change under it. */
export interface ReportsOptions {
  readonly publisher: StatePublisher;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly assignments: ReadonlyMap<string, Assignment>;
  readonly applied: ReadonlyMap<string, Applied>;
  /** Units a step is under way for. */
  readonly underWay: ReadonlyMap<string, MachineStepKind>;
}

export class UnitReports {
  readonly #options: ReportsOptions;
  readonly #trouble = new Map<string, Trouble>();

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  isInTrouble(unit: string): boolean {
    return this.#trouble.has(unit);
  }

  /** Notes what keeps a unit's steps from being carried out; undefined: nothing does. Told with the next `publish`. */
  setTrouble(unit: string, text: string | undefined): void {
    if (text === undefined) this.#trouble.delete(unit);
    else if (this.#trouble.get(unit)?.text !== text) {
      this.#trouble.set(unit, { text, sinceMs: this.#options.clock.now() });
    }
  }

  /** Units that could never be loaded leave no step behind when they are taken away, only what was told of them. */
  forgetUnassigned(): void {
    for (const unit of this.#trouble.keys()) {
      if (this.#options.assignments.has(unit) || this.#options.supervisor.status(unit) !== undefined)
        continue;
      this.#trouble.delete(unit);
      this.publish(unit);
    }
  }

  /** Tells what is known of a unit now. */
  publish(unit: string): void {
    const { publisher, supervisor, assignments, applied, underWay } = this.#options;
    const assignment = assignments.get(unit);
    const status = supervisor.status(unit);
    const trouble = this.#trouble.get(unit);
    if (status !== undefined) {
      const doings = {
        applied: applied.get(unit),
        underWay: underWay.has(unit),
        trouble: trouble?.text,
      };
      publisher.set(unit, publishedState(status, doings), isPassing(status.active, underWay.get(unit)));
    } else if (assignment !== undefined && trouble !== undefined) {
      publisher.set(unit, unloadableState(assignment, trouble.text, trouble.sinceMs));
    } else {
      publisher.set(unit, undefined);
    }
  }
}

/**
 * A unit that is being started is soon active or failed, and one that is taken away soon gone; what it is until then
 * tells nobody anything, and what is told next would have to wait for it.
 */
function isPassing(active: ActiveState, underWay: MachineStepKind | undefined): boolean {
  if (underWay === "unload") return true;
  return (underWay === "start" || underWay === "restart") && active !== "active" && active !== "failed";
}
