/**
 * Where a unit may run: what `[X-Fleet]`, `[X-Flotilla]` and the resource keys of a unit file say, as one typed value.
 * Rules: fleet's unit-files-and-scheduling document for `[X-Fleet]`; docs/unit-files.md for `[X-Flotilla]`.
 */

/** A metadata key and the values of which one must match (values of one key are alternatives). */
export interface MetadataRequirement {
  readonly key: string;
  readonly values: readonly string[];
}

/** `key=value` that a machine is preferred for having; `weight` is 1 unless given. */
export interface Preference {
  readonly key: string;
  readonly value: string;
  readonly weight: number;
}

/** What the unit reserves on its machine; absent means nothing is reserved. */
export interface Reservation {
  /** Thousandths of a core, from CPUQuota=. */
  readonly cpuMillis?: number;
  /** From MemoryMin=, else MemoryMax= where that is a number of bytes. */
  readonly memoryBytes?: number;
  /** The same as a share of the machine's memory, 0 to 1, where the key gives a percentage. */
  readonly memoryShare?: number;
}

/** So many units, or a share of them (0 to 1) rounded up. */
export type Allowance = { readonly units: number } | { readonly share: number };

export interface Placement {
  /** Full machine ID, or its first eight digits. */
  readonly machineId?: string;
  /** Units that must be on the same machine. */
  readonly machineOf: readonly string[];
  /** All must match: different keys are joined by AND. */
  readonly metadata: readonly MetadataRequirement[];
  /** Globs on unit names that may not be on the same machine. */
  readonly conflicts: readonly string[];
  /** Globs on unit names that are moved away when this unit comes. */
  readonly replaces: readonly string[];
  readonly global: boolean;
  /** `strict`: never two copies, not even for a moment. */
  readonly failover: "eager" | "strict";
  /** When the unit is moved: whether it may run on its new machine before it is stopped on its old one. */
  readonly overlap: boolean;
  /** How many instances of the same template moves may have under way, or without a running copy, at a time. */
  readonly maxUnavailable?: Allowance;
  /** Metadata keys over whose values instances of the same template are spread evenly; `machine` means machines. */
  readonly spread: readonly string[];
  readonly prefer: readonly Preference[];
  /** At most so many instances of the same template on one machine. */
  readonly maxPerMachine?: number;
  /** On how many other machines it is tried after it has failed for good. */
  readonly failureMoves: number;
  readonly reservation: Reservation;
}

/** A unit that may run anywhere. */
export const ANYWHERE: Placement = {
  machineOf: [],
  metadata: [],
  conflicts: [],
  replaces: [],
  global: false,
  failover: "eager",
  overlap: true,
  failureMoves: 0,
  spread: [],
  prefer: [],
  reservation: {},
};
