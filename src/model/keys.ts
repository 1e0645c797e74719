/**
 * The key layout of the cluster's state, under one prefix.
 *
 * | key | value | written by |
 * |---|---|---|
 * | `cluster` | ClusterInfo | the daemon that first opens the store |
 * | `machine/<id>` (leased) | MachineRecord | that machine's agent |
 * | `machine-config/<id>` | MachineConfig | API |
 * | `drain-deadline/<id>` (leased for as long as a drain may take) | nothing: while it is there, there is time | API |
 * | `file/<sha256>` | the unit file's bytes, as they are | API |
 * | `unit/<name>` | UnitRecord | API |
 * | `assignment/<machine>/<unit>` | Assignment | engine |
 * | `state/<machine>/<unit>` (leased) | UnitState | that machine's agent |
 * | `usage/<machine>` (leased) | Usage: what the machine's units use, roughly | that machine's agent |
 * | `outcome/<unit>` | Outcome: a oneshot that has finished | that machine's agent |
 * | `rebalance` | RebalanceRecord: moves to be carried out | API; the engine deletes it |
 * | `event/<time>-<id>` | ClusterEvent | engine and API |
 * | `store` | StoreRecord: where the store is, once it is no longer the embedded one | API |
 * | `engine` (leased) | EngineRecord | the elected engine |
 * | `trust` | TrustRecord: the cluster's authorities with their keys | the daemon that first opens the store |
 * | `claim/<unit>` (leased) | Claim: which machine alone may run a strict unit | that machine's agent |
 * | `token/<id>` | TokenRecord | API |
 * | `revoked/<machine>`, `revoked/person:<name>` | RevokedRecord: a machine or person that was removed | API |
 * | `kv/…` | configuration of the user's own services | users |
 *
 * Nothing else may build or take apart a key.
 */

export const PREFIX = "/flotilla/v1/";

export type KeyKind =
  | "cluster"
  | "machine"
  | "machine-config"
  | "drain-deadline"
  | "file"
  | "unit"
  | "assignment"
  | "state"
  | "usage"
  | "outcome"
  | "rebalance"
  | "event"
  | "store"
  | "engine"
  | "trust"
  | "token"
  | "claim"
  | "revoked";

export const keys = {
  cluster: (): string => `${PREFIX}cluster`,
  engine: (): string => `${PREFIX}engine`,
  store: (): string => `${PREFIX}store`,
  trust: (): string => `${PREFIX}trust`,
  claim: (unit: string): string => `${PREFIX}claim/${unit}`,
  token: (id: string): string => `${PREFIX}token/${id}`,
  revoked: (machine: string): string => `${PREFIX}revoked/${machine}`,
  machine: (machine: string): string => `${PREFIX}machine/${machine}`,
  machineConfig: (machine: string): string => `${PREFIX}machine-config/${machine}`,
  drainDeadline: (machine: string): string => `${PREFIX}drain-deadline/${machine}`,
  file: (hash: string): string => `${PREFIX}file/${hash}`,
  unit: (name: string): string => `${PREFIX}unit/${name}`,
  assignment: (machine: string, unit: string): string => `${PREFIX}assignment/${machine}/${unit}`,
  state: (machine: string, unit: string): string => `${PREFIX}state/${machine}/${unit}`,
  usage: (machine: string): string => `${PREFIX}usage/${machine}`,
  outcome: (unit: string): string => `${PREFIX}outcome/${unit}`,
  rebalance: (): string => `${PREFIX}rebalance`,
  /** Sorts by time; `id` keeps events of one millisecond apart. */
  event: (timeMs: number, id: string): string => `${PREFIX}event/${String(timeMs).padStart(15, "0")}-${id}`,
  /** What users call it is the key without the prefix. */
  kv: (key: string): string => `${PREFIX}kv/${key}`,
} as const;

/** How a person stands among what was revoked: no machine's ID has a colon. */
export function revokedPerson(name: string): string {
  return `person:${name}`;
}

/** Prefixes of ranges. */
export const ranges = {
  all: PREFIX,
  units: `${PREFIX}unit/`,
  files: `${PREFIX}file/`,
  events: `${PREFIX}event/`,
  tokens: `${PREFIX}token/`,
  revoked: `${PREFIX}revoked/`,
  kv: `${PREFIX}kv/`,
  assignments: (machine: string): string => `${PREFIX}assignment/${machine}/`,
  states: (machine: string): string => `${PREFIX}state/${machine}/`,
} as const;

/** A key taken apart: its kind and the names behind it, in the order of the table above. */
export interface ParsedKey {
  readonly kind: KeyKind;
  readonly first: string;
  readonly second: string;
}

const KINDS: ReadonlySet<string> = new Set<KeyKind>([
  "cluster",
  "machine",
  "machine-config",
  "drain-deadline",
  "file",
  "unit",
  "assignment",
  "state",
  "usage",
  "outcome",
  "rebalance",
  "event",
  "store",
  "engine",
  "trust",
  "token",
  "claim",
  "revoked",
]);

/** Takes a key apart; undefined for keys that are not part of the layout, such as those under `kv/`. */
export function parseKey(key: string): ParsedKey | undefined {
  if (!key.startsWith(PREFIX)) return undefined;
  const [kind = "", first = "", ...rest] = key.slice(PREFIX.length).split("/");
  if (!isKeyKind(kind)) return undefined;
  return { kind, first, second: rest.join("/") };
}

/** How units of the store's own members begin. */
export const STORE_UNIT_PREFIX = "flotilla-etcd@";

/** Keys that say where the store is and who its members are: of no use to a store that is made from a backup. */
export function isStoreKey(key: string): boolean {
  const parsed = parseKey(key);
  if (parsed === undefined) return false;
  const { kind, first, second } = parsed;
  if (kind === "store") return true;
  if (kind === "unit" || kind === "outcome") return first.startsWith(STORE_UNIT_PREFIX);
  return (kind === "assignment" || kind === "state") && second.startsWith(STORE_UNIT_PREFIX);
}

function isKeyKind(text: string): text is KeyKind {
  return KINDS.has(text);
}
