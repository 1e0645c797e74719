/** How far the drain of a machine is, for whoever waits for it: what the planner says, again when something has changed. */
import { sleep } from "#base/clock.ts";
import { nameOfMachine } from "#model/cluster-state.ts";
import { drainProgress, LOOK_AGAIN_MS } from "#plan/drain-progress.ts";
import type { DrainBody, DrainWish } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { configureMachine } from "./machine-config.ts";
import { drainOf } from "./machine-rows.ts";
import type { ServerEvent } from "./stream.ts";

/** Events change nothing about a drain. */
const TELLING = new Set(["machine", "machine-config", "unit", "assignment", "state", "outcome"]);

/** The drain as it stands. @param seen units that the machine had; those that it has now are added */
export function drainStatus(machine: string, seen: Set<string>, dependencies: ApiDependencies): DrainBody {
  const { mirror, planContext } = dependencies;
  const { view } = mirror;
  for (const unit of view.assignments.get(machine)?.keys() ?? []) seen.add(unit);
  const { units, isOver } = drainProgress(view, planContext(), machine, seen);
  const name = (id: string): string => nameOfMachine(view, id);
  return {
    machine,
    machineName: name(machine),
    drain: drainOf(view, machine),
    isOver,
    units: units.map(({ to, refusals, ...unit }) => ({
      ...unit,
      to: to ?? null,
      toName: to === undefined ? null : name(to),
      refusals: refusals.map((refusal) => ({ ...refusal, machineName: name(refusal.machine) })),
    })),
  };
}

/** Drains the machine; the drain as it stands then and after changes, until it is over or no longer wished for. */
export async function* drainMachine(
  machine: string,
  wish: DrainWish,
  dependencies: ApiDependencies,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent, void> {
  const { mirror, clock } = dependencies;
  // What leaves at once would else not be told of.
  const seen = new Set(mirror.view.assignments.get(machine)?.keys());
  await configureMachine(machine, { drain: wish }, dependencies);
  let wake = Promise.withResolvers<void>();
  const stop = mirror.onChange(({ kinds }) => {
    if ([...kinds].some((kind) => TELLING.has(kind))) wake.resolve();
  });
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  try {
    for (let last = ""; !signal.aborted; ) {
      wake = Promise.withResolvers();
      const status = drainStatus(machine, seen, dependencies);
      const text = JSON.stringify(status);
      if (text !== last) yield { event: "drain", id: String(mirror.revision), data: status };
      last = text;
      if (status.isOver || status.drain === null) return;
      await wake.promise;
      // Whoever has gone waits for nothing more, and the loop ends.
      await sleep(clock, LOOK_AGAIN_MS, signal).catch(() => undefined);
    }
  } finally {
    stop();
  }
}
