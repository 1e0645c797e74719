/**
 * Units that others keep up or down whatever happens: StopWhenUnneeded=, Upholds= and BindsTo=.
 *
 * Units are looked at again whenever something that counts has changed, and acted on only when it is quiet around them.
 * Each unit is acted on at most {@link BURST} times in {@link INTERVAL_MS}, as in systemd, so that a unit that cannot
 * be kept as it should be does not busy the machine.
 */
import type { JobMode } from "../../supervisor.ts";
import type { Atom } from "./atoms.ts";
import { isActiveOrReloading, isInactiveOrFailed } from "./job-type.ts";
import type { JobUnits } from "./units.ts";
import { activeOf, type MachineView } from "./view.ts";

const INTERVAL_MS = 10_000;
const BURST = 16;

export interface Upkept {
  readonly unit: string;
  readonly type: "start" | "stop";
  readonly mode: JobMode;
  readonly reason: string;
}

type Kind = "upheld" | "bound" | "unneeded";

export class Upkeep {
  readonly #units: JobUnits;
  readonly #view: MachineView;
  /** In the order in which systemd goes about them. */
  readonly #pending: Readonly<Record<Kind, Set<string>>> = {
    upheld: new Set(),
    bound: new Set(),
    unneeded: new Set(),
  };
  readonly #acted = new Map<string, { readonly beganMs: number; count: number }>();

  constructor(units: JobUnits, view: MachineView) {
    this.#units = units;
    this.#view = view;
  }

  /** The unit itself has changed, or its job has ended. */
  check(unit: string): void {
    for (const pending of Object.values(this.#pending)) pending.add(unit);
  }

  /** What the unit's new state means for others. */
  checkAround(unit: string): void {
    const active = activeOf(this.#view, unit);
    if (isInactiveOrFailed(active)) {
      this.#add("unneeded", unit, "needs");
      this.#add("bound", unit, "stops-bound");
    }
    if (isActiveOrReloading(active)) this.#add("upheld", unit, "upholds");
    this.check(unit);
  }

  #add(kind: Kind, unit: string, atom: Atom): void {
    for (const other of this.#units.related(unit, atom)) this.#pending[kind].add(other);
  }

  forget(unit: string): void {
    for (const pending of Object.values(this.#pending)) pending.delete(unit);
    this.#acted.delete(unit);
  }

  /** The next job that is due, after which everything has to be looked at again. */
  next(): Upkept | undefined {
    for (const kind of ["upheld", "bound", "unneeded"] as const) {
      for (const unit of this.#pending[kind]) {
        this.#pending[kind].delete(unit);
        const due = this.#due(kind, unit);
        if (due !== undefined && this.#mayAct(due)) return due;
      }
    }
    return undefined;
  }

  #due(kind: Kind, unit: string): Upkept | undefined {
    if (this.#view.unit(unit) === undefined || this.#view.job(unit) !== undefined) return undefined;
    switch (kind) {
      case "upheld":
        return this.#upheld(unit);
      case "bound":
        return this.#bound(unit);
      case "unneeded":
        return this.#unneeded(unit);
    }
  }

  #upheld(unit: string): Upkept | undefined {
    if (!isInactiveOrFailed(activeOf(this.#view, unit))) return undefined;
    const culprit = this.#culprit(unit, "start-steadily", (other) =>
      isActiveOrReloading(activeOf(this.#view, other)),
    );
    if (culprit === undefined) return undefined;
    return {
      unit,
      type: "start",
      mode: "fail",
      reason: `Unit needs to be started because active unit ${culprit} upholds it`,
    };
  }

  #bound(unit: string): Upkept | undefined {
    if (activeOf(this.#view, unit) !== "active") return undefined;
    const culprit = this.#culprit(unit, "cannot-be-active-without", (other) =>
      isInactiveOrFailed(activeOf(this.#view, other)),
    );
    if (culprit === undefined) return undefined;
    return {
      unit,
      type: "stop",
      mode: "replace",
      reason: `Unit needs to be stopped because it is bound to inactive unit ${culprit}`,
    };
  }

  #culprit(unit: string, atom: Atom, isCulprit: (other: string) => boolean): string | undefined {
    const others = this.#units.related(unit, atom);
    return others.find((other) => this.#view.job(other) === undefined && isCulprit(other));
  }

  #unneeded(unit: string): Upkept | undefined {
    if (this.#units.settings(unit)?.stopWhenUnneeded !== true) return undefined;
    if (activeOf(this.#view, unit) !== "active") return undefined;
    const isNeeded = this.#units.related(unit, "pins").some((other) => {
      return this.#view.job(other) !== undefined || !isInactiveOrFailed(activeOf(this.#view, other));
    });
    return isNeeded ? undefined : { unit, type: "stop", mode: "fail", reason: "Unit not needed anymore" };
  }

  #mayAct({ unit, type, reason }: Upkept): boolean {
    const nowMs = this.#units.clock.monotonic();
    const known = this.#acted.get(unit);
    const acted =
      known === undefined || nowMs - known.beganMs > INTERVAL_MS ? { beganMs: nowMs, count: 0 } : known;
    this.#acted.set(unit, acted);
    if (acted.count >= BURST) {
      this.#units.log(
        unit,
        4,
        `${unit}: ${reason}, but not ${type === "start" ? "starting" : "stopping"} since we tried this too often recently.`,
      );
      return false;
    }
    acted.count += 1;
    return true;
  }
}
