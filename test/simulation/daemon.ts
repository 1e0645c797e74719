/** One daemon of a simulated machine, wired as src/daemon wires a real one. */
import { Agent } from "#agent/agent.ts";
import type { ApiDependencies } from "#api/dependencies.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { Election } from "#engine/election.ts";
import { Engine } from "#engine/engine.ts";
import { type Reach, ReachWatch } from "#engine/reach.ts";
import { startClusterMirror } from "#mirror/cluster-mirror.ts";
import type { MachineRecord } from "#model/records.ts";
import { createPlacementCache } from "#plan/placement-cache.ts";
import { planCluster } from "#plan/reconcile/plan-cluster.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { Placement } from "#unit/placement.ts";
import { readPlacement } from "#unit/read-placement.ts";
import { longestStopMs } from "#unit/stop-time.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { type Disk, filesOn, memoryOn } from "./disk.ts";
import type { Link } from "./link.ts";
import type { ProcessClock } from "./process-clock.ts";

export interface Daemon {
  readonly clock: ProcessClock;
  readonly link: Link;
  /** What a request to this daemon's API is answered with. */
  readonly api: ApiDependencies;
}

export interface DaemonParts {
  readonly clock: ProcessClock;
  readonly link: Link;
  readonly disk: Disk;
  readonly supervisor: Supervisor;
  readonly random: Random;
  readonly machine: MachineRecord;
  readonly reach: Reach;
  readonly log: Logger;
}

/** Wires and starts a daemon; it ends when its clock is ended and its link is disconnected. */
export function startDaemon({ clock, link, disk, supervisor, random, ...parts }: DaemonParts): Daemon {
  const { machine, log } = parts;
  const means = { clock, random, log, store: link };
  const cluster = startClusterMirror(means);
  const cache = createPlacementCache(readPlacementOf);
  const placementOf = (unit: string, file: string): Placement | undefined =>
    cache.placementOf(cluster.view.files, unit, file);
  const settings = DEFAULT_PLAN_SETTINGS;
  const reach = new ReachWatch({
    ...means,
    cluster,
    reach: parts.reach,
    machine: machine.id,
    onChange: () => {
      engine.reconsider();
      election.reconsider();
    },
  });
  const engine = new Engine({
    ...means,
    cluster,
    planCluster,
    placementOf,
    settings,
    machine: machine.id,
    unreachable: () => reach.unreachable,
  });
  const election = new Election({
    ...means,
    machine: machine.id,
    instance: machine.instance,
    isUnreachable: (id) => reach.unreachable.has(id),
    onSeat: (seat) => engine.useSeat(seat),
  });
  reach.start();
  const agent = new Agent({
    ...means,
    supervisor,
    memory: memoryOn(disk, clock, random),
    files: filesOn(disk, clock, random),
    machine,
    ownsStore: machine.hasStore,
    strictStopMs: (unit, text) =>
      readPlacementOf(unit, text)?.failover === "strict"
        ? longestStopMs(parseUnitFile(text), unit)
        : undefined,
    onLease: (lease) => election.useLease(lease),
  });
  void agent.start();
  const api: ApiDependencies = {
    ...means,
    mirror: cluster,
    access: { kind: "unchecked" },
    audit: {
      note: () => Promise.resolve(),
      read: () => (async function* () {})(),
      follow: () => (async function* () {})(),
    },
    machineId: machine.id,
    version: machine.version,
    usage: (unit) => supervisor.usage(unit),
    journal: (query) => supervisor.journal(query),
    planContext: () => ({
      nowMs: clock.now(),
      monotonicMs: clock.monotonic(),
      placementOf,
      lostSince: new Map(),
      settings,
    }),
    leave: () => Promise.reject(new Error("it stays")),
    storeAccess: () => ({ endpoints: ["simulated"] }),
    storeAdmin: () => Promise.reject(new Error("no store to look at")),
    knock: async () => true,
    askPeer: () => Promise.reject(new Error("machines of a simulation have no API to ask")),
  };
  return { clock, link, api };
}

function readPlacementOf(unit: string, text: string): Placement | undefined {
  const { placement, diagnostics } = readPlacement(parseUnitFile(text), unit);
  return diagnostics.some(({ severity }) => severity === "error") ? undefined : placement;
}
