/**
 * The agent: the loop, on every machine, that turns this machine's assignments into running units and publishes
 * their states.
 *
 * Invariants: it acts on the last assignments it knows, whether or not the store answers (fail static); what it is
 * about to carry out is on its disk before it does it, so that nothing is done twice by a daemon that dies in
 * between; it never stops a unit because the store is away, except strict ones, whose lease may have ended.
 * It must not decide where units run, and must not write any key but its machine's own.
 */
import type { Clock, Timer } from "#base/clock.ts";
import { toFlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import type { Random } from "#base/random.ts";
import type { MirrorBatch } from "#mirror/mirror.ts";
import { type Mirror, startMirror } from "#mirror/mirror.ts";
import { parseKey, ranges } from "#model/keys.ts";
import { type Assignment, assignmentSchema, type MachineRecord } from "#model/records.ts";
import { type Applied, type MachineStep, planMachine } from "#plan/reconcile/plan-machine.ts";
import { toText } from "#store/keys.ts";
import type { LeaseId, Revision, Store } from "#store/store.ts";
import type { Supervisor, UnitSource, UnitStatus } from "#supervisor/supervisor.ts";
import { Claims } from "./claims.ts";
import { confirmCluster } from "./cluster-check.ts";
import { Fence } from "./fence.ts";
import { FileFetcher } from "./file-fetcher.ts";
import type { MemoryFile } from "./memory.ts";
import { awaitOwnPlace } from "./own-place.ts";
import { Presence } from "./presence.ts";
import { StatePublisher } from "./publisher.ts";
import { UnitReports } from "./reports.ts";
import { endsRun, loadsFile, type StepEnd, StepRunner } from "./steps.ts";
import { supervisedUnits } from "./supervised.ts";
import { Templates } from "./templates.ts";
import type { FileCache } from "./unit-files.ts";

export interface AgentOptions {
  readonly store: Store;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly memory: MemoryFile;
  readonly files: FileCache;
  readonly machine: MachineRecord;
  /** The store is this daemon's own. */
  readonly ownsStore?: boolean;
  /** How long the stop of a unit may take whose file asks never to run twice, not even for a moment; undefined for others. */
  readonly strictStopMs: (unit: string, text: string) => number | undefined;
  /** Makes a new cluster of a store that has none; absent: only others may do so. */
  readonly foundCluster?: (() => Promise<void>) | undefined;
  /** Told of each new lease of the machine, and of its loss. */
  readonly onLease?: (lease: LeaseId | undefined) => void;
}

/**
 * How long a machine that comes up waits for the store before it starts what its disk lists: what was moved while it
 * was gone must not run twice, and where the store is away its units must not wait for it.
 */
const LIST_PATIENCE_MS = 3_000;
/** The safety net: a pass without any event. */
const SAFETY_INTERVAL_MS = 60_000;

export class Agent {
  readonly #options: AgentOptions;
  readonly #loop: Loop;
  readonly #presence: Presence;
  readonly #publisher: StatePublisher;
  readonly #steps: StepRunner;
  readonly #reports: UnitReports;
  readonly #fetcher: FileFetcher;
  readonly #templates: Templates;
  readonly #assignments = new Map<string, Assignment>();
  readonly #applied = new Map<string, Applied>();
  /** Units whose last step was taken by this daemon rather than only read from its disk. */
  readonly #attempted = new Set<string>();
  /** Units whose start was refused because a unit they need was not loaded. */
  readonly #lacking = new Set<string>();
  readonly #claims: Claims;
  readonly #fence: Fence;
  readonly #stopped = new AbortController();
  #cluster: string | undefined;
  #mirror: Mirror | undefined;
  #listed = false;
  #memoryChanged = false;
  #stopListening: () => void = () => undefined;
  #patienceTimer: Timer | undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { store, clock, random, log, machine } = options;
    this.#loop = new Loop({
      clock,
      random,
      safetyIntervalMs: SAFETY_INTERVAL_MS,
      pass: () => this.#pass(),
      onError: (error, failures) => log.warn({ failures, error: String(error) }, "the agent's pass failed"),
    });
    this.#publisher = new StatePublisher({ store, clock, random, log, machine: machine.id });
    this.#presence = new Presence({
      store,
      clock,
      random,
      log,
      machine,
      announce: (lease) => this.#publisher.announce(lease),
      onKept: () => this.#fence.extend(this.#presence.deadlineMs),
      onLease: (lease) => this.#onLease(lease),
    });
    this.#claims = new Claims({
      store,
      clock,
      random,
      log,
      machine: machine.id,
      onClaimed: () => this.#loop.wake(),
    });
    this.#fence = new Fence({
      clock,
      supervisor: options.supervisor,
      claims: this.#claims,
      leaseTtlMs: machine.leaseTtlS * 1000,
      onDue: () => this.#loop.wake(),
    });
    this.#fetcher = new FileFetcher({
      store,
      clock,
      cache: options.files,
      signal: this.#stopped.signal,
      onChange: () => this.#loop.wake(),
    });
    this.#templates = new Templates({
      store,
      supervisor: options.supervisor,
      fetcher: this.#fetcher,
      clock,
      random,
      log,
      onChange: () => this.#noteChange(),
    });
    this.#steps = new StepRunner(options.supervisor, (unit, end) => this.#onStepEnd(unit, end));
    this.#reports = new UnitReports({
      publisher: this.#publisher,
      supervisor: options.supervisor,
      clock,
      assignments: this.#assignments,
      applied: this.#applied,
      underWay: this.#steps.underWay,
    });
  }

  /** Takes up what was assigned last and joins the cluster as soon as the store answers. */
  async start(): Promise<void> {
    const memory = await this.#options.memory.load();
    this.#cluster = memory.cluster;
    for (const [unit, assignment] of Object.entries(memory.assignments))
      this.#assignments.set(unit, assignment);
    for (const [unit, applied] of Object.entries(memory.applied)) this.#applied.set(unit, applied);
    for (const [unit, outcome] of Object.entries(memory.untold)) this.#publisher.finish(unit, outcome);
    this.#templates.recall(memory.templates);
    for (const [unit, stopMs] of Object.entries(memory.strict)) this.#fence.note(unit, stopMs);
    await this.#recallTexts();
    this.#stopListening = this.#options.supervisor.onStatus((unit, status) => this.#onStatus(unit, status));
    for (const status of this.#options.supervisor.statuses()) this.#onStatus(status.name, status);
    this.#patienceTimer = this.#options.clock.setTimer(LIST_PATIENCE_MS, () => {
      this.#patienceTimer = undefined;
      this.#loop.wake();
    });
    this.#loop.wake();
    void this.#join();
  }

  /** Ends the loops; units run on. The lease is left to run out, so that a daemon that comes back in time loses nothing. */
  async stop(): Promise<void> {
    await this.#stopDeciding();
    await this.#presence.stop();
    await this.#publisher.stop();
  }

  /** Has the machine's units moved to others; resolves to the revision from which on the engine can know. */
  announceLeaving(): Promise<Revision> {
    return this.#presence.announceLeaving();
  }

  /**
   * Stops and ends the machine's lease; for a machine that goes and whose units are about to be stopped. Strict ones
   * are stopped while the lease is still kept alive, because from its end on others may start them.
   */
  async leave(): Promise<void> {
    await this.#stopDeciding();
    await this.#options.supervisor.unload(this.#fence.units);
    await this.#presence.leave();
    await this.#publisher.stop();
  }

  async #stopDeciding(): Promise<void> {
    this.#stopped.abort();
    this.#fence.stop();
    await this.#claims.stop();
    this.#patienceTimer?.cancel();
    this.#stopListening();
    await this.#mirror?.stop();
    await this.#templates.stop();
    await this.#loop.stop();
  }

  async #recallTexts(): Promise<void> {
    for (const [unit, assignment] of this.#assignments) {
      const text = await this.#options.files.read(assignment.file);
      if (text !== undefined) this.#noteText(unit, text);
    }
  }

  #noteChange(): void {
    this.#memoryChanged = true;
    this.#loop.wake();
  }

  async #join(): Promise<void> {
    const { store, clock, random, log, machine } = this.#options;
    try {
      this.#cluster = await confirmCluster({
        store,
        clock,
        random,
        log,
        known: this.#cluster,
        found: this.#options.foundCluster,
        signal: this.#stopped.signal,
      });
      // While another has its place, what its own disk lists is not started: the other runs it.
      const onTaken = (): void => this.#patienceTimer?.cancel();
      const place = { ownsStore: this.#options.ownsStore ?? false, onTaken };
      await awaitOwnPlace({ store, clock, random, machine, signal: this.#stopped.signal, ...place });
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        log.error({ error: String(error) }, "this machine does not join the cluster");
      return;
    }
    this.#memoryChanged = true;
    this.#templates.join();
    this.#presence.start();
    this.#mirror = startMirror({
      store,
      prefix: ranges.assignments(machine.id),
      clock,
      random,
      onBatch: (batch) => this.#onAssignments(batch),
      onConnected: (connected) =>
        log.info({ connected }, connected ? "the store answers" : "the store is away"),
    });
  }

  #onLease(lease: LeaseId | undefined): void {
    this.#publisher.useLease(lease);
    this.#claims.useLease(lease);
    this.#fence.extend(this.#presence.deadlineMs);
    this.#options.onLease?.(lease);
    this.#loop.wake();
  }

  #onAssignments(batch: MirrorBatch): void {
    // The first list is all there is: what the disk still had beside it is no longer assigned.
    if (!this.#listed) this.#assignments.clear();
    this.#listed = true;
    for (const change of batch.changes) {
      const unit = parseKey(change.key)?.second;
      if (unit === undefined) continue;
      const assignment = change.value === undefined ? undefined : readAssignment(change.value);
      if (assignment === undefined) this.#assignments.delete(unit);
      else this.#assignments.set(unit, assignment);
      this.#claims.assign(unit, assignment === undefined ? undefined : change.modRevision);
    }
    this.#reports.forgetUnassigned();
    this.#noteChange();
  }

  #onStatus(unit: string, status: UnitStatus | undefined): void {
    if (status === undefined && this.#fence.forget(unit)) this.#memoryChanged = true;
    if (this.#isMade(unit)) return;
    if (status?.completed === true) this.#complete(unit, status);
    this.#reports.publish(unit);
    this.#loop.wake();
  }

  #complete(unit: string, status: UnitStatus): void {
    const applied = this.#applied.get(unit);
    if (applied === undefined || applied.completed || applied.desired !== "launched") return;
    // The run that ended is the one before the launch that is being carried out.
    if (applied.supersedes === status.invocation) return;
    this.#applied.set(unit, { ...applied, completed: true });
    this.#memoryChanged = true;
    const { machine, clock } = this.#options;
    const { launch, file } = applied;
    this.#publisher.finish(unit, { launch, file, machine: machine.id, finishedMs: clock.now() });
  }

  #onStepEnd(unit: string, { trouble, lacking, untried }: StepEnd): void {
    if (lacking) this.#lacking.add(unit);
    if (untried) this.#attempted.delete(unit);
    this.#reports.setTrouble(unit, trouble);
    this.#reports.publish(unit);
    this.#loop.wake();
  }

  async #pass(): Promise<void> {
    // Loading makes starting possible, so the plan is drawn up again until nothing can be done at once.
    const tried = new Set<string>();
    this.#publisher.pause();
    try {
      await this.#templates.bring();
      for (;;) {
        const plan = this.#plan();
        const steps = plan.filter((step) => !tried.has(`${step.kind} ${step.unit}`));
        if (steps.length === 0) break;
        for (const step of steps) tried.add(`${step.kind} ${step.unit}`);
        await this.#carryOut(steps, plan.filter(loadsFile));
      }
    } finally {
      this.#publisher.resume();
    }
    const { supervisor } = this.#options;
    this.#templates.retain((unit) => this.#assignments.has(unit) || supervisor.status(unit) !== undefined);
    await this.#save();
  }

  #plan(): readonly MachineStep[] {
    this.#fence.holdAll();
    return planMachine({
      assignments: this.#assignments,
      applied: this.#applied,
      supervised: supervisedUnits(this.#options.supervisor, (unit) => !this.#isMade(unit)),
      busy: this.#steps.underWay,
      attempted: this.#attempted,
      strict: this.#fence.standings(),
    });
  }

  /** Of connections and the like there are units that come and go without the cluster's doing. */
  #isMade(unit: string): boolean {
    return !this.#assignments.has(unit) && !this.#applied.has(unit) && this.#templates.makes(unit);
  }

  /** What is known comes from the disk alone, and the store may still say otherwise in time. */
  #mayBeOutdated(): boolean {
    return !this.#listed && this.#patienceTimer !== undefined;
  }

  /** @param due every load of the plan: those among the steps, and those that were tried and lack their files */
  async #carryOut(steps: readonly MachineStep[], due: readonly MachineStep[]): Promise<void> {
    const loads = steps.filter(loadsFile);
    const sources = await this.#readSources(loads);
    // Everything is loaded before anything starts, since what starts may need what is still on its way.
    const waiting =
      this.#mayBeOutdated() || due.some(({ unit }) => !sources.has(unit) && !this.#reports.isInTrouble(unit));
    const doable = steps.filter((step) =>
      loads.includes(step) ? sources.has(step.unit) : !waiting || endsRun(step),
    );
    const before = new Map(this.#applied);
    for (const step of doable) this.#remember(step);
    this.#steps.overtake(doable.filter(endsRun));
    try {
      // What only loads a file can be repeated without harm; everything else is written down before it is done.
      if (doable.some((step) => step.kind !== "load")) await this.#save();
    } catch (error) {
      // What ends a run does not wait for the disk, since a strict unit must stop in time; what begins one does.
      const waiting = doable.filter((step) => !endsRun(step));
      for (const step of waiting) this.#restore(step.unit, before);
      this.#tellTrouble(waiting, error);
      await this.#take(doable.filter(endsRun), sources);
      throw error;
    }
    await this.#take(doable, sources);
  }

  async #take(steps: readonly MachineStep[], sources: ReadonlyMap<string, UnitSource>): Promise<void> {
    for (const { kind, unit } of steps) {
      if (kind === "load" || kind === "replace" || kind === "unload") this.#attempted.delete(unit);
      else this.#attempted.add(unit);
    }
    try {
      await this.#steps.take(steps, sources);
    } catch (error) {
      this.#tellTrouble(
        steps.filter(({ kind }) => kind === "load"),
        error,
      );
      throw error;
    }
    if (steps.some(({ kind }) => kind === "load")) this.#retryLacking();
    for (const step of steps) this.#reports.publish(step.unit);
  }

  /** What was just loaded may be what they lacked. */
  #retryLacking(): void {
    for (const unit of this.#lacking) this.#attempted.delete(unit);
    this.#lacking.clear();
  }

  /** What kept steps from being carried out stands in their units' states until the pass, tried again, succeeds. */
  #tellTrouble(steps: readonly MachineStep[], error: unknown): void {
    for (const { unit, kind } of steps) {
      this.#reports.setTrouble(unit, `cannot ${kind} it: ${toFlotillaError(error).message}`);
      this.#reports.publish(unit);
    }
  }

  #remember(step: MachineStep): void {
    if (step.applied === undefined) {
      this.#applied.delete(step.unit);
      this.#reports.setTrouble(step.unit, undefined);
    } else {
      this.#applied.set(step.unit, step.applied);
    }
    this.#memoryChanged = true;
    this.#options.log.info({ unit: step.unit, step: step.kind, reason: step.reason }, "step");
  }

  #restore(unit: string, before: ReadonlyMap<string, Applied>): void {
    const applied = before.get(unit);
    if (applied === undefined) this.#applied.delete(unit);
    else this.#applied.set(unit, applied);
  }

  /** The texts of the steps' units, as far as they are here; the others are fetched and cause another pass. */
  async #readSources(steps: readonly MachineStep[]): Promise<Map<string, UnitSource>> {
    const sources = new Map<string, UnitSource>();
    // Instances of one template share its text: it is read once.
    const texts = new Map<string, Promise<string | undefined>>();
    const textOf = (file: string): Promise<string | undefined> => {
      const text = texts.get(file) ?? this.#fetcher.read(file);
      texts.set(file, text);
      return text;
    };
    await Promise.all(
      steps.map(async ({ unit }) => {
        const file = this.#assignments.get(unit)?.file;
        const text = file === undefined ? undefined : await textOf(file);
        if (file === undefined) return;
        const trouble = text === undefined ? this.#fetcher.troubleOf(file) : undefined;
        this.#reports.setTrouble(
          unit,
          trouble === undefined ? undefined : `cannot read its unit file: ${trouble}`,
        );
        if (text === undefined) return this.#reports.publish(unit);
        this.#noteText(unit, text);
        sources.set(unit, { name: unit, file, text });
      }),
    );
    await this.#templates.bring();
    for (const unit of sources.keys()) this.#holdBack(unit, sources);
    return sources;
  }

  /** A unit is not loaded before the template that it makes others from. */
  #holdBack(unit: string, sources: Map<string, UnitSource>): void {
    if (!this.#templates.isAwaited(unit)) return;
    sources.delete(unit);
    this.#reports.setTrouble(unit, this.#templates.troubleOf(unit));
    this.#reports.publish(unit);
  }

  #noteText(unit: string, text: string): void {
    this.#templates.note(unit, text);
    this.#fence.note(unit, this.#options.strictStopMs(unit, text));
  }

  async #save(): Promise<void> {
    if (!this.#memoryChanged) return;
    this.#memoryChanged = false;
    try {
      await this.#options.memory.save({
        format: 1,
        ...(this.#cluster === undefined ? {} : { cluster: this.#cluster }),
        assignments: Object.fromEntries(this.#assignments),
        applied: Object.fromEntries(this.#applied),
        templates: this.#templates.known,
        strict: this.#fence.known,
        untold: Object.fromEntries(this.#publisher.untold),
      });
    } catch (error) {
      this.#memoryChanged = true;
      throw error;
    }
    const assigned = [...this.#assignments.values()].map((assignment) => assignment.file);
    const templates = Object.values(this.#templates.known).filter((file) => file !== null);
    await this.#options.files.keep(new Set([...assigned, ...templates]));
  }
}

function readAssignment(value: Uint8Array): Assignment | undefined {
  try {
    return assignmentSchema.parse(JSON.parse(toText(value)));
  } catch {
    // An assignment that cannot be read is none; the engine writes it again when it sees the difference.
    return undefined;
  }
}
