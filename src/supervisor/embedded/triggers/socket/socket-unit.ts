/**
 * A socket unit on this machine: carries the pure core's actions out through the shim that holds the sockets.
 *
 * Invariants: the sockets, and connections that a service has not ended with, are the shim's, so that none is lost with
 * the supervisor; a command gets them from there between fork and exec. The shim lives while a port or a connection is
 * open.
 *
 * With Accept=yes a connection and its instance are kept by two shims. A supervisor can be killed behind each effect:
 *   the connection was taken     it is told again, and named as before
 *   it was saved                 it has no instance, or one that was never started: that is started
 *   the instance was started     its own shim knows how far it has come; the connection is kept for its commands
 *   the instance has ended       which its shim or its memory knows: the connection is let go
 *   the connection was let go    the instance is that of none, and is forgotten
 */
import type { Timer } from "#base/clock.ts";
import { randomId } from "#base/random.ts";
import { parseUnitName } from "#unit/name.ts";
import { nodesOf, type SocketSettings } from "#unit/read-socket.ts";
import { LIMIT_KEYS } from "#unit/resources.ts";
import { decodeAddress } from "#unit/socket-address.ts";
import type { ActiveState, JobOutcome, UnitFact, UnitResult, UnitStatus } from "../../../supervisor.ts";
import type { Leaf } from "../../cgroup/cgroups.ts";
import { runRequest } from "../../exec/request.ts";
import { describeNotApplied } from "../../not-applied.ts";
import type { PortRequest, ShimEvent } from "../../shim/protocol.ts";
import { type ShimUser, UnitShim } from "../../shim/unit-shim.ts";
import { plainStatus } from "../../simple-unit.ts";
import { type LoadedUnit, titleOf, type Unit, type UnitHost } from "../../unit.ts";
import { Waiters } from "../../waiters.ts";
import { isUp, triggersFact, whyNotQueued } from "../triggered-unit.ts";
import { describePort } from "./describe-port.ts";
import { learnOwner, ownerOf } from "./file-owner.ts";
import { connectionName, remoteVariables, templateFor } from "./instance-name.ts";
import { portRequest } from "./listen.ts";
import type { PassedSockets } from "./passed-sockets.ts";
import { readSavedSocket } from "./saved-socket.ts";
import {
  initialSocketState,
  SOCKET_ACTIVE,
  type SocketAction,
  type SocketState,
  type SocketUnitEvent,
} from "./socket-state.ts";
import { stepSocket } from "./socket-step.ts";
import { SYSTEM_ADDRESSES } from "./system-addresses.ts";

export class SocketUnit implements Unit, ShimUser {
  readonly #host: UnitHost;
  readonly #waiters = new Waiters();
  #loaded: LoadedUnit;
  #settings: SocketSettings;
  #state: SocketState;
  #shim: UnitShim | undefined;
  /** Where its commands are put, once one has been run. */
  #leaf: Leaf | undefined;
  #timer: Timer | undefined;
  #armedMs: number | undefined;
  #closed = false;
  /** Resolves when the last shim has done all it was asked for. */
  #released: Promise<void> = Promise.resolve();

  constructor(host: UnitHost, loaded: LoadedUnit, settings: SocketSettings) {
    this.#host = host;
    this.#loaded = loaded;
    this.#settings = settings;
    this.#state = initialSocketState(host.clock.now());
  }

  get loaded(): LoadedUnit {
    return this.#loaded;
  }

  get unit(): string {
    return this.#loaded.source.name;
  }

  replace(loaded: LoadedUnit): void {
    this.#loaded = loaded;
    if (loaded.definition.kind === "socket") this.#settings = loaded.definition.settings;
  }

  get active(): ActiveState {
    return SOCKET_ACTIVE[this.#state.sub];
  }

  state(): SocketState {
    return this.#state;
  }

  status(): UnitStatus {
    const { sub, result, sinceMs, invocation, message } = this.#state;
    return {
      ...plainStatus(this.#loaded, sinceMs),
      active: SOCKET_ACTIVE[sub],
      sub,
      result,
      invocation,
      ...(message === undefined ? {} : { message }),
    };
  }

  facts(): readonly UnitFact[] {
    const { ports, accept, service } = this.#settings;
    const { accepted, connections } = this.#state;
    const listens = ports.map((port) => ({ label: "Listen", text: describePort(port) }));
    return [
      ...listens,
      ...(accept
        ? [{ label: "Accepted", text: `${accepted}; Connected: ${connections.length};` }]
        : triggersFact(service, this.#host)),
    ];
  }

  // --- jobs ------------------------------------------------------------------------------------------------------

  async start(): Promise<JobOutcome> {
    const { sub } = this.#state;
    if (SOCKET_ACTIVE[sub] === "active") return { result: "done" };
    const refusal = this.#refusal();
    if (refusal !== undefined) return refusal;
    await learnOwner(this.#settings, this.#host.exec.accounts);
    const outcome = this.#waiters.add("start");
    if (sub === "dead" || sub === "failed") this.#begin();
    return outcome;
  }

  #begin(): void {
    const limits = this.#host.cgroups.unenforced(this.#settings.resources).map((limit) => LIMIT_KEYS[limit]);
    const notApplied = describeNotApplied([...this.#loaded.notApplied, ...limits]);
    if (notApplied !== undefined) this.#log(4, `${this.unit}: ${notApplied}`);
    this.#dispatch({ kind: "start" });
  }

  /** A socket is of no use without its service, and no longer its to take once that runs. */
  #refusal(): JobOutcome | undefined {
    const { service } = this.#settings;
    if (service === undefined || this.active === "activating") return undefined;
    const status = this.#host.instantiate(service) ? this.#host.statusOf(service) : undefined;
    if (status?.load !== "loaded") return this.#refuse(`Socket service ${service} not loaded, refusing.`);
    const isFree =
      status.active === "inactive" || status.active === "failed" || status.sub === "auto-restart";
    return isFree ? undefined : this.#refuse(`Socket service ${service} already active, refusing.`);
  }

  #refuse(problem: string): JobOutcome {
    this.#log(3, `${this.unit}: ${problem}`);
    return { result: "failed", message: problem };
  }

  async stop(): Promise<JobOutcome> {
    if (this.active === "inactive" || this.active === "failed") return { result: "done" };
    this.#waiters.settle("start", { result: "canceled", message: `${this.unit} is stopped` });
    const outcome = this.#waiters.add("stop");
    this.#dispatch({ kind: "stop" });
    return outcome;
  }

  readonly canReload = false;

  async reload(): Promise<JobOutcome> {
    return { result: "skipped", message: "this unit cannot be reloaded" };
  }

  resetFailed(): void {
    this.#dispatch({ kind: "reset-failed" });
  }

  // --- services ---------------------------------------------------------------------------------------------------

  /** What a command of the service gets from here; undefined when nothing. */
  socketsFor(service: string): PassedSockets | undefined {
    const shim = this.#shim;
    if (shim === undefined) return undefined;
    const place = `${this.#host.run.of(this.unit)}/${shim.id}`;
    const connection = this.#state.connections.find(({ unit }) => unit === service);
    if (connection !== undefined) {
      const source = `${connection.connection}:${place}`;
      return {
        sources: [source],
        names: ["connection"],
        variables: remoteVariables(connection.remote),
      };
    }
    const { names } = this.#state;
    const isIts = service === this.#settings.service || this.#host.usesSocket(service, this.unit);
    return isIts && names.length > 0 ? { sources: [`:${place}`], names, variables: {} } : undefined;
  }

  /** Another unit has changed its state. */
  unitChanged(name: string): void {
    if (name === this.#settings.service) {
      this.#dispatch({ kind: "service" });
      return;
    }
    if (hasEnded(this.#host.statusOf(name))) this.#served(name);
  }

  /** The connection goes before its instance is forgotten: who finds it without one serves it. */
  #served(instance: string): void {
    const connection = this.#state.connections.find(({ unit }) => unit === instance);
    if (connection === undefined) return;
    this.#dispatch({ kind: "served", connection: connection.connection });
    this.#forgetInstance(instance);
  }

  #forgetInstance(instance: string): void {
    if (this.#host.statusOf(instance)?.active === "inactive") this.#host.forgetInstance(instance);
  }

  // --- the core, and its actions ---------------------------------------------------------------------------------

  #dispatch(event: SocketUnitEvent): void {
    if (this.#closed) return;
    const before = this.#state;
    const { state, actions } = stepSocket(this.#context(), before, event);
    this.#state = state;
    for (const action of actions) this.#act(action);
    this.#armDeadline();
    this.#shim?.save();
    this.#releaseShim();
    const end = actions.find((action) => action.kind === "ended");
    if (end !== undefined) this.#ended(end.failed);
    if (before.sub !== state.sub || before.message !== state.message) this.#host.changed(this.unit);
  }

  #context() {
    const { clock, random } = this.#host;
    const { service } = this.#settings;
    return {
      unit: this.unit,
      title: titleOf(this.#loaded),
      settings: this.#settings,
      nowMs: clock.now(),
      get invocation() {
        return randomId(random);
      },
      service: service === undefined ? undefined : this.#host.statusOf(service),
      hasJob: service !== undefined && this.#host.hasJob(service),
    };
  }

  #act(action: SocketAction): void {
    switch (action.kind) {
      case "listen":
        this.#listen();
        break;
      case "poll": {
        const { accept, flushPending } = this.#settings;
        this.#shim?.request({ kind: "poll", accept: accept ? 1 : 0, flush: flushPending && !accept ? 1 : 0 });
        break;
      }
      case "unpoll":
        this.#shim?.request({ kind: "unpoll" });
        break;
      case "unlisten":
        this.#unlisten();
        break;
      case "drop":
        this.#shim?.request({ kind: "drop", connection: action.connection });
        break;
      case "trigger":
        this.#trigger();
        break;
      case "serve":
        this.#serve(action.unit);
        break;
      case "run":
        this.#run(action);
        break;
      case "kill":
        this.#kill(action.signal);
        break;
      case "log":
        this.#log(action.priority, action.text);
        break;
      case "up":
        this.#waiters.settle("start", { result: "done" });
        break;
      case "ended":
        // Told once the shim has let go of everything.
        break;
    }
  }

  #ended(failed: boolean): void {
    const { message = `${this.unit} failed with result '${this.#state.result}'` } = this.#state;
    const started = this.#waiters.take("start");
    const stopped = this.#waiters.take("stop");
    void this.#released.then(() => {
      started(failed ? { result: "failed", message } : { result: "done" });
      stopped({ result: "done" });
    });
  }

  #listen(): void {
    const owner = ownerOf(this.#settings, this.#host.exec.accounts);
    const requests = this.#settings.ports.map((_, index) =>
      owner instanceof Error ? owner : portRequest(this.#settings, index, owner, SYSTEM_ADDRESSES),
    );
    const problem = requests.find((request) => request instanceof Error);
    if (problem !== undefined) {
      const result = owner instanceof Error ? "exit-code" : "resources";
      queueMicrotask(() => this.#dispatch({ kind: "opened", port: 0, error: problem.message, result }));
      return;
    }
    const ports = requests.filter((request): request is PortRequest => !(request instanceof Error));
    this.#shim ??= UnitShim.start(this.#host, this);
    this.#shim.request(...ports.map((port) => ({ kind: "listen", ...port }) as const));
  }

  #run({ run, command }: Extract<SocketAction, { kind: "run" }>): void {
    const leaf = this.#enterLeaf();
    const context = {
      unit: this.unit,
      run,
      invocation: this.#state.invocation ?? "",
      cgroupProcs: leaf instanceof Error ? [] : leaf.procs,
      variables: {},
    };
    const request = runRequest(this.#settings.exec, command, context, this.#host.exec);
    const refusal =
      leaf instanceof Error ? ({ step: "cgroup", error: leaf.message } as const) : request.refusal;
    this.#shim ??= UnitShim.start(this.#host, this);
    this.#shim.request({ kind: "run", request: refusal === undefined ? request : { ...request, refusal } });
  }

  /** An error where the kernel refuses a limit. */
  #enterLeaf(): Leaf | Error {
    const { resources, slice } = this.#settings;
    try {
      this.#leaf ??= this.#host.cgroups.prepare(this.unit, resources, slice);
      return this.#leaf;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #kill(signal: string): void {
    const cgroup = this.#leaf?.tracking;
    this.#shim?.request({ kind: "kill", signal, ...(cgroup === undefined ? {} : { cgroup }) });
  }

  #unlisten(): void {
    const { removeOnStop, ports, symlinks } = this.#settings;
    const remove = removeOnStop ? [...nodesOf(ports), ...symlinks] : [];
    this.#shim?.request({ kind: "unlisten", remove });
  }

  #trigger(): void {
    const { service } = this.#settings;
    if (service === undefined) return;
    this.#host.requestStart(service, (outcome) => this.#startEnded(service, outcome));
  }

  /** The service failing is told by its state; that it could not be asked at all, only here. */
  #startEnded(service: string, outcome: JobOutcome): void {
    const reason = whyNotQueued(outcome);
    if (reason === undefined) this.#dispatch({ kind: "service" });
    else this.#dispatch({ kind: "refused", reason, unit: service });
  }

  #serve(unit: string): void {
    if (!this.#host.instantiate(unit)) {
      const reason = `Unit ${parseUnitName(unit).template ?? unit} not found.`;
      queueMicrotask(() => this.#dispatch({ kind: "refused", reason, unit }));
      return;
    }
    this.#host.requestStart(unit, (outcome) => this.#serveEnded(unit, outcome));
  }

  /** One that has not come up by now, as after an unmet condition, never will. */
  #serveEnded(unit: string, outcome: JobOutcome): void {
    const reason = whyNotQueued(outcome);
    if (reason !== undefined) this.#dispatch({ kind: "refused", reason, unit });
    else if (!isUp(this.#host.statusOf(unit))) this.#served(unit);
  }

  #log(priority: number, text: string): void {
    if (this.#shim === undefined) this.#host.journal.append(this.unit, priority, text);
    else this.#shim.log(priority, text, this.#state.invocation);
  }

  #armDeadline(): void {
    const { deadlineMs } = this.#state;
    if (deadlineMs === this.#armedMs) return;
    this.#timer?.cancel();
    this.#armedMs = deadlineMs;
    if (deadlineMs === undefined) return;
    const { clock } = this.#host;
    this.#timer = clock.setTimer(deadlineMs - clock.now(), () => {
      this.#armedMs = undefined;
      this.#dispatch({ kind: "deadline" });
    });
  }

  // --- the shim --------------------------------------------------------------------------------------------------

  async adopt(): Promise<void> {
    const found = await UnitShim.find(this.#host, this);
    const saved = found === undefined ? this.#host.run.recall(this.unit) : found.saved;
    const state = readSavedSocket(saved);
    if (state !== undefined) this.#state = state;
    if (found === undefined) return;
    this.#shim = found.shim;
    if (state?.control !== undefined) this.#enterLeaf();
    if (state === undefined) {
      found.shim.request({ kind: "kill", signal: "KILL" });
      this.#releaseShim();
    }
    this.#armDeadline();
  }

  /** All units are known again: what the last supervisor may have left undone is done. */
  resume(): void {
    this.#shim?.listen();
    this.#dispatch({ kind: "service" });
    for (const { unit } of this.#state.connections) {
      const status = this.#host.statusOf(unit);
      if (status === undefined || status.invocation === undefined) this.#serve(unit);
      else this.unitChanged(unit);
    }
    this.#forgetOthers();
  }

  /** Instances of connections that are gone: the last supervisor had no time to forget them. */
  #forgetOthers(): void {
    if (!this.#settings.accept) return;
    const { connections } = this.#state;
    for (const name of this.#host.instancesOf(templateFor(this.unit))) {
      if (!connections.some(({ unit }) => unit === name)) this.#forgetInstance(name);
    }
  }

  onEvent(event: ShimEvent): void {
    switch (event.kind) {
      case "opened":
      case "incoming":
      case "empty":
        this.#dispatch(event);
        break;
      case "accepted": {
        const { connection, pid, uid } = event;
        const remote = decodeAddress(event.remote);
        const instance = connectionName({ local: decodeAddress(event.local), remote, pid, uid });
        this.#dispatch({ kind: "accepted", connection, instance, remote });
        break;
      }
      case "exited":
        this.#dispatch({ kind: "exited", run: event.run, result: resultOf(event) });
        break;
      default:
      // The beginning of a command tells nothing that its end does not.
    }
  }

  onLost(reason: string): void {
    const shim = this.#shim;
    if (shim === undefined) return;
    this.#shim = undefined;
    this.#host.run.forgetShim(this.unit, shim.id);
    this.#host.cgroups.kill(this.unit);
    this.#dispatch({ kind: "lost", reason });
    this.#host.run.remember(this.unit, this.#state);
  }

  #releaseShim(): void {
    const isAtRest = this.#state.sub === "dead" || this.#state.sub === "failed";
    if (!isAtRest || this.#state.connections.length > 0) return;
    this.#host.run.remember(this.unit, this.#state);
    const shim = this.#shim;
    if (shim === undefined && this.#leaf === undefined) return;
    this.#shim = undefined;
    this.#leaf = undefined;
    if (shim !== undefined) this.#released = shim.release();
    this.#host.cgroups.remove(this.unit);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    void this.#shim?.letGo();
    this.#waiters.settleAll({ result: "canceled", message: "the supervisor is closing" });
  }
}

function hasEnded(status: UnitStatus | undefined): boolean {
  if (status === undefined) return true;
  return status.invocation !== undefined && (status.active === "inactive" || status.active === "failed");
}

function resultOf({ code, signal, core }: Extract<ShimEvent, { kind: "exited" }>): UnitResult {
  if (signal !== undefined) return core ? "core-dump" : "signal";
  return code === 0 ? "success" : "exit-code";
}
