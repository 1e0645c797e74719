/**
 * The units that were handed to this machine, each with what systemd says of it, and who is told of changes.
 *
 * A status is made anew from all that is known whenever a part of that changes; listeners hear of it when it differs.
 */
import type { Clock } from "#base/clock.ts";
import type { LoadState, UnitSource, UnitStatus } from "../supervisor.ts";
import { number, type Properties } from "./bus/values.ts";
import type { LastRuns } from "./last-runs.ts";
import { expiredStatus, invocationOf, isUp, keptProperties, unitStatus } from "./unit-status.ts";

export type StatusListener = (name: string, status: UnitStatus | undefined) => void;

interface KnownUnit {
  file: string;
  load: LoadState;
  problem: string | undefined;
  properties: Properties;
  supersedes: string | undefined;
  begun: string | undefined;
  status: UnitStatus | undefined;
  /** Counts what signals have told, so that what was read before one is not taken for news. */
  signals: number;
}

export class UnitTable {
  readonly #clock: Clock;
  readonly #lastRuns: LastRuns;
  readonly #killedRun: (unit: string) => string | undefined;
  readonly #units = new Map<string, KnownUnit>();
  readonly #listeners = new Set<StatusListener>();

  /** @param killedRun which run of a unit the fence has ended */
  constructor(clock: Clock, lastRuns: LastRuns, killedRun: (unit: string) => string | undefined) {
    this.#clock = clock;
    this.#lastRuns = lastRuns;
    this.#killedRun = killedRun;
  }

  has(name: string): boolean {
    return this.#units.has(name);
  }

  names(): readonly string[] {
    return [...this.#units.keys()];
  }

  status(name: string): UnitStatus | undefined {
    return this.#units.get(name)?.status;
  }

  statuses(): readonly UnitStatus[] {
    return [...this.#units.values()].flatMap(({ status }) => status ?? []);
  }

  properties(name: string): Properties {
    return this.#units.get(name)?.properties ?? {};
  }

  /** Knows the unit by its file; its status comes with what systemd says of it. */
  add({ name, file }: Pick<UnitSource, "name" | "file">): void {
    const known = this.#units.get(name);
    if (known !== undefined) {
      known.file = file;
      return;
    }
    const status = this.#lastRuns.read(name);
    this.#units.set(name, {
      file,
      load: "loaded",
      problem: undefined,
      properties: {},
      supersedes: undefined,
      begun: undefined,
      status,
      signals: 0,
    });
  }

  /** How many signals have told of the unit. */
  signalsOf(name: string): number {
    return this.#units.get(name)?.signals ?? 0;
  }

  setLoad(name: string, load: LoadState, problem: string | undefined): void {
    const unit = this.#units.get(name);
    if (unit !== undefined) Object.assign(unit, { load, problem });
  }

  /** Properties that were read; those that a signal brought since `signals` was counted are newer. */
  read(name: string, properties: Properties, signals: number): void {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    const kept = keptProperties(properties);
    const isNews = unit.signals === signals;
    take(unit, isNews ? { ...unit.properties, ...kept } : { ...kept, ...unit.properties });
  }

  /** Properties that a signal brought. */
  told(name: string, properties: Properties): void {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    unit.signals++;
    take(unit, { ...unit.properties, ...keptProperties(properties) });
  }

  /** An explicit start begins: a run before it completes nothing any more. */
  starting(name: string): void {
    const unit = this.#units.get(name);
    if (unit !== undefined) unit.supersedes = unit.status?.invocation;
  }

  /** Makes the status anew, and tells of it when it has changed. */
  publish(name: string): void {
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    if (isBeginning(unit)) return;
    const before = unit.status;
    const status = unitStatus({ ...unit, name }, before, this.#clock.now());
    const now = isUp(status.active) ? status : expiredStatus(status, this.#killedRun(name));
    if (before !== undefined && isSame(before, now)) return;
    unit.status = now;
    this.#lastRuns.save(before, now);
    this.#tell(name, now);
  }

  forget(name: string): void {
    this.#lastRuns.forget(name);
    if (this.#units.delete(name)) this.#tell(name, undefined);
  }

  listen(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
  }

  #tell(name: string, status: UnitStatus | undefined): void {
    for (const listener of this.#listeners) listener(name, status);
  }
}

/** systemd tells of a new run before the unit has left its old state; what comes next tells how it began. */
function isBeginning({ properties, begun }: KnownUnit): boolean {
  const invocation = invocationOf(properties);
  return properties.ActiveState === "inactive" && invocation !== undefined && begun !== invocation;
}

/** A unit has its invocation before it begins to run: it has begun when it was last inactive at another time. */
function take(unit: KnownUnit, properties: Properties): void {
  if (number(properties.InactiveExitTimestamp) !== number(unit.properties.InactiveExitTimestamp))
    unit.begun = invocationOf(properties);
  unit.properties = properties;
}

function isSame(a: UnitStatus, b: UnitStatus): boolean {
  const one = new Map<string, unknown>(Object.entries(a));
  const other = Object.entries(b);
  return one.size === other.length && other.every(([key, value]) => one.get(key) === value);
}
