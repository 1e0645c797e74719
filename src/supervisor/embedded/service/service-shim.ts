/**
 * A service's line to its shim: the shim and the cgroup that stands ready for it, and what its events mean to the core.
 *
 * Invariant: at most one shim is in use. What the line carries, and the state behind it, is UnitShim's.
 */
import type { ServiceSettings } from "#unit/service.ts";
import { signalByNumber } from "#unit/values.ts";
import type { Hold } from "../../supervisor.ts";
import type { Leaf } from "../cgroup/cgroups.ts";
import { isProcessEvent, type ProcessEvent, type ShimEvent, type ShimRequest } from "../shim/protocol.ts";
import { type ShimUser, UnitShim } from "../shim/unit-shim.ts";
import type { UnitHost } from "../unit.ts";
import { readSavedState } from "./saved-state.ts";
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

interface ShimInUse {
  readonly shim: UnitShim;
  readonly leaf: Leaf;
  /** It has been asked about a process that may be the main one, and has not answered. */
  isAsked: boolean;
}

export class ServiceShim implements ShimUser {
  readonly #host: UnitHost;
  readonly #owner: ShimOwner;
  #used: ShimInUse | undefined;
  /** Resolves when the last shim has written all it was told to. */
  #released: Promise<void> = Promise.resolve();

  constructor(host: UnitHost, owner: ShimOwner) {
    this.#host = host;
    this.#owner = owner;
  }

  get unit(): string {
    return this.#owner.name;
  }

  get slice(): string | undefined {
    return this.#owner.settings().slice;
  }

  state(): ServiceState {
    return this.#owner.state();
  }

  get isOpen(): boolean {
    return this.#used !== undefined;
  }

  get id(): string | undefined {
    return this.#used?.shim.id;
  }

  get released(): Promise<void> {
    return this.#released;
  }

  /** The shim's ID and its unit's cgroup; a shim is started where there is none. */
  open(): { readonly id: string; readonly leaf: Leaf } {
    const { shim, leaf } = this.#used ?? this.#use(UnitShim.start(this.#host, this));
    return { id: shim.id, leaf };
  }

  /** Finds the shim that an earlier supervisor left, which is silent until `listen` is called. */
  async find(): Promise<void> {
    const found = await UnitShim.find(this.#host, this);
    if (found === undefined) return;
    this.#use(found.shim);
    this.#owner.takeOver(readSavedState(found.saved));
  }

  listen(): void {
    this.#used?.shim.listen();
  }

  /** Goes out at the end of this turn, with the state behind it. */
  request(request: ShimRequest): void {
    if (this.#used === undefined) return;
    if (request.kind === "watch") this.#used.isAsked = true;
    this.#used.shim.request(request);
  }

  /**
   * The state goes out at the end of this turn. An event that changed nothing needs no new state: a later supervisor
   * gets it again, and it changes nothing again.
   */
  save(): void {
    this.#used?.shim.save();
  }

  /** Signals everything of the unit. */
  kill(signal: string, naming: Partial<Extract<ShimRequest, { kind: "name" }>> = {}): void {
    const cgroup = this.#used?.leaf.tracking;
    this.request({ ...naming, kind: "kill", signal, ...(cgroup === undefined ? {} : { cgroup }) });
  }

  /** Lets the unit run for so long. */
  hold(hold: Hold | undefined): void {
    const cgroup = this.#used?.leaf.tracking;
    const until = hold === undefined ? {} : { until: hold.untilMs };
    this.request({ kind: "hold", ...until, ...(cgroup === undefined ? {} : { cgroup }) });
  }

  /** The shim may end as soon as no process is left; the unit's state is kept without it. */
  release(): void {
    const used = this.#used;
    this.#host.run.remember(this.unit, this.state());
    if (used === undefined) return;
    this.#used = undefined;
    this.#released = used.shim.release();
    this.#host.cgroups.remove(this.unit);
  }

  /** Lets go of the shim as it is. */
  close(): void {
    void this.#used?.shim.letGo();
  }

  onEvent(event: ShimEvent): void {
    if (this.#used === undefined || !isProcessEvent(event)) return;
    if (event.kind === "adopted") this.#used.isAsked = false;
    // The main process may be one that has ended by now; the shim says again that nothing is left.
    if (event.kind === "empty" && this.#used.isAsked) return;
    if (event.kind !== "exited") {
      this.#owner.handle(event);
      return;
    }
    const { run, pid, last } = event;
    this.#owner.handle({ kind: "exited", run, pid, last, end: endOf(event) });
  }

  onLost(reason: string): void {
    if (this.#used === undefined) return;
    this.#host.run.forgetShim(this.unit, this.#used.shim.id);
    this.#used = undefined;
    this.#host.cgroups.kill(this.unit);
    this.#owner.handle({ kind: "lost", reason });
    // It may wait for its restart, with no shim to keep that.
    if (this.#used === undefined) this.#host.run.remember(this.unit, this.state());
  }

  #use(shim: UnitShim): ShimInUse {
    const { resources, slice, oomPolicy } = this.#owner.settings();
    const leaf = this.#host.cgroups.prepare(this.unit, resources, slice, oomPolicy === "kill");
    if (leaf.oomKills !== undefined) shim.request({ kind: "memory", file: leaf.oomKills });
    this.#used = { shim, leaf, isAsked: false };
    const { hold } = this.#owner.state();
    if (hold !== undefined) this.hold(hold);
    return this.#used;
  }
}

function endOf({ code, signal, core }: Extract<ProcessEvent, { kind: "exited" }>): ProcessEnd {
  if (signal === undefined) return code === undefined ? {} : { code };
  return { signal: signalByNumber(signal) ?? String(signal), ...(core ? { core } : {}) };
}
