/**
 * A whole cluster in one process, under one virtual clock and one seed.
 *
 * Time moves from timer to timer; between two timers everything that can happen without time passing does happen.
 * Nothing here depends on anything but the seed, so that two runs of one seed are the same to the byte.
 */
import type { Random } from "#base/random.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import { keys, parseKey } from "#model/keys.ts";
import { toText } from "#store/keys.ts";
import { putJson } from "#store/ops.ts";
import type { TxnRequest } from "#store/store.ts";
import type { FakeBehaviour } from "#supervisor/fake.ts";
import type { UnitStatus } from "#supervisor/supervisor.ts";
import { History, type HistoryEntry } from "./history.ts";
import { SimulatedMachine } from "./machine.ts";
import { StoreServer } from "./store-server.ts";
import { passTime, settle } from "./time.ts";
import { Trace } from "./trace.ts";

export interface MachineSpec {
  readonly metadata: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly machines: readonly MachineSpec[];
  readonly behaviour: (random: Random) => FakeBehaviour;
  readonly leaseTtlS?: number;
  /** How long the stop of a unit takes at most, milliseconds. */
  readonly stopMaxMs?: number;
  /** The store is on the first machine's disk and comes and goes with its daemon; the default is a place of its own. */
  readonly storeOnFirstMachine?: boolean;
}

/** What watches over a world: told of everything, at the moment it happens. */
export interface Watcher {
  onRevision?(entry: HistoryEntry, after: ClusterView): void;
  /** A transaction of a daemon has come to the store. */
  onRequest?(machine: SimulatedMachine, request: TxnRequest): void;
  /** It has been carried out, and its answer is not on its way yet. */
  onCarriedOut?(machine: SimulatedMachine, request: TxnRequest): void;
  /** A daemon is about to start a unit. */
  onStart?(machine: SimulatedMachine, unit: string): void;
  /** A daemon is about to stop a unit, or to unload it. */
  onStop?(machine: SimulatedMachine, unit: string): void;
  onStatus?(machine: SimulatedMachine, unit: string, status: UnitStatus | undefined): void;
  /** Everything that could happen at this moment has happened. */
  onSettled?(): void;
}

/** A named invariant that did not hold. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.name = "Violation";
    this.invariant = invariant;
  }
}

export class World {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly trace = new Trace(this.clock);
  readonly server: StoreServer;
  readonly history: History;
  readonly machines: readonly SimulatedMachine[];
  readonly watchers: Watcher[] = [];
  readonly #storeOnFirstMachine: boolean;
  #violation: Violation | undefined;

  constructor(options: WorldOptions) {
    this.random = seededRandom(options.seed);
    this.#storeOnFirstMachine = options.storeOnFirstMachine ?? false;
    this.server = new StoreServer(this.clock, this.random);
    this.history = new History(this.server, (entry, after) => this.#onRevision(entry, after));
    const behaviour = options.behaviour(this.random);
    this.machines = options.machines.map(
      ({ metadata, memoryBytes }, index) =>
        new SimulatedMachine({
          name: `m${index + 1}`,
          metadata,
          capacity: { cpuMillis: 4_000, memoryBytes },
          hasStore: this.#storeOnFirstMachine && index === 0,
          leaseTtlS: options.leaseTtlS ?? 5,
          stopMaxMs: options.stopMaxMs ?? 300,
          clock: this.clock,
          random: this.random,
          server: this.server,
          trace: this.trace,
          behaviour,
          machineOf: (id) => this.machineOf(id),
          onRequest: (machine, request) => {
            for (const watcher of this.watchers) watcher.onRequest?.(machine, request);
          },
          onWritten: (machine, written) => {
            this.history.note(written);
            for (const watcher of this.watchers) watcher.onCarriedOut?.(machine, written.request);
          },
          onStart: (machine, unit) => {
            for (const watcher of this.watchers) watcher.onStart?.(machine, unit);
          },
          onStop: (machine, unit) => {
            for (const watcher of this.watchers) watcher.onStop?.(machine, unit);
          },
          onStatus: (machine, unit, status) => this.#onStatus(machine, unit, status),
          onDaemon: (machine, isUp) => this.#onDaemon(machine, isUp),
        }),
    );
  }

  get nowMs(): number {
    return this.clock.monotonic();
  }

  machineOf(id: string): SimulatedMachine | undefined {
    return this.machines.find((machine) => machine.id === id);
  }

  nameOf(id: string): string {
    return this.machineOf(id)?.name ?? id.slice(0, 8);
  }

  /** Says that an invariant does not hold; time goes no further. The first one counts, others may follow from it. */
  fail(invariant: string, message: string): void {
    this.trace.note("VIOLATED", `${invariant}: ${message}`);
    this.#violation ??= new Violation(invariant, message);
  }

  /** Starts the store with a cluster of its own, and every daemon. */
  async start(): Promise<void> {
    this.startStore();
    const cluster = { id: "simulated", name: "simulated", createdMs: this.clock.now() };
    await this.server.store?.txn({ compare: [], success: [putJson(keys.cluster(), cluster)], failure: [] });
    for (const machine of this.machines) machine.start();
    await settle();
  }

  startStore(): void {
    if (this.server.store !== undefined) return;
    this.trace.note("store", "starts");
    this.server.start();
    this.history.follow();
  }

  stopStore(): void {
    if (this.server.store === undefined) return;
    this.trace.note("store", "stops");
    void this.server.stop();
  }

  /** Lets `durationMs` of virtual time pass. @throws Violation */
  async run(durationMs: number): Promise<void> {
    await passTime(this.clock, durationMs, () => this.#settled());
    this.#settled();
  }

  /** Ends everything, so that nothing of this world is left waiting. */
  async end(): Promise<void> {
    for (const machine of this.machines) machine.killDaemon();
    await this.server.stop();
  }

  #onDaemon(machine: SimulatedMachine, isUp: boolean): void {
    if (!this.#storeOnFirstMachine || machine !== this.machines[0]) return;
    if (isUp) this.startStore();
    else this.stopStore();
  }

  #settled(): void {
    this.history.read();
    for (const watcher of this.watchers) watcher.onSettled?.();
    if (this.#violation !== undefined) throw this.#violation;
  }

  #onRevision(entry: HistoryEntry, after: ClusterView): void {
    for (const { key, value } of entry.changes) this.#traceChange(key, value);
    for (const watcher of this.watchers) watcher.onRevision?.(entry, after);
  }

  #traceChange(key: string, value: Uint8Array | undefined): void {
    const parsed = parseKey(key);
    if (parsed === undefined || parsed.kind === "file") return;
    const { kind, first, second } = parsed;
    const name = [kind, this.nameOf(first), second].filter((part) => part !== "").join("/");
    this.trace.note("store", value === undefined ? `- ${name}` : `+ ${name} ${toText(value)}`);
  }

  #onStatus(machine: SimulatedMachine, unit: string, status: UnitStatus | undefined): void {
    this.trace.note(
      machine.name,
      `${unit} is ${status === undefined ? "gone" : `${status.active} (${status.sub})`}`,
    );
    for (const watcher of this.watchers) watcher.onStatus?.(machine, unit, status);
  }
}
