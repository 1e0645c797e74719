/**
 * How long a unit is away at most when its machine dies: the sum of what has to pass before it is active elsewhere. Pure;
 * the figures are those of this cluster, as far as they are known.
 */
import type { ClusterEvent, EventKind } from "#model/records.ts";
import type { Placement } from "#unit/placement.ts";
import type { PlanSettings } from "./cluster-plan.ts";

export interface PromisePart {
  readonly what: "lease" | "margin" | "decide" | "start";
  readonly ms: number;
}

export interface FailoverPromise {
  readonly worstMs: number;
  readonly parts: readonly PromisePart[];
  /** "worst case 6.2 s: lease 5.0 + decide 0.1 + start 1.1", and what it leaves out. */
  readonly text: string;
}

export interface PromiseFigures {
  /** The lease of the unit's machine. */
  readonly leaseTtlMs: number;
  /** What a decision takes, to the store's answer. */
  readonly decideMs: number;
  /** What its last start took, from the decision; undefined when nobody has seen it start. */
  readonly startMs: number | undefined;
}

/** Undefined for a unit that is on every machine that it fits: it is not moved. */
export function promiseOf(
  placement: Placement,
  { leaseTtlMs, decideMs, startMs }: PromiseFigures,
  settings: PlanSettings,
): FailoverPromise | undefined {
  if (placement.global) return undefined;
  const strict = placement.failover === "strict";
  const parts: readonly PromisePart[] = [
    { what: "lease", ms: leaseTtlMs },
    ...(strict ? [{ what: "margin", ms: settings.strictMarginMs } as const] : []),
    { what: "decide", ms: decideMs },
    ...(startMs === undefined ? [] : [{ what: "start", ms: startMs } as const]),
  ];
  const worstMs = parts.reduce((sum, { ms }) => sum + ms, 0);
  const sum = parts.map(({ what, ms }) => `${what} ${shown(tenths(ms))}`).join(" + ");
  const whole = shown(parts.reduce((total, { ms }) => total + tenths(ms), 0));
  const unknown = startMs === undefined ? ", and its start, which nobody has seen yet" : "";
  return { worstMs, parts, text: `worst case ${whole} s: ${sum}${unknown}` };
}

/** Tenths of a second, never less than it is: a promise. */
function tenths(ms: number): number {
  return Math.ceil(Math.round(ms) / 100);
}

function shown(tenthsOfSecond: number): string {
  return (tenthsOfSecond / 10).toFixed(1);
}

const BEGINNINGS: readonly EventKind[] = ["unit-placed", "unit-moved", "unit-desired"];

/** What the unit's last start took, by its events, oldest first: all by one clock, the engine's. */
export function lastStartMs(events: readonly ClusterEvent[]): number | undefined {
  const end = events.findLastIndex(({ kind }) => kind === "unit-active");
  const active = events[end];
  const begun = events.slice(0, Math.max(0, end)).findLast(({ kind }) => BEGINNINGS.includes(kind));
  if (active === undefined || begun === undefined) return undefined;
  // One that had been placed before and came back by itself has begun who knows when.
  const between = events.slice(events.indexOf(begun) + 1, end);
  if (between.some(({ kind }) => kind === "unit-active" || kind === "unit-failed")) return undefined;
  return Math.max(0, active.timeMs - begun.timeMs);
}
