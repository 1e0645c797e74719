/**
 * The engine: the loop, active on one elected machine, that turns desired states and machines into assignments.
 *
 * Invariants: it plans from one consistent view and commits under the guard of its seat; after a commit it plans
 * again only when the view reflects it; with a view at a fixpoint it writes nothing. It must not talk to machines
 * or supervisors: assignments in the store are all it says.
 */
import type { Clock, Timer } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Loop } from "#base/loop.ts";
import { type Random, randomId } from "#base/random.ts";
import type { ClusterChange, ClusterMirror } from "#mirror/cluster-mirror.ts";
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { keys } from "#model/keys.ts";
import type { ClusterEvent, EventKind } from "#model/records.ts";
import type { ClusterPlan, PlanCluster, PlanContext, Unplaced } from "#plan/cluster-plan.ts";
import { toBytes } from "#store/keys.ts";
import { putJson } from "#store/ops.ts";
import type { Revision, Store } from "#store/store.ts";
import { type CommitContext, toTransactions } from "./commit.ts";
import { noteCopies } from "./copies.ts";
import { type Seat, stillElected } from "./election.ts";
import { EventTrimmer } from "./event-trimmer.ts";
import { type Observation, type Observed, observe } from "./observe.ts";
import { offerRebalance } from "./offer.ts";
import { findSilentMachines } from "./silence.ts";

export interface EngineOptions {
  readonly store: Store;
  readonly cluster: ClusterMirror;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly planCluster: PlanCluster;
  readonly placementOf: PlanContext["placementOf"];
  readonly settings: PlanContext["settings"];
  /** This machine's ID, for the event of the election. */
  readonly machine: string;
  /** IDs of the machines that nobody reaches; without it a machine is missed when its lease has ended, and not before. */
  readonly unreachable?: () => ReadonlySet<string>;
}

const EVENTS_PER_TXN = 100;
const SAFETY_INTERVAL_MS = 30_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #loop: Loop;
  readonly #trimmer: EventTrimmer;
  readonly #lostSince = new Map<string, number>();
  /** Machines that were missed and are back, by when they were missed; as long as the planner counts them. */
  readonly #returned = new Map<string, number>();
  #silent: ReadonlySet<string> = new Set();
  #copiesSince: ReadonlyMap<string, number> = new Map();
  /** Why each unit without a place has none, as it was last told. */
  readonly #refused = new Map<string, string>();
  readonly #stopListening: () => void;
  #seat: Seat | undefined;
  #observed: Observed | undefined;
  #planDue = true;
  /** The store may have decisions that the view has not: of an earlier engine, or of a commit whose answer was lost. */
  #inDoubt = true;
  #statesDecide = false;
  #holding: string | undefined;
  #alarm: Timer | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#trimmer = new EventTrimmer(options.store);
    this.#loop = new Loop({
      clock: options.clock,
      random: options.random,
      safetyIntervalMs: SAFETY_INTERVAL_MS,
      backoff: { firstMs: 50, maxMs: 2_000 },
      pass: () => this.#pass(),
      onError: (error, failures) => {
        this.#planDue = true;
        this.#inDoubt = true;
        options.log.warn({ failures, error: String(error) }, "the engine's pass failed");
      },
    });
    this.#stopListening = options.cluster.onChange((change) => this.#onChange(change));
  }

  /** Begins to decide, or ceases to. */
  useSeat(seat: Seat | undefined): void {
    this.#seat = seat;
    this.#observed = undefined;
    this.#lostSince.clear();
    this.#returned.clear();
    this.#refused.clear();
    this.#planDue = true;
    this.#inDoubt = true;
    this.#alarm?.cancel();
    if (seat !== undefined) this.#loop.wake();
  }

  /** To be called when other machines are unreachable than before. */
  reconsider(): void {
    if (this.#seat === undefined) return;
    this.#planDue = true;
    this.#loop.wake();
  }

  get #unreachable(): ReadonlySet<string> {
    return this.#options.unreachable?.() ?? new Set();
  }

  async stop(): Promise<void> {
    this.#stopListening();
    this.#alarm?.cancel();
    await this.#loop.stop();
  }

  #onChange(change: ClusterChange): void {
    if (this.#seat === undefined) return;
    // States are only told of, unless the plan waits for some; all else may change it.
    const decisive = [...change.kinds].some(
      (kind) => kind !== "event" && (kind !== "state" || this.#statesDecide),
    );
    if (decisive) this.#planDue = true;
    this.#loop.wake();
  }

  async #pass(): Promise<void> {
    const seat = this.#seat;
    if (seat === undefined) return;
    await this.#options.cluster.ready();
    if (this.#inDoubt) await this.#catchUp();
    // Deposed, and only not told yet: whatever it wrote would be refused, again and again.
    if (this.#options.cluster.modRevision(keys.engine()) !== seat.revision) return;
    const news = this.#observe(seat);
    const plan = this.#planDue ? await this.#plan() : undefined;
    const refused = plan === undefined ? [] : this.#refusalEvents(plan);
    // Side by side: a unit that is stopped to be moved is down for as long as its next machine has not been told. Both
    // are awaited however the other ends, since a plan without what was decided last would decide it again.
    const writes = await Promise.allSettled([
      this.#writeEvents([...news.events, ...refused], seat),
      plan === undefined ? undefined : this.#commit(plan, seat),
    ]);
    for (const write of writes) {
      if (write.status === "rejected") throw write.reason;
      if (write.value !== undefined) await this.#options.cluster.reached(write.value);
    }
    if (this.#seat === seat) this.#observed = news.observed;
    if (this.#planDue) this.#loop.wake();
    await this.#trimmer.trim(stillElected(seat));
  }

  /** Resolves when the view has everything that the store had when this was called. */
  async #catchUp(): Promise<void> {
    this.#inDoubt = false;
    const { header } = await this.#options.store.range({ key: toBytes(keys.engine()) });
    await this.#options.cluster.reached(header.revision);
  }

  /** What has happened since the last pass; what cannot be written is told by the next one: better twice than never. */
  #observe(seat: Seat): Observation {
    const { cluster, clock } = this.#options;
    const before = this.#observed;
    const { observed, events } = observe(before, cluster.view, this.#unreachable, clock.now());
    const election = before === undefined ? [this.#electionEvent(seat)] : [];
    const offers = offerRebalance(events, cluster.view, this.#context());
    return { observed, events: [...election, ...events, ...offers] };
  }

  #electionEvent(seat: Seat): ClusterEvent {
    const { clock, log, machine } = this.#options;
    log.info({ seat: String(seat.revision) }, "the engine takes up its work");
    const message = `the engine runs on ${this.#nameOf(machine)}`;
    return { timeMs: clock.now(), kind: "engine-elected", machine, message };
  }

  async #plan(): Promise<ClusterPlan> {
    this.#planDue = false;
    this.#noteLostMachines();
    this.#copiesSince = noteCopies(
      this.#copiesSince,
      this.#options.cluster.view,
      this.#options.clock.monotonic(),
    );
    this.#silent = await this.#findSilent();
    const plan = this.#options.planCluster(this.#options.cluster.view, this.#context());
    this.#setAlarm(plan);
    this.#statesDecide = waitsForStates(plan);
    return plan;
  }

  async #commit({ steps }: ClusterPlan, seat: Seat): Promise<Revision | undefined> {
    let revision: Revision | undefined;
    for (const transaction of toTransactions(steps, this.#commitContext(seat))) {
      const committed = await this.#options.store.txn(transaction);
      revision = committed.header.revision;
      // Somebody changed what the decision was made from: what they changed is on its way here and will be planned anew.
      if (!committed.succeeded) this.#planDue = true;
      this.#trimmer.wrote(transaction.success.length);
    }
    return revision;
  }

  #noteLostMachines(): void {
    const { cluster, clock, settings } = this.#options;
    const { view } = cluster;
    for (const [machine, lostMs] of this.#lostSince) {
      if (view.machines.has(machine)) this.#returned.set(machine, lostMs);
      if (view.machines.has(machine) || !view.assignments.has(machine)) this.#lostSince.delete(machine);
    }
    for (const [machine, lostMs] of this.#returned) {
      if (clock.monotonic() >= lostMs + settings.settleMs) this.#returned.delete(machine);
    }
    for (const machine of view.assignments.keys()) {
      if (view.machines.has(machine) || this.#lostSince.has(machine)) continue;
      this.#lostSince.set(machine, clock.monotonic());
    }
  }

  /** Only a fresh loss makes a difference of it. */
  async #findSilent(): Promise<ReadonlySet<string>> {
    const { store, clock, settings } = this.#options;
    const lastLossMs = Math.max(Number.NEGATIVE_INFINITY, ...this.#lostSince.values());
    return clock.monotonic() - lastLossMs < settings.settleMs ? findSilentMachines(store) : new Set();
  }

  #context(): PlanContext {
    const { clock, placementOf, settings } = this.#options;
    return {
      nowMs: clock.now(),
      monotonicMs: clock.monotonic(),
      placementOf,
      lostSince: this.#lostSince,
      returned: this.#returned,
      silent: this.#silent,
      unreachable: this.#unreachable,
      copiesSince: this.#copiesSince,
      settings,
    };
  }

  #commitContext(seat: Seat): CommitContext {
    const { cluster, clock, random } = this.#options;
    return {
      seatGuard: stillElected(seat),
      modRevision: (key) => cluster.modRevision(key),
      machineName: (machine) => this.#nameOf(machine),
      isAssigned: (unit, machine) => cluster.view.assignments.get(machine)?.has(unit) === true,
      nowMs: clock.now(),
      eventId: () => randomId(random).slice(0, 8),
    };
  }

  #nameOf(machine: string): string {
    return nameOfMachine(this.#options.cluster.view, machine);
  }

  #setAlarm(plan: ClusterPlan): void {
    this.#alarm?.cancel();
    if (plan.wakeAtMs === undefined) return;
    const delayMs = plan.wakeAtMs - this.#options.clock.monotonic();
    this.#alarm = this.#options.clock.setTimer(Math.max(1, delayMs), () => {
      this.#planDue = true;
      this.#loop.wake();
    });
  }

  /** Each unit that has no place is told of once, and again when other things stand in its way. */
  #refusalEvents(plan: ClusterPlan): readonly ClusterEvent[] {
    const refused = plan.unplaced.filter((unplaced) => !isHandedOver(unplaced, this.#options.cluster.view));
    const without = new Set(refused.map(({ unit }) => unit));
    for (const unit of this.#refused.keys()) if (!without.has(unit)) this.#refused.delete(unit);
    const fresh = refused.filter((unplaced) => this.#refused.get(unplaced.unit) !== obstacles(unplaced));
    for (const unplaced of fresh) this.#refused.set(unplaced.unit, obstacles(unplaced));
    return [...fresh.map((unplaced) => this.#refusalEvent(unplaced)), ...this.#holdingEvents(plan)];
  }

  #refusalEvent({ unit, summary }: Unplaced): ClusterEvent {
    const kind: EventKind = "unit-refused";
    return { timeMs: this.#options.clock.now(), kind, unit, message: `${unit} fits nowhere: ${summary}` };
  }

  #holdingEvents(plan: ClusterPlan): readonly ClusterEvent[] {
    const reason = plan.holding?.reason;
    const isNew = reason !== undefined && reason !== this.#holding;
    this.#holding = reason;
    return isNew ? [{ timeMs: this.#options.clock.now(), kind: "holding", message: reason }] : [];
  }

  async #writeEvents(events: readonly ClusterEvent[], seat: Seat): Promise<Revision | undefined> {
    let revision: Revision | undefined;
    for (let from = 0; from < events.length; from += EVENTS_PER_TXN) {
      const success = events
        .slice(from, from + EVENTS_PER_TXN)
        .map((event) => putJson(keys.event(event.timeMs, randomId(this.#options.random).slice(0, 8)), event));
      const written = await this.#options.store.txn({ compare: [stillElected(seat)], success, failure: [] });
      revision = written.header.revision;
      this.#trimmer.wrote(success.length);
    }
    return revision;
  }
}

/** Whether the plan goes on when a unit has stopped, or a moving one's new copy is active. */
function waitsForStates({ unplaced, moves, followsStates }: ClusterPlan): boolean {
  return (
    followsStates === true ||
    moves.some(({ phase }) => phase !== "staying") ||
    unplaced.some(({ refusals }) => refusals.some(({ code }) => code === "strict-wait"))
  );
}

/** It only waits until it has stopped on the machine that it was just told to have been taken off. */
function isHandedOver({ refusals }: Unplaced, { machines }: ClusterView): boolean {
  return (
    refusals.length > 0 &&
    refusals.every(({ machine, code }) => code === "strict-wait" && machines.has(machine))
  );
}

/** What stands in a unit's way, without what changes by itself, such as how long it still waits. */
function obstacles({ refusals }: Unplaced): string {
  return refusals.map(({ machine, code }) => `${machine} ${code}`).join(", ");
}
