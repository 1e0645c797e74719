/** The units of this machine as jobs see them: what must hold before a unit is asked to do its part of a job. */
import type { Clock } from "#base/clock.ts";
import { describeUnmet, unmetConditions } from "./conditions.ts";
import { isActiveOrReloading, isInactiveOrFailed } from "./jobs/job-type.ts";
import type { Attempt, JobSettings, JobUnits } from "./jobs/units.ts";
import type { Journal } from "./journal/journal.ts";
import type { RunDirectory } from "./run-directory.ts";
import { isUpAtOnce } from "./service/starting.ts";
import { standardTarget } from "./standard-targets.ts";
import { titleOf, type Unit } from "./unit.ts";
import type { UnitTable } from "./unit-table.ts";

const ALREADY: Attempt = { kind: "ended", result: "done", quiet: true };

/** A standard target of a shutdown is asked for. */
const NO_SHUTDOWN: Attempt = {
  kind: "ended",
  result: "unsupported",
  message: "the embedded supervisor does not shut the machine down",
};

export interface JobUnitsOptions {
  readonly table: UnitTable;
  readonly journal: Journal;
  readonly run: RunDirectory;
  readonly clock: Clock;
  /** Makes an instance of a loaded template known; false when there is no such template. */
  instantiate(name: string): boolean;
  jobEnded(name: string): void;
}

export function createJobUnits(options: JobUnitsOptions): JobUnits {
  const { table, journal, run, clock, instantiate, jobEnded } = options;
  return {
    clock,
    jobEnded,
    names: () => table.names(),
    unit: (name) => table.view(name) ?? (instantiate(name) ? table.view(name) : undefined),
    related: (name, atom) => table.related(name, atom),
    settings: (name) => {
      const unit = table.get(name);
      return unit === undefined ? undefined : settingsOf(unit);
    },
    awaitsRestart: (name) => awaitsRestart(table.get(name)),
    start: (name, isRestart) => start(table, journal, name, isRestart),
    stop: (name, isRestart) => stop(table.get(name), isRestart),
    reload: (name) => reload(table.get(name)),
    saveRestarts: (names) => run.saveRestarts(names),
    restarts: () => run.restarts(),
    log: (name, priority, text) => journal.append(name, priority, text),
  };
}

function settingsOf({ loaded }: Unit): JobSettings {
  const { definition } = loaded;
  const startsAtOnce = definition.kind === "service" && isUpAtOnce(definition.settings);
  return { ...loaded.dependencies, title: titleOf(loaded), startsAtOnce };
}

function awaitsRestart(unit: Unit | undefined): boolean {
  return unit?.active === "activating" && unit.status().sub === "auto-restart";
}

function start(table: UnitTable, journal: Journal, name: string, isRestart: boolean): Attempt {
  const unit = table.get(name);
  if (unit === undefined) return standardTarget(name) === "active" ? ALREADY : NO_SHUTDOWN;
  if (isActiveOrReloading(unit.active)) return ALREADY;
  if (unit.active === "deactivating") return { kind: "later" };
  const waits = awaitsRestart(unit);
  // Whoever does not want to wait for a unit that starts again by itself asks for a restart.
  if (waits && !isRestart) return { kind: "later" };
  const isFresh = unit.active !== "activating" || waits;
  const obstacle = isFresh ? findObstacle(table, journal, unit) : undefined;
  if (obstacle === undefined) return { kind: "begun", outcome: unit.start() };
  if (waits) void unit.stop();
  return obstacle;
}

/** Why the unit is not started, in systemd's order of looking at it. */
function findObstacle(table: UnitTable, journal: Journal, unit: Unit): Attempt | undefined {
  const { dependencies, definition, source } = unit.loaded;
  const { name } = source;
  const skipped = unmetConditions(dependencies.conditions, "condition");
  if (skipped !== undefined) {
    const message = `${settingsOf(unit).title} was skipped because ${describeUnmet(skipped)}.`;
    journal.append(name, 6, message);
    return { kind: "ended", result: "done", message, quiet: true };
  }
  const broken = unmetConditions(dependencies.conditions, "assert");
  if (broken !== undefined) {
    const message = `Starting requested but asserts failed: ${describeUnmet(broken)}.`;
    journal.append(name, 5, `${name}: ${message}`);
    return { kind: "ended", result: "assert", message };
  }
  if (definition.kind === "unsupported")
    return { kind: "ended", result: "unsupported", message: definition.message };
  const lacking = missingBond(table, name);
  if (lacking === undefined) return undefined;
  const message = `Bound to unit ${lacking}, but unit isn't active.`;
  journal.append(name, 5, `${name}: ${message}`);
  return { kind: "ended", result: "dependency", message };
}

/** A unit that this one is bound to and comes after, and that is not up. Without the order that would be a race. */
function missingBond(table: UnitTable, name: string): string | undefined {
  const after = table.related(name, "after");
  return table
    .related(name, "cannot-be-active-without")
    .find((other) => after.includes(other) && !isActiveOrReloading(table.view(other)?.active ?? "inactive"));
}

function stop(unit: Unit | undefined, restarts: boolean): Attempt {
  if (unit === undefined || isInactiveOrFailed(unit.active)) return ALREADY;
  return { kind: "begun", outcome: unit.stop({ restarts }) };
}

function reload(unit: Unit | undefined): Attempt {
  if (unit?.active === "reloading") return { kind: "later" };
  if (unit?.active === "active") return { kind: "begun", outcome: unit.reload() };
  return {
    kind: "ended",
    result: "invalid",
    message: "Unit cannot be reloaded because it is inactive.",
  };
}
