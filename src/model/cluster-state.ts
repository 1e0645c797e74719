/**
 * The cluster's state as typed values, built up from keys and raw values as a mirror of the store reports them.
 *
 * Pure: it does no I/O and never throws. A value that does not match its schema is left out and listed in
 * `faults`, so that one broken key hides nothing else and is itself not hidden.
 */
import type * as z from "zod";
import { type KeyKind, parseKey } from "./keys.ts";
import {
  type Assignment,
  assignmentSchema,
  type ClusterInfo,
  clusterInfoSchema,
  type EngineRecord,
  engineRecordSchema,
  type MachineConfig,
  type MachineRecord,
  machineConfigSchema,
  machineRecordSchema,
  type Outcome,
  outcomeSchema,
  type RebalanceRecord,
  rebalanceSchema,
  type StoreRecord,
  storeRecordSchema,
  type UnitRecord,
  type UnitState,
  type Usage,
  unitRecordSchema,
  unitStateSchema,
  usageSchema,
} from "./records.ts";
import { type RevokedRecord, revokedRecordSchema } from "./trust-records.ts";

/** Values under two names: machine, then unit. */
export type PerMachine<T> = ReadonlyMap<string, ReadonlyMap<string, T>>;

/** What readers see; maps are live views and must not be kept across awaits. */
export interface ClusterView {
  readonly cluster: ClusterInfo | undefined;
  readonly engine: EngineRecord | undefined;
  /** Undefined while the store is the embedded one. */
  readonly store: StoreRecord | undefined;
  /** Machines that are present: those whose lease lives. */
  readonly machines: ReadonlyMap<string, MachineRecord>;
  /** What machines were called when they were last present, by ID: those that are gone have to be told of, too. */
  readonly machineNames: ReadonlyMap<string, string>;
  readonly machineConfigs: ReadonlyMap<string, MachineConfig>;
  /** Machines whose drain has a deadline that has not passed. */
  readonly drainDeadlines: ReadonlySet<string>;
  readonly units: ReadonlyMap<string, UnitRecord>;
  /** Unit file texts by hash. */
  readonly files: ReadonlyMap<string, string>;
  readonly assignments: PerMachine<Assignment>;
  readonly states: PerMachine<UnitState>;
  /** What the units of each machine use, where that is counted. */
  readonly usages: ReadonlyMap<string, Usage>;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Undefined while none is being carried out. */
  readonly rebalance: RebalanceRecord | undefined;
  /** Machines that were removed and whose certificates are refused, by ID. */
  readonly revoked: ReadonlyMap<string, RevokedRecord>;
  /** Keys whose value could not be read, with the reason. */
  readonly faults: ReadonlyMap<string, string>;
}

/** One change of the store: the key, and its new value or undefined when it was deleted. */
export interface RawChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

const decoder = new TextDecoder();

export class ClusterState implements ClusterView {
  cluster: ClusterInfo | undefined;
  engine: EngineRecord | undefined;
  store: StoreRecord | undefined;
  readonly machines = new Map<string, MachineRecord>();
  readonly machineNames = new Map<string, string>();
  readonly machineConfigs = new Map<string, MachineConfig>();
  readonly drainDeadlines = new Set<string>();
  readonly units = new Map<string, UnitRecord>();
  readonly files = new Map<string, string>();
  readonly assignments = new Map<string, Map<string, Assignment>>();
  readonly states = new Map<string, Map<string, UnitState>>();
  readonly usages = new Map<string, Usage>();
  readonly outcomes = new Map<string, Outcome>();
  rebalance: RebalanceRecord | undefined;
  readonly revoked = new Map<string, RevokedRecord>();
  readonly faults = new Map<string, string>();

  /** Takes in one change. Keys outside the layout are ignored. Returns the kind that changed. */
  apply(change: RawChange): KeyKind | undefined {
    const parsed = parseKey(change.key);
    if (parsed === undefined) return undefined;
    const { kind, first, second } = parsed;
    this.faults.delete(change.key);
    const text = change.value === undefined ? undefined : decoder.decode(change.value);
    switch (kind) {
      case "cluster":
        this.cluster = this.#read(change.key, text, clusterInfoSchema);
        break;
      case "engine":
        this.engine = this.#read(change.key, text, engineRecordSchema);
        break;
      case "store":
        this.store = this.#read(change.key, text, storeRecordSchema);
        break;
      case "machine":
        this.#setMachine(first, this.#read(change.key, text, machineRecordSchema));
        break;
      case "machine-config":
        set(this.machineConfigs, first, this.#read(change.key, text, machineConfigSchema));
        break;
      case "drain-deadline":
        if (text === undefined) this.drainDeadlines.delete(first);
        else this.drainDeadlines.add(first);
        break;
      case "unit":
        set(this.units, first, this.#read(change.key, text, unitRecordSchema));
        break;
      case "file":
        set(this.files, first, text);
        break;
      case "assignment":
        setPerMachine(this.assignments, first, second, this.#read(change.key, text, assignmentSchema));
        break;
      case "state":
        setPerMachine(this.states, first, second, this.#read(change.key, text, unitStateSchema));
        break;
      case "usage":
        set(this.usages, first, this.#read(change.key, text, usageSchema));
        break;
      case "outcome":
        set(this.outcomes, first, this.#read(change.key, text, outcomeSchema));
        break;
      case "revoked":
        set(this.revoked, first, this.#read(change.key, text, revokedRecordSchema));
        break;
      case "rebalance":
        this.rebalance = this.#read(change.key, text, rebalanceSchema);
        break;
      // Events are read when they are asked for, claims by who makes them. Secrets are not kept where everything else looks.
      case "event":
      case "claim":
      case "trust":
      case "token":
        break;
    }
    return kind;
  }

  #setMachine(id: string, machine: MachineRecord | undefined): void {
    set(this.machines, id, machine);
    if (machine !== undefined) this.machineNames.set(id, machine.name);
  }

  #read<T>(key: string, text: string | undefined, schema: z.ZodType<T>): T | undefined {
    if (text === undefined) return undefined;
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    this.faults.set(
      key,
      parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "),
    );
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Undefined matches no schema, so that the caller reports it like any other wrong shape.
    return undefined;
  }
}

function set<T>(map: Map<string, T>, key: string, value: T | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function setPerMachine<T>(
  map: Map<string, Map<string, T>>,
  machine: string,
  unit: string,
  value: T | undefined,
): void {
  let units = map.get(machine);
  if (units === undefined) {
    if (value === undefined) return;
    units = new Map();
    map.set(machine, units);
  }
  set(units, unit, value);
  if (units.size === 0) map.delete(machine);
}

/** The metadata a machine is placed by: its own, with the operator's overlay on top. */
export function effectiveMetadata(
  machine: MachineRecord,
  config: MachineConfig | undefined,
): Readonly<Record<string, string>> {
  const merged: Record<string, string> = { ...machine.metadata };
  for (const [key, value] of Object.entries(config?.metadata ?? {})) {
    if (value === null) delete merged[key];
    else merged[key] = value;
  }
  return merged;
}

/** How a machine is called in a sentence: by its name, or by the first digits of its ID where that was never seen. */
export function nameOfMachine(view: ClusterView, machine: string): string {
  return view.machines.get(machine)?.name ?? view.machineNames.get(machine) ?? machine.slice(0, 8);
}
