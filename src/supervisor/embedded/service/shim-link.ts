/**
 * A service's line to its shim: what is asked of it, in batches, and the state it keeps for the next supervisor.
 *
 * Invariants: the shim is given a batch of requests and, behind them, the state that asked for them, so that a later
 * supervisor finds either both or neither, and repeats at most requests the shim knows already.
 */
import { randomId } from "#base/random.ts";
import type { ServiceSettings } from "#unit/service.ts";
import { signalByNumber } from "#unit/values.ts";
import type { Leaf } from "../cgroup/cgroups.ts";
import { findShim, type ShimConnection, type ShimListener, startShim } from "../shim/connection.ts";
import { isProcessEvent, type ProcessEvent, type ShimMessage, type ShimRequest } from "../shim/protocol.ts";
import type { UnitHost } from "../unit.ts";
import { parseSavedState } from "./saved-state.ts";
import type { ProcessEnd, ServiceEvent, ServiceState } from "./state.ts";

/** The service at this end of the line. */
export interface ShimOwner {
  readonly name: string;
  settings(): ServiceSettings;
  state(): ServiceState;
  /** A shim of an earlier supervisor was found; undefined: the state it kept is of no use. */
  takeOver(saved: ServiceState | undefined): void;
  handle(event: ServiceEvent): void;
}

/** A shim in use: its connection, and what it has said so far. */
interface Shim {
  readonly id: string;
  readonly connection: ShimConnection;
  readonly leaf: Leaf;
  seq: number;
  /** The state that was saved there last. */
  saved: string;
}

export class ShimLink {
  readonly #host: UnitHost;
  readonly #owner: ShimOwner;
  #shim: Shim | undefined;
  #outbox: ShimRequest[] = [];
  #flushing = false;
  #closed = false;
  /** The shim has been asked about a process that may be the main one, and has not answered. */
  #isAsked = false;
  /** Resolves when the last shim has written all it was told to. */
  #released: Promise<void> = Promise.resolve();

  constructor(host: UnitHost, owner: ShimOwner) {
    this.#host = host;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return this.#shim !== undefined;
  }

  get released(): Promise<void> {
    return this.#released;
  }

  /** The shim's ID and its unit's cgroup; a shim is started where there is none. */
  open(): { readonly id: string; readonly leaf: Leaf } {
    this.#shim ??= this.#start();
    return this.#shim;
  }

  /** Finds the shims an earlier supervisor left; one is in use at most. */
  async find(): Promise<void> {
    const { run } = this.#host;
    const { name } = this.#owner;
    for (const id of run.shimsOf(name)) {
      const early: ShimMessage[] = [];
      const found = await findShim(run.of(name), id, {
        onMessage: (message) => (this.#shim?.id === id ? this.#receive(message) : early.push(message)),
        onLost: (reason) => this.#lost(id, reason),
      });
      if (found === undefined) {
        run.forgetShim(name, id);
        continue;
      }
      this.#shim = this.#inUse(id, found.connection);
      this.#owner.takeOver(parseSavedState(found.hello.saved));
      for (const message of early) this.#receive(message);
    }
  }

  /** Goes out at the end of this turn, with the state behind it. */
  request(request: ShimRequest): void {
    if (request.kind === "watch") this.#isAsked = true;
    this.#outbox.push(request);
    this.scheduleFlush();
  }

  /**
   * Requests of one turn go out together, with the state behind them. An event that changed nothing needs no new
   * state: a later supervisor gets it again, and it changes nothing again.
   */
  scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  /** Signals everything of the unit. */
  kill(signal: string, naming: Partial<Extract<ShimRequest, { kind: "name" }>> = {}): void {
    const cgroup = this.#shim?.leaf.tracking;
    this.request({ ...naming, kind: "kill", signal, ...(cgroup === undefined ? {} : { cgroup }) });
  }

  /** The shim may end as soon as no process is left; the unit's state is kept without it. */
  release(): void {
    const { name } = this.#owner;
    const shim = this.#shim;
    this.#host.run.remember(name, this.#owner.state());
    if (shim === undefined) return;
    this.request({ kind: "quit" });
    this.#flush();
    this.#shim = undefined;
    this.#released = shim.connection.close();
    this.#host.cgroups.remove(name);
  }

  /** Lets go of the shim as it is. */
  close(): void {
    this.#flush();
    this.#closed = true;
    void this.#shim?.connection.close();
  }

  #start(): Shim {
    const { run, journal, random, spawner } = this.#host;
    const { name } = this.#owner;
    run.forgetMemory(name);
    const id = randomId(random);
    const place = {
      unit: name,
      id,
      runDirectory: run.of(name),
      journal: journal.placeOf(name, this.#owner.settings().slice),
    };
    return this.#inUse(id, startShim(spawner, place, this.#listener(id)));
  }

  #inUse(id: string, connection: ShimConnection): Shim {
    const { cgroups } = this.#host;
    const { name } = this.#owner;
    const { resources, slice, oomPolicy } = this.#owner.settings();
    const leaf = cgroups.prepare(name, resources, slice, oomPolicy === "kill");
    if (leaf.oomKills !== undefined) this.#outbox.push({ kind: "memory", file: leaf.oomKills });
    return { id, connection, leaf, seq: 0, saved: "" };
  }

  #listener(id: string): ShimListener {
    return {
      onMessage: (message) => this.#shim?.id === id && this.#receive(message),
      onLost: (reason) => this.#lost(id, reason),
    };
  }

  #receive(message: ShimMessage): void {
    const shim = this.#shim;
    if (shim === undefined || this.#closed) return;
    if (message.kind === "rotated") this.#host.journal.sweep();
    if (message.kind !== "event") return;
    shim.seq = message.seq;
    if (isProcessEvent(message.event)) this.#tell(message.event);
  }

  #tell(event: ProcessEvent): void {
    if (event.kind === "adopted") this.#isAsked = false;
    // The main process may be one that has ended by now; the shim says again that nothing is left.
    if (event.kind === "empty" && this.#isAsked) return;
    if (event.kind !== "exited") {
      this.#owner.handle(event);
      return;
    }
    const { run, pid, last } = event;
    this.#owner.handle({ kind: "exited", run, pid, last, end: endOf(event) });
  }

  #lost(id: string, reason: string): void {
    if (this.#shim?.id !== id) return;
    const { name } = this.#owner;
    this.#shim = undefined;
    this.#isAsked = false;
    this.#outbox = [];
    this.#host.run.forgetShim(name, id);
    this.#host.cgroups.kill(name);
    this.#owner.handle({ kind: "lost", reason });
  }

  #flush(): void {
    this.#flushing = false;
    const shim = this.#shim;
    if (shim === undefined || this.#closed) return;
    const state = JSON.stringify(this.#owner.state());
    if (state === shim.saved && this.#outbox.length === 0) return;
    shim.saved = state;
    shim.connection.send([...this.#outbox.splice(0), { kind: "save", seq: shim.seq, state }]);
  }
}

function endOf({ code, signal, core }: Extract<ProcessEvent, { kind: "exited" }>): ProcessEnd {
  if (signal === undefined) return { code: code ?? 0 };
  return { signal: signalByNumber(signal) ?? String(signal), ...(core ? { core } : {}) };
}
