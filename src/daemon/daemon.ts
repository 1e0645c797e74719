/**
 * The daemon: the composition root, where every part meets the implementation it runs on.
 *
 * It owns wiring and lifecycle, nothing else. Invariants: one daemon a state directory; starting waits for nothing
 * outside this machine, so that a machine whose store is away still starts its units; ending stops no unit unless the
 * configuration says so.
 */
import { join } from "node:path";
import { Agent } from "#agent/agent.ts";
import { memoryFile } from "#agent/memory.ts";
import { directoryCache } from "#agent/unit-files.ts";
import { UsagePublisher } from "#agent/usage-publisher.ts";
import { createApi } from "#api/api.ts";
import { createAskPeer } from "#api/peer.ts";
import { type ServedApi, serveApi } from "#api/serve.ts";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { type Random, randomId } from "#base/random.ts";
import { Election, type Seat } from "#engine/election.ts";
import { Engine } from "#engine/engine.ts";
import { ReachWatch } from "#engine/reach.ts";
import { describeFileError, makeDirectories } from "#host/files.ts";
import { Heard } from "#host/heard.ts";
import { compileEagerly, whenBusy } from "#host/hot-code.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import type { StoreAdmin } from "#members/store-admin.ts";
import { type ClusterMirror, startClusterMirror } from "#mirror/cluster-mirror.ts";
import type { MachineRecord } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { createPlacementCache } from "#plan/placement-cache.ts";
import { planCluster } from "#plan/reconcile/plan-cluster.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { LiveTrust } from "#trust/live-trust.ts";
import { LIFETIMES, type Lifetimes } from "#trust/profiles.ts";
import type { Placement } from "#unit/placement.ts";
import { readPlacement } from "#unit/read-placement.ts";
import { longestStopMs } from "#unit/stop-time.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import { accessOf, openTrust, peerTlsOf } from "./access.ts";
import { openAuditLog } from "./audit-log.ts";
import type { DaemonConfig } from "./config.ts";
import { Departure, type Ending } from "./departure.ts";
import { foundCluster } from "./found-cluster.ts";
import { handOver } from "./hand-over.ts";
import { describeMachine, type Identity, readBootId, readMachineId } from "./identity.ts";
import { lockDirectory } from "./lock.ts";
import { createReach, knockAt } from "./reach.ts";
import { DaemonStore } from "./store.ts";
import { finishHandover, followStoreRecord, scheduleBackups, storeAdminOf } from "./store-changes.ts";
import { openSupervisor } from "./supervisor.ts";
import { TrustKeeper } from "./trust.ts";

export interface Daemon {
  /** Resolves when the machine is no longer one of its cluster; the daemon is then to be stopped. */
  readonly ended: Promise<Ending>;
  readonly machineId: string;
  readonly apiUrl: string;
  readonly socketPath: string;
  /** Where etcd clients reach the store. */
  readonly storeEndpoints: readonly string[];
  /** Ends the daemon; units run on, or are stopped, as is said here or else by the configuration. */
  stop(units?: DaemonConfig["onExit"]): Promise<void>;
}

export interface DaemonOptions {
  readonly config: DaemonConfig;
  readonly log: Logger;
  readonly version: string;
  readonly clock?: Clock;
  readonly random?: Random;
  /** How long certificates are good for that this daemon signs. */
  readonly lifetimes?: Lifetimes;
}

/** With so many units to place anew, it shows how long the engine takes. */
const LARGE_CLUSTER_UNITS = 2_000;

/** What is undone, in reverse order, when the daemon ends or cannot start. */
class Undo {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

/**
 * Starts a daemon; it is up when the promise resolves, whether or not the store answers.
 * @throws FlotillaError when its directory, its ports or its own store cannot be used; nothing is left running then.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const undo = new Undo();
  try {
    return await start(options, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

/** What every part of the daemon stands on. */
interface Ground {
  readonly config: DaemonConfig;
  readonly means: { readonly clock: Clock; readonly random: Random; readonly log: Logger };
  readonly identity: Identity;
  readonly opened: DaemonStore;
  readonly supervisor: Supervisor;
  readonly cluster: ClusterMirror;
  readonly heard: Heard;
  /** Undefined where nobody is checked. */
  readonly trust: LiveTrust | undefined;
  readonly departure: Departure;
  readonly placementOf: PlanContext["placementOf"];
  readonly storeAdmin: () => Promise<StoreAdmin>;
}

async function start(options: DaemonOptions, undo: Undo): Promise<Daemon> {
  const ground = await layGround(options, undo);
  const { config, supervisor, opened } = ground;
  const served = await serve(ground, undo);
  const machine = describeMachine(config, ground.identity, supervisor, served.port);
  const election = standForElection(ground, machine, undo);
  const agent = createAgent(ground, machine, election, undo);
  undo.add(() => agent.stop());
  await agent.start();
  keepTrust(ground, served, options.lifetimes, undo);
  const isTaskLarge = (): boolean => ground.cluster.view.units.size >= LARGE_CLUSTER_UNITS;
  undo.add(whenBusy({ clock: ground.means.clock, isTaskLarge }, compileEagerly));
  const stopUnits = async (now = false): Promise<void> => {
    if (!now) await handOverUnits(ground, agent, machine.id);
    await stopEverything(agent, supervisor, options.log);
  };
  ground.departure.ready(stopUnits);
  return {
    ended: ground.departure.ended,
    machineId: machine.id,
    apiUrl: machine.api,
    socketPath: config.socketPath,
    storeEndpoints: opened.access.endpoints,
    stop: async (units = config.onExit) => {
      if (units === "stop") await stopUnits();
      await undo.run();
    },
  };
}

async function layGround(options: DaemonOptions, undo: Undo): Promise<Ground> {
  const { config, log, clock = systemClock, random = systemRandom } = options;
  const means = { clock, random, log };
  await makeDirectory(config.directory, "dir");
  await makeDirectory(config.runDirectory, "run-dir");
  const trust = openTrust(config, means);
  const lock = await lockDirectory(config.directory);
  undo.add(() => lock.release());
  const identity = await identify(config, options.version, clock, random);
  const opened = await DaemonStore.open(config, { ...means, trust });
  undo.add(() => opened.close());
  const supervisor = await openSupervisor(config, identity, means);
  undo.add(() => supervisor.close());
  const cluster = startClusterMirror({ store: opened.store, clock, random });
  trust?.heed((machine) => cluster.view.revoked.has(machine));
  undo.add(() => cluster.stop());
  followStoreRecord(cluster, opened, log);
  const storeAdmin = storeAdminOf({ config, means, identity, opened, supervisor, cluster });
  undo.add(finishHandover(opened, storeAdmin, means));
  undo.add(await scheduleBackups(config, storeAdmin, means));
  const placementOf = readPlacements(cluster);
  const departure = new Departure(config.directory, clock);
  const heard = new Heard(clock);
  const parts = { identity, opened, trust, departure, supervisor, cluster, heard, placementOf, storeAdmin };
  return { config, means, ...parts };
}

/** Keeps the machine's certificate fresh, where it has one, and sees when the machine is removed from the cluster. */
function keepTrust(
  { means, trust, departure, opened, cluster, identity }: Ground,
  served: ServedApi,
  lifetimes: Lifetimes = LIFETIMES,
  undo: Undo,
): void {
  if (trust === undefined) return;
  undo.add(
    trust.onRenewed(() => {
      opened.renew();
      served.renew(trust.serverTls("machines and people"));
    }),
  );
  const keeper = new TrustKeeper({
    ...means,
    ...{ trust, cluster, lifetimes, store: opened.store, machine: identity.machine },
    onRevoked: () => opened.review(),
    onRemoved: (why) => departure.removed(why),
  });
  undo.add(() => keeper.stop());
}

/** @throws FlotillaError that names the setting which chose the directory. */
async function makeDirectory(path: string, setting: string): Promise<void> {
  try {
    await makeDirectories(path);
  } catch (error) {
    const described = describeFileError(error, path);
    if (described instanceof FlotillaError) throw described;
    throw new FlotillaError("bad-config", `${path} cannot be a directory of the daemon`, {
      causes: [error instanceof Error ? error.message : String(error)],
      hint: `choose another with --${setting}`,
    });
  }
}

async function serve(ground: Ground, undo: Undo): Promise<ServedApi> {
  const { config, means, identity, opened, supervisor, cluster, placementOf, storeAdmin, trust } = ground;
  const askPeer = createAskPeer(() => peerTlsOf(trust));
  const api = createApi({
    ...means,
    store: opened.store,
    mirror: cluster,
    journal: (query) => supervisor.journal(query),
    usage: (unit) => supervisor.usage(unit),
    machineId: identity.machine,
    version: identity.version,
    planContext: () => explainContext(cluster, means.clock, placementOf),
    storeAdmin,
    storeAccess: () => opened.access,
    leave: (now, revoke) => ground.departure.leave(now, revoke),
    access: accessOf(trust),
    audit: openAuditLog(join(config.directory, "audit"), means),
    knock: knockAt,
    askPeer,
  });
  const { socketPath, address: host, apiPort: port } = config;
  const served = await serveApi({
    ...{ api, socketPath, socketMode: 0o660, host, port, log: means.log },
    ...(trust === undefined ? {} : { tls: trust.serverTls("machines and people") }),
    onConnection: (address) => ground.heard.note(address),
  });
  undo.add(() => served.close());
  return served;
}

/** The engine of this machine, which works while the machine is elected. */
function standForElection(ground: Ground, machine: MachineRecord, undo: Undo): Election {
  const { means, opened, cluster, placementOf } = ground;
  const { store } = opened;
  const settings = DEFAULT_PLAN_SETTINGS;
  const reach = new ReachWatch({
    ...means,
    cluster,
    reach: createReach(
      createAskPeer(() => peerTlsOf(ground.trust)),
      ground.heard,
    ),
    machine: machine.id,
    onChange: () => {
      engine.reconsider();
      election.reconsider();
    },
  });
  const engine = new Engine({
    ...means,
    store,
    cluster,
    planCluster,
    placementOf,
    settings,
    machine: machine.id,
    unreachable: () => reach.unreachable,
  });
  undo.add(() => engine.stop());
  const { id, instance } = machine;
  const onSeat = (seat: Seat | undefined): void => engine.useSeat(seat);
  const isUnreachable = (id: string): boolean => reach.unreachable.has(id);
  const election = new Election({ ...means, store, machine: id, instance, isUnreachable, onSeat });
  undo.add(() => election.stop());
  reach.start();
  undo.add(async () => reach.stop());
  return election;
}

function createAgent(
  { config, means, opened, supervisor }: Ground,
  machine: MachineRecord,
  election: Election,
  undo: Undo,
): Agent {
  const { store } = opened;
  const usage = new UsagePublisher({
    ...means,
    store,
    supervisor,
    machine: machine.id,
    capacity: machine.capacity,
  });
  undo.add(() => usage.stop());
  return new Agent({
    ...means,
    store,
    supervisor,
    memory: memoryFile(join(config.directory, "agent.json")),
    files: directoryCache(join(config.directory, "files")),
    machine,
    ownsStore: opened.embedded !== undefined,
    strictStopMs,
    // Of a cluster that checks its machines this one has been told, so that it is there.
    foundCluster: config.trust === undefined ? () => foundCluster(store, config, means) : undefined,
    onLease: (lease) => {
      election.useLease(lease);
      usage.useLease(lease);
    },
  });
}

async function identify(
  config: DaemonConfig,
  version: string,
  clock: Clock,
  random: Random,
): Promise<Identity> {
  return {
    machine: await readMachineId(config.directory, random),
    instance: randomId(random),
    bootId: await readBootId(),
    version,
    startedMs: clock.now(),
  };
}

function handOverUnits(ground: Ground, agent: Agent, machine: string): Promise<void> {
  const { config, means, cluster, placementOf } = ground;
  return handOver({
    ...means,
    agent,
    cluster,
    machine,
    planContext: () => explainContext(cluster, means.clock, placementOf),
    patienceMs: config.handOverMs,
  });
}

/** The machine leaves the cluster first, so that its units are started elsewhere while they end here. */
async function stopEverything(agent: Agent, supervisor: Supervisor, log: Logger): Promise<void> {
  await agent
    .leave()
    .catch((error: unknown) => log.warn({ error: String(error) }, "could not end the lease"));
  await supervisor.unload(supervisor.statuses().map((status) => status.name));
}

/** Undefined for a unit that is not strict. */
function strictStopMs(unit: string, text: string): number | undefined {
  if (readPlacementOf(unit, text)?.failover !== "strict") return undefined;
  return longestStopMs(parseUnitFile(text), unit);
}

function readPlacementOf(unit: string, text: string): Placement | undefined {
  const { placement, diagnostics } = readPlacement(parseUnitFile(text), unit);
  return diagnostics.some((one) => one.severity === "error") ? undefined : placement;
}

function readPlacements(cluster: ClusterMirror): PlanContext["placementOf"] {
  const cache = createPlacementCache(readPlacementOf);
  return (unit, file) => cache.placementOf(cluster.view.files, unit, file);
}

/** What the planner would be told now; a machine that is missing counts as lost from this moment. */
function explainContext(
  cluster: ClusterMirror,
  clock: Clock,
  placementOf: PlanContext["placementOf"],
): PlanContext {
  const { machines, assignments } = cluster.view;
  const nowMs = clock.monotonic();
  const lost = [...assignments.keys()].filter((machine) => !machines.has(machine));
  return {
    nowMs: clock.now(),
    monotonicMs: nowMs,
    placementOf,
    lostSince: new Map(lost.map((machine) => [machine, nowMs])),
    settings: DEFAULT_PLAN_SETTINGS,
  };
}
