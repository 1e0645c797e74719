/** A simulated machine: what survives its daemons, and the daemon that runs on it now, if one does. */
import { type Random, randomId } from "#base/random.ts";
import type { VirtualClock } from "#base/virtual-clock.ts";
import type { Capacity, MachineRecord } from "#model/records.ts";
import type { TxnRequest } from "#store/store.ts";
import { type FakeBehaviour, FakeMachine } from "#supervisor/fake.ts";
import type { UnitStatus } from "#supervisor/supervisor.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { Disk } from "./disk.ts";
import { goodNetwork, Link, type Network, type Written } from "./link.ts";
import { type ClockSkew, ProcessClock } from "./process-clock.ts";
import { supervisorOf } from "./process-supervisor.ts";
import { reachOf } from "./reach.ts";
import type { StoreServer } from "./store-server.ts";
import type { Trace } from "./trace.ts";

export interface MachineOptions {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly capacity: Capacity;
  readonly hasStore: boolean;
  readonly leaseTtlS: number;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly server: StoreServer;
  readonly trace: Trace;
  readonly behaviour: FakeBehaviour;
  /** How long the stop of a unit takes at most, milliseconds. */
  readonly stopMaxMs: number;
  /** Another machine of the world. */
  readonly machineOf: (id: string) => SimulatedMachine | undefined;
  /** Told of each transaction of the daemon here when it has come to the store. */
  readonly onRequest: (machine: SimulatedMachine, request: TxnRequest) => void;
  /** Told of each transaction of the daemon here when it has been carried out. */
  readonly onWritten: (machine: SimulatedMachine, written: Written) => void;
  /** Told of each unit that the daemon here is about to start. */
  readonly onStart: (machine: SimulatedMachine, unit: string) => void;
  /** Told of each unit that the daemon here is about to stop. */
  readonly onStop: (machine: SimulatedMachine, unit: string) => void;
  /** Told of each change of a unit on this machine, at the moment it happens. */
  readonly onStatus: (machine: SimulatedMachine, unit: string, status: UnitStatus | undefined) => void;
  /** Told when the daemon here is about to come up, and when it has gone. */
  readonly onDaemon: (machine: SimulatedMachine, isUp: boolean) => void;
}

export class SimulatedMachine {
  readonly id: string;
  readonly name: string;
  readonly disk = new Disk();
  readonly network: Network = goodNetwork();
  readonly options: MachineOptions;
  readonly #hardware: FakeMachine;
  /** What is not the daemon's: units and their shims. */
  readonly #hardwareClock: ProcessClock;
  #daemon: Daemon | undefined;
  /** World time at which a machine last opened a connection to this one, by its ID. */
  readonly heard = new Map<string, number>();
  #powered = true;
  #skew: ClockSkew = { wallMs: 0, bootMs: 0, suspendedMs: 0 };
  #bootId = "";

  constructor(options: MachineOptions) {
    this.options = options;
    this.name = options.name;
    this.id = randomId(options.random);
    const world = { wallMs: 0, bootMs: 0, suspendedMs: 0 };
    this.#hardwareClock = new ProcessClock(options.clock, world);
    this.#hardware = new FakeMachine({ clock: this.#hardwareClock, behaviour: options.behaviour });
    this.#boot();
  }

  get daemon(): Daemon | undefined {
    return this.#daemon;
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** Units that run here, whoever knows of them. */
  running(): readonly string[] {
    return this.#hardware.running();
  }

  /** Whether nothing runs here at the moment, because all of it was stopped or suspended. */
  get paused(): boolean {
    return this.#hardwareClock.paused;
  }

  /** World time at which it went on after that, last. */
  get wentOnMs(): number {
    return this.#hardwareClock.resumesMs;
  }

  /** World time until which the unit may run here; infinity where it is not held. */
  mayRunUntilMs(unit: string): number {
    return this.#hardware.holdOf(unit)?.untilMs ?? Number.POSITIVE_INFINITY;
  }

  /** FLOTILLA_FENCING_TOKEN of the unit that runs here. */
  tokenOf(unit: string): string | undefined {
    return this.#hardware.holdOf(unit)?.token;
  }

  /** Stops everything that runs here, daemon and units, for so long. */
  pause(durationMs: number): void {
    this.#hardwareClock.pause(durationMs);
    this.#daemon?.clock.pause(durationMs);
  }

  /** As `pause`, and the monotonic clock does not count the time. */
  suspend(durationMs: number): void {
    this.pause(durationMs);
    this.#skew.suspendedMs += durationMs;
  }

  setClockForward(byMs: number): void {
    this.#skew.wallMs += byMs;
  }

  status(unit: string): UnitStatus | undefined {
    return this.#hardware.supervisor().status(unit);
  }

  statuses(): readonly UnitStatus[] {
    return this.#hardware.supervisor().statuses();
  }

  /** Starts the daemon, and the machine before it if it has no power. */
  start(): void {
    if (this.#daemon !== undefined) return;
    if (this.paused && this.#powered) {
      this.#hardwareClock.run(() => this.start());
      return;
    }
    if (!this.#powered) this.#boot();
    this.options.onDaemon(this, true);
    const { clock, random, server, trace, onRequest, onWritten } = this.options;
    const process = new ProcessClock(clock, this.#skew);
    const instance = randomId(random);
    const link = new Link({
      store: () => server.store,
      world: clock,
      process,
      random,
      network: this.network,
      writer: { machine: this.id, instance },
      onRequest: (request) => onRequest(this, request),
      onWritten: (written) => onWritten(this, written),
    });
    trace.note(this.name, "daemon starts");
    this.#daemon = startDaemon({
      clock: process,
      link,
      disk: this.disk,
      supervisor: supervisorOf(
        this.#hardware.supervisor(),
        process,
        random,
        {
          onStart: (unit) => this.options.onStart(this, unit),
          onStop: (unit) => this.options.onStop(this, unit),
        },
        this.options.stopMaxMs,
      ),
      random,
      machine: { ...this.#record(), instance },
      reach: reachOf(this, process),
      log: trace.logger(this.name, process),
    });
  }

  /** SIGKILL of the daemon: its units run on. */
  killDaemon(): void {
    if (this.#daemon === undefined) return;
    this.options.trace.note(this.name, "daemon dies");
    this.#daemon.clock.end();
    this.#daemon.link.disconnect();
    this.#daemon = undefined;
    this.options.onDaemon(this, false);
  }

  /** Everything that ran here is gone at once; the disk stays. */
  cutPower(): void {
    this.killDaemon();
    if (!this.#powered) return;
    this.options.trace.note(this.name, "power is cut");
    this.#powered = false;
    const ran = this.running();
    this.#hardware.cutPower();
    for (const unit of ran) this.options.onStatus(this, unit, undefined);
  }

  setNetwork(change: Partial<Network>): void {
    Object.assign(this.network, change);
    this.#daemon?.link.networkChanged();
  }

  /** Its connections to the store break. */
  resetConnections(): void {
    this.#daemon?.link.reset();
  }

  #boot(): void {
    const { clock, random, onStatus } = this.options;
    this.#powered = true;
    this.#bootId = randomId(random);
    this.#skew = {
      wallMs: Math.round((random.next() - 0.5) * 4_000),
      bootMs: clock.monotonic() - 20_000,
      suspendedMs: 0,
    };
    this.#hardware.supervisor().onStatus((unit, status) => onStatus(this, unit, status));
  }

  #record(): Omit<MachineRecord, "instance"> {
    const { name, metadata, capacity, leaseTtlS, clock } = this.options;
    return {
      id: this.id,
      name,
      address: "192.0.2.1",
      api: "http://192.0.2.1:7400",
      metadata,
      capacity,
      version: "0.0.0",
      supervisor: "fake",
      notEnforced: [],
      hasStore: this.options.hasStore,
      startedMs: clock.now(),
      bootId: this.#bootId,
      leaseTtlS,
    };
  }
}
