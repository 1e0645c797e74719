/**
 * What jobs do to units, and how two jobs of one unit get along (systemd's job.c). Pure.
 *
 * A request may name a type that depends on whether the unit is active; {@link collapse} makes it one that can be
 * queued. Only those are merged, compared and run.
 */
import type { ActiveState, JobType } from "../../supervisor.ts";

/** The types that stand in the queue. */
export type QueuedType = "start" | "verify-active" | "stop" | "reload" | "restart" | "nop";

/** Types that mean one of the queued ones, by the state of their unit. */
type ConditionalType = "try-restart" | "try-reload" | "reload-or-start";

export type AnyType = QueuedType | ConditionalType;

/** What a request means for a unit that can, or cannot, reload: `systemctl reload-or-restart` and its like. */
export function typeOfRequest(type: JobType, canReload: boolean): AnyType {
  if (type === "reload-or-restart") return canReload ? "reload-or-start" : "restart";
  if (type === "reload-or-try-restart") return canReload ? "try-reload" : "try-restart";
  return type;
}

export function collapse(type: AnyType, active: ActiveState): QueuedType {
  const isUp = isActiveOrReloading(active);
  switch (type) {
    case "try-restart":
      return isUp ? "restart" : "nop";
    case "try-reload":
      return isUp ? "reload" : "nop";
    case "reload-or-start":
      return isUp ? "reload" : "start";
    default:
      return type;
  }
}

type Merges = Readonly<Partial<Record<QueuedType, AnyType>>>;

/** One job that does what two would; a pair that is not here, in either order, conflicts. */
const MERGED: Readonly<Partial<Record<QueuedType, Merges>>> = {
  "verify-active": { start: "start" },
  reload: { start: "reload-or-start", "verify-active": "reload" },
  restart: { start: "restart", "verify-active": "restart", reload: "restart" },
};

/** The type that does what both do; undefined: they contradict each other. */
export function merge(a: QueuedType, b: QueuedType): AnyType | undefined {
  return a === b ? a : (MERGED[a]?.[b] ?? MERGED[b]?.[a]);
}

/** As {@link merge}, for a unit in this state. */
export function mergeFor(active: ActiveState, a: QueuedType, b: QueuedType): QueuedType | undefined {
  const merged = merge(a, b);
  return merged === undefined ? undefined : collapse(merged, active);
}

export function isConflicting(a: QueuedType, b: QueuedType): boolean {
  return a !== "nop" && b !== "nop" && merge(a, b) === undefined;
}

/** Whether a job of type `a` does all that one of type `b` would. */
export function isSuperset(a: QueuedType, b: QueuedType): boolean {
  if (b === "nop") return true;
  return a !== "nop" && merge(a, b) === a;
}

/** Whether the unit is already as the job would make it. A restart is never without effect. */
export function isRedundant(type: QueuedType, active: ActiveState): boolean {
  switch (type) {
    case "start":
    case "verify-active":
      return isActiveOrReloading(active);
    case "stop":
      return isInactiveOrFailed(active);
    case "reload":
      return active === "reloading";
    case "restart":
      return false;
    case "nop":
      return true;
  }
}

/** What of a job decides whether it waits for another. */
export interface OrderedJob {
  readonly type: QueuedType;
  /** Asked for with ignore-dependencies. */
  readonly ignoreOrder: boolean;
}

/**
 * Which of two jobs goes first, where the unit of `first` is ordered Before= that of `second`: stops go before whatever
 * else, and among themselves in reverse. A restart counts as a stop.
 */
export function goesFirst(first: OrderedJob, second: OrderedJob): "first" | "second" | "either" {
  if (first.type === "nop" || second.type === "nop") return "either";
  if (first.ignoreOrder || second.ignoreOrder) return "either";
  return second.type === "stop" || second.type === "restart" ? "second" : "first";
}

export function isActiveOrReloading(active: ActiveState): boolean {
  return active === "active" || active === "reloading";
}

export function isActiveOrActivating(active: ActiveState): boolean {
  return isActiveOrReloading(active) || active === "activating";
}

export function isInactiveOrFailed(active: ActiveState): boolean {
  return active === "inactive" || active === "failed";
}

export function isInactiveOrDeactivating(active: ActiveState): boolean {
  return isInactiveOrFailed(active) || active === "deactivating";
}
