/** Clusters for the planner's tests: built in a line, planned, and changed as a plan says. */
import { ClusterState } from "#model/cluster-state.ts";
import type {
  Assignment,
  DesiredState,
  Drain,
  MachineConfig,
  MachineRecord,
  Metadata,
  UnitState,
} from "#model/records.ts";
import type { ClusterPlan, ClusterStep, PlanContext, PlanSettings } from "#plan/cluster-plan.ts";
import { planRebalance } from "#plan/rebalance/plan-rebalance.ts";
import { copyKey } from "#plan/reconcile/copies.ts";
import { planCluster } from "#plan/reconcile/plan-cluster.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import { ANYWHERE, type Placement } from "#unit/placement.ts";

const GIB = 1024 ** 3;
export const START_MS = 1_000_000;

export interface UnitOptions {
  readonly desired?: DesiredState;
  readonly placement?: Partial<Placement>;
  /** Machines (short names) that have it assigned. */
  readonly on?: readonly string[];
  readonly assignedMs?: number;
}

/** A machine is called by one hex digit; its ID is that digit 32 times and its name `node-` and the digit. */
export function machineId(short: string): string {
  return short.repeat(32 / short.length);
}

/** A file hash that is different for each text. */
export function fileHash(text: string): string {
  let hash = 5381n;
  for (const char of text) hash = (hash * 33n + BigInt(char.codePointAt(0) ?? 0)) % 2n ** 64n;
  return hash.toString(16).padStart(16, "0").repeat(4);
}

export class ClusterBuilder {
  readonly state = new ClusterState();
  readonly placements = new Map<string, Placement>();
  readonly lostSince = new Map<string, number>();
  readonly copiesSince = new Map<string, number>();
  settings: PlanSettings = DEFAULT_PLAN_SETTINGS;
  monotonicMs = START_MS;

  machine(short: string, metadata: Metadata = {}, capacity: Partial<MachineRecord["capacity"]> = {}): this {
    const id = machineId(short);
    this.lostSince.delete(id);
    this.state.machines.set(id, {
      id,
      instance: "i",
      name: `node-${short}`,
      address: "192.0.2.1",
      api: "http://192.0.2.1:1",
      metadata,
      capacity: { cpuMillis: 4000, memoryBytes: 4 * GIB, ...capacity },
      version: "0.1.0",
      supervisor: "fake",
      notEnforced: [],
      hasStore: false,
      startedMs: 0,
      bootId: "b",
      leaseTtlS: 5,
    });
    return this;
  }

  /** The machine's lease ends: it and the states it published vanish. */
  lose(...shorts: string[]): this {
    for (const short of shorts) {
      const id = machineId(short);
      this.state.machines.delete(id);
      this.state.states.delete(id);
      if (this.state.assignments.has(id)) this.lostSince.set(id, this.monotonicMs);
    }
    return this;
  }

  cordon(short: string, cordoned = true): this {
    this.state.machineConfigs.set(machineId(short), { ...this.#configOf(short), cordoned });
    return this;
  }

  /** The operator empties the machine. */
  drain(short: string, drain: Partial<Drain> = {}): this {
    const wish = { sinceMs: 0, force: false, ...drain };
    this.state.machineConfigs.set(machineId(short), { ...this.#configOf(short), drain: wish });
    if (wish.untilMs !== undefined) this.state.drainDeadlines.add(machineId(short));
    return this;
  }

  /** The time that the machine's drain was given has passed. */
  passDeadline(short: string): this {
    this.state.drainDeadlines.delete(machineId(short));
    return this;
  }

  undrain(short: string): this {
    const { drain: _, ...config } = this.#configOf(short);
    this.state.machineConfigs.set(machineId(short), config);
    return this;
  }

  #configOf(short: string): MachineConfig {
    return this.state.machineConfigs.get(machineId(short)) ?? { metadata: {}, cordoned: false };
  }

  /** Lays metadata over a machine's own. */
  label(short: string, metadata: Record<string, string | null>): this {
    this.state.machineConfigs.set(machineId(short), { ...this.#configOf(short), metadata });
    return this;
  }

  unit(unit: string, options: UnitOptions = {}): this {
    const earlier = this.state.units.get(unit);
    const text = `${unit} ${JSON.stringify(options.placement ?? {})}`;
    const file = fileHash(text);
    this.state.files.set(file, text);
    const overlap = options.placement?.failover !== "strict";
    this.placements.set(file, { ...ANYWHERE, overlap, ...options.placement });
    const desired = options.desired ?? "launched";
    const launch = earlier === undefined ? 1 : earlier.launch;
    this.state.units.set(unit, { file, desired, launch, changedMs: 0, history: [] });
    for (const short of options.on ?? []) this.assign(unit, short, { assignedMs: options.assignedMs ?? 0 });
    return this;
  }

  assign(unit: string, short: string, overrides: Partial<Assignment> = {}): this {
    const record = this.state.units.get(unit);
    const assignment: Assignment = {
      file: record?.file ?? fileHash(unit),
      desired: record?.desired === "loaded" ? "loaded" : "launched",
      launch: record?.launch ?? 1,
      reason: "was put there",
      assignedMs: 0,
      ...overrides,
    };
    this.#put(machineId(short), unit, assignment);
    return this;
  }

  ask(unit: string, desired: DesiredState): this {
    const record = this.state.units.get(unit);
    if (record !== undefined) this.state.units.set(unit, { ...record, desired });
    return this;
  }

  restart(unit: string): this {
    const record = this.state.units.get(unit);
    if (record !== undefined) this.state.units.set(unit, { ...record, launch: record.launch + 1 });
    return this;
  }

  report(unit: string, short: string, active: string, overrides: Partial<UnitState> = {}): this {
    const machine = machineId(short);
    const record = this.state.units.get(unit);
    const states = this.state.states.get(machine) ?? new Map<string, UnitState>();
    this.state.states.set(machine, states);
    const file = record?.file ?? fileHash(unit);
    states.set(unit, {
      load: "loaded",
      active,
      sub: active,
      result: "success",
      file,
      launch: record?.launch ?? 1,
      sinceMs: 0,
      restarts: 0,
      ...overrides,
    });
    const key = copyKey(unit, machine);
    if (active !== "active") this.copiesSince.delete(key);
    else if (!this.copiesSince.has(key)) this.copiesSince.set(key, this.monotonicMs);
    return this;
  }

  /** The machine takes back what it told of the unit. */
  forget(unit: string, short: string): this {
    const machine = machineId(short);
    this.state.states.get(machine)?.delete(unit);
    this.copiesSince.delete(copyKey(unit, machine));
    return this;
  }

  finish(unit: string, short: string): this {
    const record = this.state.units.get(unit);
    if (record === undefined) return this;
    const { launch, file } = record;
    this.state.outcomes.set(unit, { launch, file, machine: machineId(short), finishedMs: 0 });
    return this;
  }

  /** The operator asks for what a rebalance would move; returns how many that are. */
  rebalance(strict = false): number {
    const { moves } = planRebalance(this.state, this.context(), { strict });
    if (moves.length > 0) this.state.rebalance = { moves: [...moves], revision: "1", askedMs: 0 };
    return moves.length;
  }

  wait(ms: number): this {
    this.monotonicMs += ms;
    return this;
  }

  context(): PlanContext {
    return {
      nowMs: this.monotonicMs,
      monotonicMs: this.monotonicMs,
      placementOf: (_unit, file) => (this.state.files.has(file) ? this.placements.get(file) : undefined),
      lostSince: this.lostSince,
      copiesSince: this.copiesSince,
      settings: this.settings,
    };
  }

  plan(): ClusterPlan {
    return planCluster(this.state, this.context());
  }

  /** Carries out a plan as the engine does. */
  apply(plan: ClusterPlan): this {
    for (const step of plan.steps) this.#applyStep(step);
    for (const machine of this.lostSince.keys())
      if (!this.state.assignments.has(machine)) this.lostSince.delete(machine);
    return this;
  }

  /** Plans and applies once; returns where units are. */
  settle(): Readonly<Record<string, string>> {
    this.apply(this.plan());
    return this.places();
  }

  /** Unit to the short names of its machines, sorted and joined. */
  places(): Readonly<Record<string, string>> {
    const places: Record<string, string> = {};
    for (const [machine, units] of [...this.state.assignments].sort())
      for (const unit of units.keys()) places[unit] = (places[unit] ?? "") + machine.slice(0, 1);
    return places;
  }

  #applyStep(step: ClusterStep): void {
    if (step.kind === "collect-file") this.state.files.delete(step.file);
    else if (step.kind === "close-rebalance") this.state.rebalance = undefined;
    else if (step.kind === "unassign") this.#drop(step.machine, step.unit);
    else {
      this.#put(step.machine, step.unit, step.assignment);
      if (step.from !== undefined) this.#drop(step.from, step.unit);
    }
  }

  #put(machine: string, unit: string, assignment: Assignment): void {
    const units = this.state.assignments.get(machine) ?? new Map<string, Assignment>();
    this.state.assignments.set(machine, units);
    units.set(unit, assignment);
  }

  #drop(machine: string, unit: string): void {
    const units = this.state.assignments.get(machine);
    units?.delete(unit);
    if (units?.size === 0) this.state.assignments.delete(machine);
  }
}

export function cluster(...machines: string[]): ClusterBuilder {
  const builder = new ClusterBuilder();
  for (const machine of machines) builder.machine(machine);
  return builder;
}

/** Steps in one line each: `x.service a->b: reason`. */
export function inWords(plan: ClusterPlan): readonly string[] {
  return plan.steps.map((step) => {
    if (step.kind === "collect-file") return `collect ${step.file.slice(0, 7)}: ${step.reason}`;
    if (step.kind === "close-rebalance") return `rebalance: ${step.reason}`;
    const machine = step.machine.slice(0, 1);
    if (step.kind === "unassign") return `${step.unit} ${machine}->: ${step.reason}`;
    return `${step.unit} ${step.from?.slice(0, 1) ?? ""}->${machine}: ${step.reason}`;
  });
}
