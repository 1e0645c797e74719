/** One machine as the scheduler sees it: what it is, what is on it, and how loaded that makes it. */
import type { Capacity, Metadata, Usage } from "#model/records.ts";
import type { Placement } from "#unit/placement.ts";

/** What the scheduler is told of a machine. */
export interface MachineFacts {
  readonly id: string;
  readonly name: string;
  /** With the operator's overlay on top. */
  readonly metadata: Metadata;
  readonly capacity: Capacity;
  readonly cordoned: boolean;
  readonly draining?: boolean;
  /** What its units use together, where that is counted. */
  readonly usage?: Usage;
}

/**
 * What a unit that reserves nothing counts for when machines are compared, never when it is asked whether it fits.
 * The numbers are those of kube-scheduler (DefaultMilliCPURequest, DefaultMemoryRequest): without them units that
 * say nothing would all go to one machine.
 */
const NOMINAL_CPU_MILLIS = 100;
const NOMINAL_MEMORY_BYTES = 200 * 1024 ** 2;

interface Demand {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** A machine with the units placed on it. Sums are whole numbers, so that adding and removing leaves no trace. */
export class ScheduledMachine {
  readonly facts: MachineFacts;
  /** Position in the order of machine IDs: the last tie-break. */
  readonly index: number;
  readonly units = new Map<string, Placement>();
  /** Those of `units` whose own Conflicts= or Replaces= may keep others away. */
  readonly guarded = new Map<string, Placement>();
  /** Units that belong elsewhere and still run here: they keep what they reserve, and others whom they exclude away. */
  readonly lingering = new Map<string, Placement>();
  reservedCpuMillis = 0;
  reservedMemoryBytes = 0;
  /**
   * The dominant share: the larger of the shares of CPU and of memory that its units reserve or, where they reserve
   * nothing, nominally need (Ghodsi et al., Dominant Resource Fairness, NSDI 2011). Equal machines with units that
   * reserve nothing so compare by their number of units, as in fleet. Where the units that were there at first use
   * more than that, what they use counts: see `weighUsage`.
   */
  load = 0;
  #nominalCpuMillis = 0;
  #nominalMemoryBytes = 0;
  /** What the units use beyond what they count for. */
  #excessCpuMillis = 0;
  #excessMemoryBytes = 0;

  constructor(facts: MachineFacts, index: number) {
    this.facts = facts;
    this.index = index;
  }

  add(unit: string, placement: Placement): void {
    this.units.set(unit, placement);
    if (placement.conflicts.length > 0 || placement.replaces.length > 0) this.guarded.set(unit, placement);
    this.#account(placement, 1);
  }

  /** The placement the unit was added with; undefined when it is not here. */
  remove(unit: string): Placement | undefined {
    const placement = this.units.get(unit);
    if (placement === undefined) return undefined;
    this.units.delete(unit);
    this.guarded.delete(unit);
    this.#account(placement, -1);
    return placement;
  }

  linger(unit: string, placement: Placement): void {
    this.lingering.set(unit, placement);
    this.#account(placement, 1);
  }

  /** What lingered here is gone, or at home here again. */
  unlinger(unit: string): void {
    const placement = this.lingering.get(unit);
    if (placement === undefined) return;
    this.lingering.delete(unit);
    this.#account(placement, -1);
  }

  /** Counts what is used beyond what the units now here count for; later units add to that. */
  weighUsage(): void {
    const { usage } = this.facts;
    if (usage === undefined) return;
    this.#excessCpuMillis = Math.max(0, usage.cpuMillis - this.#nominalCpuMillis);
    this.#excessMemoryBytes = Math.max(0, usage.memoryBytes - this.#nominalMemoryBytes);
    this.#weigh();
  }

  /** What the unit would reserve here, since memory may be asked for as a share of the machine's. */
  demandOf(placement: Placement): Partial<Demand> {
    const { cpuMillis, memoryBytes, memoryShare } = placement.reservation;
    const memory =
      memoryBytes ??
      (memoryShare === undefined ? undefined : Math.floor(memoryShare * this.facts.capacity.memoryBytes));
    return {
      ...(cpuMillis === undefined ? {} : { cpuMillis }),
      ...(memory === undefined ? {} : { memoryBytes: memory }),
    };
  }

  #account(placement: Placement, sign: 1 | -1): void {
    const { cpuMillis, memoryBytes } = this.demandOf(placement);
    this.reservedCpuMillis += sign * (cpuMillis ?? 0);
    this.reservedMemoryBytes += sign * (memoryBytes ?? 0);
    this.#nominalCpuMillis += sign * (cpuMillis ?? NOMINAL_CPU_MILLIS);
    this.#nominalMemoryBytes += sign * (memoryBytes ?? NOMINAL_MEMORY_BYTES);
    this.#weigh();
  }

  #weigh(): void {
    const { capacity } = this.facts;
    this.load = Math.max(
      (this.#nominalCpuMillis + this.#excessCpuMillis) / Math.max(1, capacity.cpuMillis),
      (this.#nominalMemoryBytes + this.#excessMemoryBytes) / Math.max(1, capacity.memoryBytes),
    );
  }
}
