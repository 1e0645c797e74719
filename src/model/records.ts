/**
 * The values of the key layout: their schemas and types. Each is checked once, when it is read from outside.
 * Times are wall-clock milliseconds since 1970 and are only shown, never compared between machines.
 */
import * as z from "zod";

const machineId = z.string().regex(/^[0-9a-f]{32}$/, "must be 32 hex digits");
const fileHash = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");
const metadataKey = z.string().regex(/^[A-Za-z0-9_.-]+$/, "may have letters, digits, '_', '.' and '-' only");

/** What the operator asked for: known only, on a machine, or running there. */
export const desiredStateSchema = z.enum(["inactive", "loaded", "launched"]);
export type DesiredState = z.infer<typeof desiredStateSchema>;

export const metadataSchema = z.record(metadataKey, z.string());
export type Metadata = Readonly<Record<string, string>>;

export const clusterInfoSchema = z.object({
  id: z.string(),
  name: z.string(),
  createdMs: z.number(),
});
export type ClusterInfo = Readonly<z.infer<typeof clusterInfoSchema>>;

export const capacitySchema = z.object({
  /** Thousandths of a core. */
  cpuMillis: z.number().int().nonnegative(),
  memoryBytes: z.number().int().nonnegative(),
});
export type Capacity = Readonly<z.infer<typeof capacitySchema>>;

/** A machine as it presents itself; gone with its lease. */
export const machineRecordSchema = z.object({
  id: machineId,
  /** New for each start of the daemon. */
  instance: z.string(),
  /** What people call it: the host name, or the name given to the daemon. */
  name: z.string(),
  /** IP address that other machines reach it by. */
  address: z.string(),
  /** Where its API listens: `http://ADDRESS:PORT`. */
  api: z.string(),
  /** From its own configuration; the operator's overlay is in MachineConfig. */
  metadata: metadataSchema,
  capacity: capacitySchema,
  version: z.string(),
  supervisor: z.string(),
  /** What the supervisor cannot hold units to, a sentence each. */
  notEnforced: z.array(z.string()),
  /** True on the machine whose daemon holds the embedded store. */
  hasStore: z.boolean(),
  startedMs: z.number(),
  bootId: z.string(),
  leaseTtlS: z.number(),
  /** It is about to go: its units are moved away as from a drained machine. */
  leaving: z.boolean().exactOptional(),
});
export type MachineRecord = Readonly<z.infer<typeof machineRecordSchema>>;

/** The operator's wish that a machine be emptied. */
export const drainSchema = z.object({
  sinceMs: z.number(),
  /** When what is still there is stopped; only shown: its time is up when the key `drain-deadline` is gone. */
  untilMs: z.number().exactOptional(),
  /** Units that fit on no other machine are stopped rather than left. */
  force: z.boolean().default(false),
});
export type Drain = Readonly<z.infer<typeof drainSchema>>;

/** What the operator says of a machine; outlives its presence. */
export const machineConfigSchema = z.object({
  /** Laid over the machine's own metadata; null hides a key. */
  metadata: z.record(metadataKey, z.string().nullable()).default({}),
  /** No new units are placed there; those there stay. */
  cordoned: z.boolean().default(false),
  /** Its units go to other machines, and none comes; absent: it is not drained. */
  drain: drainSchema.exactOptional(),
});
export type MachineConfig = Readonly<z.infer<typeof machineConfigSchema>>;

export const unitRecordSchema = z.object({
  file: fileHash,
  desired: desiredStateSchema,
  /** Raised by each explicit start or restart: whoever runs the unit starts it anew when this is new to it. */
  launch: z.number().int().nonnegative(),
  changedMs: z.number(),
  /** Earlier files, newest first. */
  history: z.array(z.object({ file: fileHash, replacedMs: z.number() })).default([]),
});
export type UnitRecord = Readonly<z.infer<typeof unitRecordSchema>>;

/** A move to `machine` that came to nothing, so that the same is not tried again at once. */
export const failedMoveSchema = z.object({
  machine: machineId,
  /** What the copy there came to, in words. */
  cause: z.string(),
  failedMs: z.number(),
  /** How often it has failed there in this launch. */
  count: z.number().int().positive(),
  /** Absent: that of the assignment it stands in. The old copy of a unit that is moved may be of an earlier one. */
  launch: z.number().int().nonnegative().exactOptional(),
});
export type FailedMove = Readonly<z.infer<typeof failedMoveSchema>>;

/** A machine on which a launch of a unit has failed for good. */
const triedMachineSchema = z.object({
  machine: machineId,
  cause: z.string(),
  failedMs: z.number(),
  launch: z.number().int().nonnegative(),
});
export type TriedMachine = Readonly<z.infer<typeof triedMachineSchema>>;

/** "This machine shall have this unit in this state." */
export const assignmentSchema = z.object({
  file: fileHash,
  desired: z.enum(["loaded", "launched"]),
  launch: z.number().int().nonnegative(),
  /** Why this machine, in a sentence. */
  reason: z.string(),
  assignedMs: z.number(),
  /** The machine that has the unit until the copy here is active: the unit is on its way from there. */
  movesFrom: machineId.exactOptional(),
  failedMoves: z.array(failedMoveSchema).exactOptional(),
  /** Where it was before it came here for having failed (FailureMoves=), oldest first; those of earlier launches do not count. */
  tried: z.array(triedMachineSchema).exactOptional(),
});
export type Assignment = Readonly<z.infer<typeof assignmentSchema>>;

/** What is: systemd's triple and what belongs to it, published by the machine when it changes. */
export const unitStateSchema = z.object({
  load: z.string(),
  active: z.string(),
  sub: z.string(),
  result: z.string(),
  file: fileHash,
  /** The launch of the assignment that this state belongs to; 0 when it was never launched there. */
  launch: z.number().int().nonnegative(),
  sinceMs: z.number(),
  message: z.string().optional(),
  mainPid: z.number().int().optional(),
  exitCode: z.number().int().optional(),
  exitSignal: z.string().optional(),
  restarts: z.number().int().nonnegative().default(0),
  /** It was killed because the machine's lease might have ended. */
  expired: z.boolean().exactOptional(),
});
export type UnitState = Readonly<z.infer<typeof unitStateSchema>>;

/** What all units of a machine use together, as last published: it changes by steps, not with every byte. */
export const usageSchema = z.object({
  cpuMillis: z.number().nonnegative(),
  memoryBytes: z.number().nonnegative(),
});
export type Usage = Readonly<z.infer<typeof usageSchema>>;

/** A oneshot that ran to its end: it is not run again until its launch is raised. */
export const outcomeSchema = z.object({
  launch: z.number().int().nonnegative(),
  file: fileHash,
  machine: machineId,
  finishedMs: z.number(),
});
export type Outcome = Readonly<z.infer<typeof outcomeSchema>>;

/** That a machine is the one to run a strict unit, for as long as its lease lives. */
export const claimSchema = z.object({ machine: machineId });

export const EVENT_KINDS = [
  "machine-joined",
  "machine-lost",
  "machine-unreachable",
  "machine-reachable",
  "machine-configured",
  "machine-removed",
  "engine-elected",
  "holding",
  "rebalance",
  "rebalance-offered",
  "unit-submitted",
  "unit-desired",
  "unit-destroyed",
  "unit-placed",
  "unit-moved",
  "unit-unplaced",
  "unit-refused",
  "unit-active",
  "unit-failed",
  "unit-finished",
  "store-changed",
] as const;

/** One thing that happened, for the person who asks later. */
export const clusterEventSchema = z.object({
  timeMs: z.number(),
  kind: z.enum(EVENT_KINDS),
  unit: z.string().optional(),
  machine: z.string().optional(),
  /** What happened and why, in one sentence that stands alone. */
  message: z.string(),
});
export type ClusterEvent = Readonly<z.infer<typeof clusterEventSchema>>;
export type EventKind = ClusterEvent["kind"];

/** Moves that the operator has asked for; gone when they are done. */
export const rebalanceSchema = z.object({
  moves: z.array(z.object({ unit: z.string(), from: machineId, to: machineId, reason: z.string() })),
  /** Revision of the store that they were planned at. */
  revision: z.string(),
  askedMs: z.number(),
});
export type RebalanceRecord = Readonly<z.infer<typeof rebalanceSchema>>;

export const engineRecordSchema = z.object({
  machine: machineId,
  instance: z.string(),
  electedMs: z.number(),
});
export type EngineRecord = Readonly<z.infer<typeof engineRecordSchema>>;

/** How the store is reached. Files are paths on each machine. */
export const storeAccessSchema = z.object({
  /** `http://HOST:PORT` or `https://HOST:PORT` of each member. */
  endpoints: z.array(z.string()).min(1),
  tls: z
    .object({
      caFile: z.string().exactOptional(),
      certFile: z.string().exactOptional(),
      keyFile: z.string().exactOptional(),
    })
    .exactOptional(),
  user: z.object({ name: z.string(), password: z.string() }).exactOptional(),
});
export type StoreAccess = Readonly<z.infer<typeof storeAccessSchema>>;

/** A member of the store's etcd that runs as a unit of this cluster. */
export const storeMemberSchema = z.object({
  machine: machineId,
  /** Name of the member, and instance of its unit: the machine's name. */
  name: z.string(),
  unit: z.string(),
  peerUrl: z.string(),
  clientUrl: z.string(),
  /** Where its data is on that machine. */
  directory: z.string(),
});
export type StoreMember = Readonly<z.infer<typeof storeMemberSchema>>;

/** Where the store is; there is none while it is the embedded one, since whoever reads it has found that. */
export const storeRecordSchema = z.object({
  access: storeAccessSchema,
  /** Empty for an etcd of the user's own. */
  members: z.array(storeMemberSchema),
  changedMs: z.number(),
});
export type StoreRecord = Readonly<z.infer<typeof storeRecordSchema>>;
