/**
 * A service on this machine: carries the pure core's actions out through the unit's shim, and feeds back what happens.
 *
 * A service at rest has no shim, unless it has left processes running; its state is in the run directory then.
 */
import { join } from "node:path";
import { randomId } from "#base/random.ts";
import { LIMIT_KEYS } from "#unit/resources.ts";
import type { ServiceSettings } from "#unit/service.ts";
import type { ActiveState, Hold, JobOutcome, UnitStatus } from "../../supervisor.ts";
import { describeUnenforced } from "../exec/features.ts";
import { namedAccounts } from "../exec/identity.ts";
import type { JoinedUnit } from "../exec/joined-unit.ts";
import { removeTrees } from "../exec/remove.ts";
import { endRun } from "../exec/request.ts";
import { describeNotApplied } from "../not-applied.ts";
import type { Naming } from "../shim/protocol.ts";
import { type LoadedUnit, titleOf, type Unit, type UnitHost } from "../unit.ts";
import { Waiters } from "../waiters.ts";
import { Alarm } from "./alarm.ts";
import type { StepContext } from "./draft.ts";
import { PidFileWatch, readPidFile } from "./pid-file.ts";
import { readSavedState } from "./saved-state.ts";
import { commandRequest } from "./service-command.ts";
import { ServiceShim } from "./service-shim.ts";
import { activeOf, initialState, type ServiceAction, type ServiceEvent, type ServiceState } from "./state.ts";
import { describeFailure, sameStatus, serviceStatus } from "./status.ts";
import { step } from "./step.ts";

type ActionOf<K extends ServiceAction["kind"]> = Extract<ServiceAction, { kind: K }>;
type Words = Pick<Naming, "priority" | "before" | "after">;

const LEFTOVERS: Readonly<Record<ActionOf<"tell-leftovers">["when"], Words>> = {
  start: {
    priority: 4,
    before: "Found left-over process ",
    after: " in control group while starting unit. Ignoring.",
  },
  stop: { priority: 6, before: "Unit process ", after: " remains running after unit stopped." },
};

export class ServiceUnit implements Unit {
  readonly #host: UnitHost;
  readonly #waiters = new Waiters();
  readonly #shim: ServiceShim;
  readonly #deadline: Alarm;
  readonly #watchdog: Alarm;
  #loaded: LoadedUnit;
  #settings: ServiceSettings;
  #state: ServiceState;
  #pidFile: PidFileWatch | undefined;
  /** A command of this idle service waits for the jobs of others. */
  #isHeldBack = false;
  #closed = false;

  constructor(host: UnitHost, loaded: LoadedUnit, settings: ServiceSettings) {
    this.#host = host;
    this.#loaded = loaded;
    this.#settings = settings;
    this.#state = initialState(host.clock.now());
    this.#shim = new ServiceShim(host, {
      name: loaded.source.name,
      settings: () => this.#settings,
      state: () => this.#state,
      takeOver: (saved) => this.#takeOver(saved),
      handle: (event) => this.#dispatch(event),
    });
    this.#deadline = new Alarm(host.clock, () => this.#dispatch({ kind: "deadline" }));
    this.#watchdog = new Alarm(host.clock, () => this.#dispatch({ kind: "watchdog" }));
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
    return activeOf(this.#state.sub, this.#settings.type);
  }

  /** What JoinsNamespaceOf= leads to, while anything of the unit runs. */
  get toJoin(): JoinedUnit | undefined {
    const { id } = this.#shim;
    const { invocation, namespaceOwner: owner = this.#name } = this.#state;
    if (id === undefined || invocation === undefined) return undefined;
    const shim = join(this.#host.run.of(this.#name), id);
    return { unit: this.#name, invocation, owner, shim, has: this.#settings.sandbox };
  }

  get isHeld(): boolean {
    return this.#shim.isOpen;
  }

  status(): UnitStatus {
    return serviceStatus(this.#loaded, this.#settings, this.#state);
  }

  get heldUntil(): number | undefined {
    return this.#state.hold?.untilMs;
  }

  /** While it does not run, that it is held at all is enough to remember: it is not started before it is held anew. */
  hold(hold: Hold | undefined): void {
    const { hold: before, ...rest } = this.#state;
    this.#state = hold === undefined ? rest : { ...rest, hold };
    if (this.#shim.isOpen) this.#shim.hold(hold);
    else if ((before === undefined) !== (hold === undefined))
      this.#host.run.remember(this.#name, this.#state);
  }

  async start(): Promise<JobOutcome> {
    const { heldUntil } = this;
    if (heldUntil !== undefined && heldUntil <= this.#host.clock.boottime())
      return { result: "failed", message: `${this.#name} may not run here now`, error: "HoldPassed" };
    const named = namedAccounts(this.#settings);
    const { accounts } = this.#host.exec;
    if (!accounts.knows(named)) await accounts.ask(named);
    const outcome = this.#waiters.add("start");
    const isNew = isAtRest(this.#state);
    this.#dispatch({ kind: "start", variables: this.#host.triggerVariables(this.#name) });
    if (isNew) this.#logNotApplied();
    return outcome;
  }

  async stop({ restarts = false } = {}): Promise<JobOutcome> {
    this.#waiters.settle("start", { result: "canceled", message: `${this.#name} is stopped` });
    const outcome = this.#waiters.add("stop");
    this.#dispatch({ kind: "stop", restarts });
    return outcome;
  }

  get canReload(): boolean {
    return this.#settings.execReload.length > 0 || this.#settings.type === "notify-reload";
  }

  async reload(): Promise<JobOutcome> {
    const outcome = this.#waiters.add("reload");
    this.#dispatch({ kind: "reload" });
    return outcome;
  }

  resetFailed(): void {
    this.#dispatch({ kind: "reset-failed" });
    if (!this.#shim.isOpen) this.#host.run.remember(this.#name, this.#state);
  }

  /**
   * All units are there, and with them the sockets that the next command may need: what has happened since the last
   * supervisor is taken in. What an idle service of that one waits for is not known: at most for the jobs there are.
   */
  resume(): void {
    this.#armTimers();
    const { candidate } = this.#state;
    const { pidFile } = this.#settings;
    if (candidate?.from === "pid-file" && pidFile !== undefined) this.#watchPidFile(pidFile);
    this.#shim.listen();
    this.#isHeldBack = this.#settings.type === "idle" && this.#shim.isOpen;
    this.unitChanged();
  }

  /** An idle service goes on when the last job has ended, and what is stored is dropped when no start follows. */
  unitChanged(): void {
    // Everybody is told of everything.
    if (!this.#isHeldBack && this.#state.stored.length === 0) return;
    const keepsStore = this.#state.stored.length > 0 && isAtRest(this.#state);
    if (keepsStore && !this.#host.hasJob(this.#name)) this.#dispatch({ kind: "unneeded" });
    if (!this.#isHeldBack || !this.#host.hasNoJobs()) return;
    this.#isHeldBack = false;
    this.#shim.request({ kind: "proceed" });
  }

  /** Takes over the shim an earlier supervisor left, with the state it kept; else what is remembered of the unit at rest. */
  async adopt(): Promise<void> {
    await this.#shim.find();
    if (this.#shim.isOpen) return;
    const remembered = readSavedState(this.#host.run.recall(this.#name));
    if (remembered !== undefined) this.#state = remembered;
    this.#host.cgroups.remove(this.#name);
  }

  forget(): void {
    this.#dispatch({ kind: "unloaded" });
  }

  close(): void {
    this.#shim.close();
    this.#closed = true;
    this.#deadline.set(undefined);
    this.#watchdog.set(undefined);
    this.#pidFile?.close();
    this.#waiters.settleAll({ result: "canceled", message: "the supervisor is closing" });
  }

  // --- the shim --------------------------------------------------------------------------------------------------

  /** Without a state that can be read a shim is of no use: what it runs is ended, and the unit is as if never started. */
  #takeOver(saved: ServiceState | undefined): void {
    if (saved === undefined) {
      this.#shim.kill("KILL");
      this.#shim.release();
      return;
    }
    this.#state = this.#withTimeToPing(saved);
  }

  /** While there was no daemon, nobody heard the service say that it lives. */
  #withTimeToPing(saved: ServiceState): ServiceState {
    if (saved.watchdogDueMs === undefined) return saved;
    const periodMs = saved.watchdogOverrideMs ?? this.#settings.watchdogMs;
    return { ...saved, watchdogDueMs: this.#host.clock.now() + periodMs };
  }

  // --- the core, and its actions ---------------------------------------------------------------------------------

  #dispatch(event: ServiceEvent): void {
    if (this.#closed) return;
    const before = this.#state;
    const wasHeld = this.isHeld;
    const { state, actions } = step(this.#context(), before, event);
    this.#state = state;
    // A shim that is there writes also the lines before its first command; opening the journal here takes longer.
    if (actions.some(({ kind }) => kind === "run")) this.#shim.open();
    for (const action of actions) this.#act(action);
    this.#armTimers();
    if (state.candidate?.from !== "pid-file") this.#pidFile?.close();
    this.#shim.save();
    const isFree = wasHeld && !this.isHeld;
    if (isFree || !sameStatus(before, state)) this.#host.changed(this.#name);
  }

  #context(): StepContext {
    const { clock, random, joinedBy } = this.#host;
    const { pidFile } = this.#settings;
    const unit = this.#name;
    return {
      unit,
      title: titleOf(this.#loaded),
      settings: this.#settings,
      nowMs: clock.now(),
      monotonicUs: Number(process.hrtime.bigint() / 1000n),
      // Few steps look for a main process, or begin a run, and neither reading nor random bytes are for nothing.
      get namespaceOwner() {
        return joinedBy(unit)?.owner;
      },
      get pidFile() {
        return pidFile === undefined ? undefined : readPidFile(pidFile);
      },
      get invocation() {
        return randomId(random);
      },
      get chance() {
        return random.next();
      },
    };
  }

  #armTimers(): void {
    this.#deadline.set(this.#state.deadlineMs);
    this.#watchdog.set(this.#state.watchdogDueMs);
  }

  #act<K extends ServiceAction["kind"]>(action: ActionOf<K>): void {
    const act: (action: ActionOf<K>) => void = this.#actions[action.kind];
    act(action);
  }

  readonly #actions: { readonly [K in ServiceAction["kind"]]: (action: ActionOf<K>) => void } = {
    run: (action) => this.#run(action),
    kill: (action) => this.#kill(action),
    watch: ({ run, pid, foreign }) =>
      this.#shim.request({ kind: "watch", run, pid, foreign: foreign ? 1 : 0 }),
    "find-main": (action) => this.#findMain(action),
    "tell-leftovers": ({ when }) => this.#shim.request({ kind: "name", ...this.#naming(LEFTOVERS[when]) }),
    "poll-descriptor": ({ fd }) => this.#shim.request({ kind: "poll-stored", fd }),
    "close-descriptors": ({ fds }) => this.#shim.request({ kind: "drop-stored", fd: fds }),
    log: ({ priority, text }) => this.#log(priority, text),
    up: () => this.#waiters.settle("start", { result: "done" }),
    ended: (action) => this.#ended(action),
    reloaded: ({ failed }) => this.#waiters.settle("reload", { result: failed ? "failed" : "done" }),
    clean: ({ restarts }) => this.#clean(restarts),
    restart: () =>
      this.#host.requestRestart(this.#name, (reason) => this.#dispatch({ kind: "restart-refused", reason })),
    release: () => this.#shim.release(),
  };

  #run(action: ActionOf<"run">): void {
    const shim = this.#shim.open();
    const { invocation = "", variables = {} } = this.#state;
    const place = {
      unit: this.#name,
      invocation,
      shim,
      variables,
      stored: this.#state.stored,
      token: this.#state.hold?.token,
    };
    const request = commandRequest(this.#host, this.#settings, action, place);
    const idle = this.#settings.type === "idle" && !this.#host.hasNoJobs();
    this.#isHeldBack = idle;
    this.#shim.request({ kind: "run", request: { ...request, idle } });
  }

  #kill({ signal, run, told }: ActionOf<"kill">): void {
    const words = { priority: 5, before: "Killing process ", after: ` with signal SIG${signal}.` };
    const naming = told === true ? this.#naming(words) : {};
    if (run === undefined) this.#shim.kill(signal, naming);
    else this.#shim.request({ kind: "kill", signal, run, ...naming });
  }

  #naming(words: Words): Naming {
    return { ...words, before: `${this.#name}: ${words.before}`, fields: this.#logFields("") };
  }

  #findMain({ run, pidFile }: ActionOf<"find-main">): void {
    if (pidFile === undefined) {
      this.#shim.request({ kind: "watch", run, pid: "guess" });
      return;
    }
    this.#watchPidFile(pidFile);
    if (readPidFile(pidFile) === undefined)
      this.#log(6, `${this.#name}: Can't open PID file ${pidFile} (yet?) after ${this.#state.sub}.`);
  }

  #watchPidFile(pidFile: string): void {
    this.#pidFile?.close();
    this.#pidFile = new PidFileWatch(pidFile, (named) => this.#dispatch({ kind: "named", ...named }));
  }

  #clean(restarts: boolean): void {
    const run = { unit: this.#name, invocation: this.#state.invocation ?? "", restarts };
    const { pidFile } = this.#settings;
    const stayed = [
      ...endRun(this.#settings, run, this.#host.exec),
      ...removeTrees(pidFile === undefined ? [] : [pidFile]),
    ];
    for (const problem of stayed) this.#log(4, `${this.#name}: ${problem}`);
  }

  /** Those who waited are answered when everything about the run is in its journal. */
  #ended({ failed }: ActionOf<"ended">): void {
    const stopped = this.#waiters.take("stop");
    const reloaded = this.#waiters.take("reload");
    const started = this.#waiters.take("start");
    if (this.#state.sub === "auto-restart") this.#host.passed(this.#name, failed ? "failed" : "inactive");
    const outcome: JobOutcome = failed
      ? { result: "failed", message: describeFailure(this.#name, this.#state) }
      : { result: "done" };
    void this.#shim.released.then(() => {
      stopped({ result: "done" });
      reloaded(outcome);
      started(outcome);
    });
  }

  // --- the journal -----------------------------------------------------------------------------------------------

  #log(priority: number, text: string): void {
    const run = { INVOCATION_ID: this.#state.invocation };
    if (!this.#shim.isOpen) this.#host.journal.append(this.#name, priority, text, run);
    else this.#shim.request({ kind: "log", priority, text, fields: this.#logFields(text) });
  }

  #logFields(text: string): string {
    return this.#host.journal.fieldsAbout(this.#name, text, { INVOCATION_ID: this.#state.invocation });
  }

  #logNotApplied(): void {
    const limits = this.#host.cgroups.unenforced(this.#settings.resources).map((limit) => LIMIT_KEYS[limit]);
    const text = describeNotApplied([...this.#loaded.notApplied, ...limits]);
    const unenforced = describeUnenforced(this.#settings, this.#host.exec.missing);
    const lines = [...(text === undefined ? [] : [text]), ...unenforced];
    for (const line of lines) this.#log(4, `${this.#name}: ${line}`);
  }
}

function isAtRest({ sub }: ServiceState): boolean {
  return sub === "dead" || sub === "failed";
}
