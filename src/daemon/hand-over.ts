/**
 * What comes before a machine that stops its units goes: it says that it is leaving, and the engine moves its units as
 * from a drained machine, so that each is down for no longer than it must. Bounded in time, and skipped where nobody
 * could take anything over.
 */
import type { Agent } from "#agent/agent.ts";
import { type Clock, sleep } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { ClusterMirror } from "#mirror/cluster-mirror.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { drainProgress, LOOK_AGAIN_MS } from "#plan/drain-progress.ts";

export interface HandOverOptions {
  readonly agent: Agent;
  readonly cluster: ClusterMirror;
  readonly clock: Clock;
  readonly log: Logger;
  /** This machine's ID. */
  readonly machine: string;
  readonly planContext: () => PlanContext;
  /** How long others are waited for at most. */
  readonly patienceMs: number;
}

/** Resolves when no unit of this machine can be moved any more, or when patience has ended. */
export async function handOver(options: HandOverOptions): Promise<void> {
  const { agent, cluster, clock, log, machine, patienceMs } = options;
  const { view } = cluster;
  const units = new Set(view.assignments.get(machine)?.keys());
  const hasOthers = view.machines.has(machine) && view.machines.size > 1;
  if (!cluster.connected || !hasOthers || units.size === 0 || patienceMs === 0) return;
  const patience = new AbortController();
  const isBounded = Number.isFinite(patienceMs);
  const timer = isBounded ? clock.setTimer(patienceMs, () => patience.abort()) : undefined;
  try {
    await cluster.reached(await agent.announceLeaving(), patience.signal);
    await untilOver(options, units, patience.signal);
  } catch (error) {
    log.warn({ error: String(error) }, "units could not be handed over before the machine stops");
  } finally {
    timer?.cancel();
  }
}

async function untilOver(
  { cluster, clock, machine, planContext, log }: HandOverOptions,
  units: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const changed = Promise.withResolvers<void>();
    const stop = cluster.onChange(() => changed.resolve());
    const abandon = (): void => changed.resolve();
    signal.addEventListener("abort", abandon, { once: true });
    try {
      const { units: left, isOver } = drainProgress(cluster.view, planContext(), machine, units);
      if (isOver) return log.info({ units: units.size }, "the machine's units are handed over");
      if (signal.aborted) return log.warn({ left: left.length }, "time is up: the other units stop here");
      if (!cluster.connected) return log.warn({}, "the store is away: the machine's units stop here");
      await changed.promise;
      // When time is up the next round says so.
      await sleep(clock, LOOK_AGAIN_MS, signal).catch(() => undefined);
    } finally {
      stop();
      signal.removeEventListener("abort", abandon);
    }
  }
}
