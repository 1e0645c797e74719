/**
 * A service on this machine: carries the pure core's actions out through the unit's shim, and feeds back what happens.
 *
 * Invariants: the shim is given a batch of requests and, behind them, the state that asked for them, so that a later
 * supervisor finds either both or neither, and repeats at most requests the shim knows already. A service at rest has
 * no shim; its state is in the run directory.
 */
import { constants } from "node:os";
import type { Timer } from "#base/clock.ts";
import { randomId } from "#base/random.ts";
import { LIMIT_KEYS } from "#unit/resources.ts";
import type { ServiceSettings } from "#unit/service.ts";
import type { ActiveState, JobOutcome, UnitStatus } from "../../supervisor.ts";
import type { Leaf } from "../cgroup/cgroups.ts";
import { describeUnenforced } from "../exec/features.ts";
import { namedAccounts } from "../exec/identity.ts";
import { endRun, runRequest } from "../exec/request.ts";
import { describeNotApplied } from "../not-applied.ts";
import {
  findShim,
  notifySocket,
  type ShimConnection,
  type ShimListener,
  startShim,
} from "../shim/connection.ts";
import {
  type Hello,
  isProcessEvent,
  type ProcessEvent,
  type ShimMessage,
  type ShimRequest,
} from "../shim/protocol.ts";
import { LATE_VALUES } from "../shim/run-request.ts";
import { type PassedSockets, socketVariables } from "../triggers/socket/passed-sockets.ts";
import type { LoadedUnit, Unit, UnitHost } from "../unit.ts";
import { PidFileWatch } from "./pid-file.ts";
import { parseSavedState, readSavedState } from "./saved-state.ts";
import {
  ACTIVE_OF,
  initialState,
  type ServiceAction,
  type ServiceEvent,
  type ServiceState,
} from "./state.ts";
import { step } from "./step.ts";
import { Waiters } from "./waiters.ts";

/** Names without SIG by number; of two names for one number, the first. */
const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .map(([name, number]) => [number, name.slice(3)] as const)
    .toReversed(),
);

/** A shim in use: its connection, and what it has said so far. */
interface Shim {
  readonly id: string;
  readonly connection: ShimConnection;
  readonly leaf: Leaf;
  seq: number;
  /** The state that was saved there last. */
  saved: string;
  oomKills: number;
}

export class ServiceUnit implements Unit {
  readonly #host: UnitHost;
  readonly #waiters = new Waiters();
  #loaded: LoadedUnit;
  #settings: ServiceSettings;
  #state: ServiceState;
  #shim: Shim | undefined;
  #outbox: ShimRequest[] = [];
  #flushing = false;
  #timer: Timer | undefined;
  #armedMs: number | undefined;
  #pidFile: PidFileWatch | undefined;
  /** The shim has been asked which process is the main one, and has not answered. */
  #isFindingMain = false;
  /** What the unit that asked for this run has told it. */
  #triggerVariables: Readonly<Record<string, string>> = {};
  #closed = false;
  /** Resolves when the last shim has written all it was told to. */
  #released: Promise<void> = Promise.resolve();

  constructor(host: UnitHost, loaded: LoadedUnit, settings: ServiceSettings) {
    this.#host = host;
    this.#loaded = loaded;
    this.#settings = settings;
    this.#state = initialState(host.clock.now());
  }

  get loaded(): LoadedUnit {
    return this.#loaded;
  }

  get #name(): string {
    return this.#loaded.source.name;
  }

  replace(loaded: LoadedUnit): void {
    this.#loaded = loaded;
    if (loaded.definition.kind === "service") this.#settings = loaded.definition.settings;
  }

  get active(): ActiveState {
    return ACTIVE_OF[this.#state.sub];
  }

  status(): UnitStatus {
    const { sub, result, sinceMs, invocation, mainPid, mainEnd, restarts, message, completed } = this.#state;
    const { definition, source } = this.#loaded;
    const problem = definition.kind === "bad-setting" ? definition.message : undefined;
    const text = problem ?? message;
    return {
      name: source.name,
      file: source.file,
      load: problem === undefined ? "loaded" : "bad-setting",
      active: ACTIVE_OF[sub],
      sub,
      result,
      sinceMs,
      invocation,
      restarts,
      completed,
      ...(mainPid === undefined ? {} : { mainPid }),
      ...(mainEnd?.code === undefined ? {} : { exitCode: mainEnd.code }),
      ...(mainEnd?.signal === undefined ? {} : { exitSignal: mainEnd.signal }),
      ...(text === undefined ? {} : { message: text }),
    };
  }

  async start(): Promise<JobOutcome> {
    const named = namedAccounts(this.#settings);
    const { accounts } = this.#host.exec;
    if (!accounts.knows(named)) await accounts.ask(named);
    const outcome = this.#waiters.add("start");
    const isNew = isAtRest(this.#state);
    if (isNew) this.#triggerVariables = this.#host.triggerVariables(this.#name);
    this.#dispatch({ kind: "start" });
    if (isNew) this.#logNotApplied();
    return outcome;
  }

  async stop(): Promise<JobOutcome> {
    this.#waiters.settle("start", { result: "canceled", message: `${this.#name} is stopped` });
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
    if (this.#shim === undefined) this.#host.run.remember(this.#name, this.#state);
  }

  /** Finds the shim an earlier supervisor left, with the state it kept; else what is remembered of the unit at rest. */
  async adopt(): Promise<void> {
    const { run } = this.#host;
    for (const id of run.shimsOf(this.#name)) {
      const early: ShimMessage[] = [];
      const found = await findShim(run.of(this.#name), id, {
        onMessage: (message) => (this.#shim?.id === id ? this.#receive(message) : early.push(message)),
        onLost: (reason) => this.#lost(id, reason),
      });
      if (found === undefined) run.forgetShim(this.#name, id);
      else this.#takeOver(id, found.connection, found.hello, early);
    }
    if (this.#shim !== undefined) return;
    const remembered = readSavedState(run.recall(this.#name));
    if (remembered !== undefined) this.#state = remembered;
    this.#host.cgroups.remove(this.#name);
  }

  close(): void {
    this.#flush();
    this.#closed = true;
    this.#timer?.cancel();
    this.#pidFile?.close();
    void this.#shim?.connection.close();
    this.#waiters.settleAll({ result: "canceled", message: "the supervisor is closing" });
  }

  // --- the core, and its actions ---------------------------------------------------------------------------------

  #dispatch(event: ServiceEvent): void {
    if (this.#closed) return;
    const before = this.#state;
    const { clock, random } = this.#host;
    const context = {
      unit: this.#name,
      settings: this.#settings,
      nowMs: clock.now(),
      // Few steps begin a run, and random bytes are not for nothing.
      get invocation() {
        return randomId(random);
      },
    };
    const { state, actions } = step(context, before, event);
    this.#state = state;
    for (const action of actions) this.#act(action);
    if (state.sub === "auto-restart" && before.sub !== state.sub) this.#endRun(true);
    this.#armDeadline();
    if (state.sub !== "start") this.#pidFile?.close();
    this.#scheduleFlush();
    if (!sameStatus(before, state)) this.#host.changed(this.#name);
  }

  #act(action: ServiceAction): void {
    switch (action.kind) {
      case "run":
        this.#run(action);
        break;
      case "kill":
        this.#kill(action);
        break;
      case "watch":
        this.#request({ kind: "watch", run: action.run, pid: action.pid });
        break;
      case "find-main":
        this.#findMain(action);
        break;
      case "log":
        this.#log(action.priority, action.text);
        break;
      case "up":
        this.#waiters.settle("start", { result: "done" });
        break;
      case "ended":
        this.#ended(action);
        break;
      case "reloaded":
        this.#waiters.settle("reload", { result: action.failed ? "failed" : "done" });
        break;
      case "release":
        this.#release();
        break;
    }
  }

  #run(action: Extract<ServiceAction, { kind: "run" }>): void {
    this.#shim ??= this.#startShim();
    const passed = this.#socketsOf(action.run);
    const context = {
      unit: this.#name,
      run: action.run,
      invocation: this.#state.invocation ?? "",
      cgroupProcs: this.#shim.leaf.procs,
      variables: {
        ...this.#notifyVariables(this.#shim.id),
        ...this.#triggerVariables,
        ...passed.variables,
        ...action.variables,
      },
      sockets: passed.sources,
    };
    const request = runRequest(this.#settings, action.command, context, this.#host.exec);
    this.#request({ kind: "run", request });
  }

  /** Sockets are the main process's, unless they are what every command reads or writes. */
  #socketsOf(run: number): Pick<PassedSockets, "sources" | "variables"> {
    const { standardInput, standardOutput, standardError } = this.#settings;
    const isStream = [standardInput, standardOutput, standardError].some(({ kind }) => kind === "socket");
    const isMain = run === this.#state.mainRun || this.#state.control?.list === "execStart";
    if (!isMain && !isStream) return { sources: [], variables: {} };
    const passed = this.#host.socketsFor(this.#name);
    return { sources: passed.sources, variables: socketVariables(passed, isStream) };
  }

  #notifyVariables(shim: string): Record<string, string> {
    const { notifyAccess, watchdogMs } = this.#settings;
    return {
      ...(notifyAccess === "none" ? {} : { NOTIFY_SOCKET: notifySocket(shim) }),
      ...(watchdogMs > 0
        ? { WATCHDOG_USEC: String(watchdogMs * 1000), WATCHDOG_PID: LATE_VALUES.process }
        : {}),
    };
  }

  #endRun(restarts: boolean): void {
    const run = { unit: this.#name, invocation: this.#state.invocation ?? "", restarts };
    endRun(this.#settings, run, this.#host.exec);
  }

  #kill({ signal, run }: Extract<ServiceAction, { kind: "kill" }>): void {
    const cgroup = this.#shim?.leaf.tracking;
    if (run !== undefined) {
      this.#request({ kind: "kill", signal, run });
      return;
    }
    this.#request({ kind: "kill", signal, ...(cgroup === undefined ? {} : { cgroup }) });
  }

  #findMain({ run, pidFile }: Extract<ServiceAction, { kind: "find-main" }>): void {
    if (pidFile === undefined) this.#watchMain(run, "guess");
    else this.#pidFile = new PidFileWatch(pidFile, (pid) => this.#watchMain(run, pid));
  }

  #watchMain(run: number, pid: number | "guess"): void {
    this.#isFindingMain = true;
    this.#request({ kind: "watch", run, pid });
    this.#scheduleFlush();
  }

  /** Those who waited are answered when everything about the run is in its journal. */
  #ended({ failed, startPending }: Extract<ServiceAction, { kind: "ended" }>): void {
    if (this.#state.sub === "auto-restart") this.#host.passed(this.#name, failed ? "failed" : "inactive");
    const stopped = this.#waiters.take("stop");
    const started = startPending ? undefined : this.#waiters.take("start");
    const outcome: JobOutcome = failed
      ? { result: "failed", message: this.#describeEnd() }
      : { result: "done" };
    void this.#released.then(() => {
      stopped({ result: "done" });
      started?.(outcome);
    });
  }

  #describeEnd(): string {
    const { result, message, mainEnd } = this.#state;
    if (message !== undefined) return message;
    const text = `${this.#name} failed with result '${result}'`;
    if (mainEnd?.signal !== undefined) return `${text} (signal ${mainEnd.signal})`;
    return mainEnd?.code === undefined ? text : `${text} (status ${mainEnd.code})`;
  }

  #log(priority: number, text: string): void {
    if (this.#shim === undefined) this.#host.journal.append(this.#name, priority, text);
    else this.#request({ kind: "log", priority, text, fields: this.#logFields() });
  }

  #logFields(): string {
    return this.#host.journal.fieldsAbout(this.#name, { INVOCATION_ID: this.#state.invocation });
  }

  #logNotApplied(): void {
    const limits = this.#host.cgroups.unenforced(this.#settings.resources).map((limit) => LIMIT_KEYS[limit]);
    const text = describeNotApplied([...this.#loaded.notApplied, ...limits]);
    const unenforced = describeUnenforced(this.#settings, this.#host.exec.missing);
    const lines = [...(text === undefined ? [] : [text]), ...unenforced];
    for (const line of lines) this.#log(4, `${this.#name}: ${line}`);
    if (lines.length > 0) this.#scheduleFlush();
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

  #startShim(): Shim {
    const { run, journal, cgroups, random, spawner } = this.#host;
    run.forgetMemory(this.#name);
    const id = randomId(random);
    const connection = startShim(
      spawner,
      {
        unit: this.#name,
        id,
        runDirectory: run.of(this.#name),
        journal: journal.placeOf(this.#name, this.#settings.slice),
      },
      this.#listener(id),
    );
    const leaf = cgroups.prepare(this.#name, this.#settings.resources, this.#settings.slice);
    return { id, connection, leaf, seq: 0, saved: "", oomKills: cgroups.oomKills(this.#name) };
  }

  #listener(id: string): ShimListener {
    return {
      onMessage: (message) => this.#shim?.id === id && this.#receive(message),
      onLost: (reason) => this.#lost(id, reason),
    };
  }

  #takeOver(id: string, connection: ShimConnection, hello: Hello, early: readonly ShimMessage[]): void {
    const { cgroups } = this.#host;
    const saved = parseSavedState(hello.saved);
    const leaf = cgroups.prepare(this.#name, this.#settings.resources, this.#settings.slice);
    this.#shim = { id, connection, leaf, seq: 0, saved: "", oomKills: cgroups.oomKills(this.#name) };
    if (saved === undefined) {
      this.#abandon();
      return;
    }
    this.#state = saved;
    // What has happened since is a change of this state.
    this.#host.changed(this.#name);
    this.#armDeadline();
    for (const message of early) this.#receive(message);
  }

  /** A shim without a state that can be read is of no use: what it runs is ended, and the unit is as if never started. */
  #abandon(): void {
    this.#kill({ kind: "kill", signal: "KILL" });
    this.#release();
  }

  #receive(message: ShimMessage): void {
    const shim = this.#shim;
    if (shim === undefined || this.#closed) return;
    if (message.kind === "rotated") this.#host.journal.sweep();
    if (message.kind !== "event") return;
    shim.seq = message.seq;
    if (!isProcessEvent(message.event)) return;
    if (message.event.kind === "adopted") this.#isFindingMain = false;
    // The main process may be one that has ended by now; the shim says again that nothing is left.
    if (message.event.kind === "empty" && this.#isFindingMain) return;
    const event = this.#translate(shim, message.event);
    this.#dispatch(event);
  }

  #translate(shim: Shim, event: ProcessEvent): ServiceEvent {
    if (event.kind !== "exited") return event;
    const { run, pid, core, code, signal } = event;
    if (signal === undefined) return { kind: "exited", run, pid, core, oom: false, end: { code: code ?? 0 } };
    const oom = signal === constants.signals.SIGKILL && this.#wasOom(shim);
    return { kind: "exited", run, pid, core, oom, end: { signal: signalName(signal) } };
  }

  #wasOom(shim: Shim): boolean {
    const kills = this.#host.cgroups.oomKills(this.#name);
    const isNew = kills > shim.oomKills;
    shim.oomKills = kills;
    return isNew;
  }

  #lost(id: string, reason: string): void {
    if (this.#shim?.id !== id) return;
    this.#shim = undefined;
    this.#isFindingMain = false;
    this.#outbox = [];
    this.#host.run.forgetShim(this.#name, id);
    this.#host.cgroups.kill(this.#name);
    this.#dispatch({ kind: "lost", reason });
  }

  #release(): void {
    const shim = this.#shim;
    this.#endRun(false);
    this.#host.run.remember(this.#name, this.#state);
    if (shim === undefined) return;
    this.#request({ kind: "quit" });
    this.#flush();
    this.#shim = undefined;
    this.#released = shim.connection.close();
    this.#host.cgroups.remove(this.#name);
  }

  #request(request: ShimRequest): void {
    this.#outbox.push(request);
  }

  /**
   * Requests of one turn go out together, with the state behind them. An event that changed nothing needs no new
   * state: a later supervisor gets it again, and it changes nothing again.
   */
  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const shim = this.#shim;
    if (shim === undefined || this.#closed) return;
    const state = JSON.stringify(this.#state);
    if (state === shim.saved && this.#outbox.length === 0) return;
    shim.saved = state;
    shim.connection.send([...this.#outbox.splice(0), { kind: "save", seq: shim.seq, state }]);
  }
}

function signalName(number: number): string {
  return SIGNAL_NAMES.get(number) ?? String(number);
}

function isAtRest({ sub }: ServiceState): boolean {
  return sub === "dead" || sub === "failed";
}

/** Whether nothing that a status shows has changed. */
function sameStatus(a: ServiceState, b: ServiceState): boolean {
  return (
    a.sub === b.sub &&
    a.result === b.result &&
    a.invocation === b.invocation &&
    a.mainPid === b.mainPid &&
    a.mainEnd === b.mainEnd &&
    a.restarts === b.restarts &&
    a.completed === b.completed &&
    a.message === b.message
  );
}
