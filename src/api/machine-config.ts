/** What the operator says of a machine, changed: cordon, drain and the overlay of metadata. */
import { formatDuration } from "#base/duration.ts";
import { FlotillaError } from "#base/errors.ts";
import { nameOfMachine } from "#model/cluster-state.ts";
import { keys } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { type Drain, type MachineConfig, machineConfigSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { deleteKey, ifModRevision, putJson } from "#store/ops.ts";
import type { RequestOp } from "#store/store.ts";
import type { MachinePatch } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { awaitMirror, eventOp } from "./unit-commit.ts";

const UNTOUCHED: MachineConfig = { metadata: {}, cordoned: false };
const MAX_TRIES = 8;

/** Pure: the configuration after the patch. @throws FlotillaError `bad-request`, `limit-exceeded` */
export function patchConfig(config: MachineConfig, patch: MachinePatch, nowMs: number): MachineConfig {
  const metadata = { ...config.metadata, ...patch.metadata };
  for (const key of patch.unset ?? []) delete metadata[key];
  for (const [key, value] of Object.entries(metadata)) checkMetadata(key, value);
  if (Object.keys(metadata).length > LIMITS.metadataKeys) {
    throw new FlotillaError("limit-exceeded", `a machine has at most ${LIMITS.metadataKeys} metadata keys`);
  }
  const drain = patchDrain(config.drain, patch.drain, nowMs);
  const cordoned = patch.cordoned ?? config.cordoned;
  return { metadata, cordoned, ...(drain === undefined ? {} : { drain }) };
}

/** A drain that is asked for again goes on, by the new terms. */
function patchDrain(
  before: Drain | undefined,
  wish: MachinePatch["drain"],
  nowMs: number,
): Drain | undefined {
  if (wish === undefined) return before;
  if (wish === null) return undefined;
  const { force = false, deadlineMs } = wish;
  const until = deadlineMs === undefined ? {} : { untilMs: nowMs + deadlineMs };
  return { sinceMs: before?.sinceMs ?? nowMs, force, ...until };
}

function checkMetadata(key: string, value: string | null): void {
  if (!/^[A-Za-z0-9_.-]+$/.test(key)) {
    throw new FlotillaError("bad-request", `"${key}" is not a metadata key`, {
      hint: "a key has letters, digits, '_', '.' and '-' only",
    });
  }
  if (new TextEncoder().encode(value ?? "").length > LIMITS.metadataValueBytes) {
    throw new FlotillaError(
      "limit-exceeded",
      `the value of ${key} is over ${LIMITS.metadataValueBytes} bytes`,
    );
  }
}

/** Pure: what of the patch is not so already. A time to be drained by is always new: it counts from now on. */
export function whatChanges(config: MachineConfig, patch: MachinePatch): MachinePatch {
  const { metadata = {}, unset = [], cordoned, drain } = patch;
  const isSet = ([key, value]: [string, string | null]): boolean =>
    Object.hasOwn(config.metadata, key) && config.metadata[key] === value;
  return {
    metadata: Object.fromEntries(Object.entries(metadata).filter((pair) => !isSet(pair))),
    unset: unset.filter((key) => Object.hasOwn(config.metadata, key) || Object.hasOwn(metadata, key)),
    ...(cordoned === undefined || cordoned === config.cordoned ? {} : { cordoned }),
    ...(drain === undefined || isDrainedSo(config.drain, drain) ? {} : { drain }),
  };
}

function isDrainedSo(before: Drain | undefined, wish: NonNullable<MachinePatch["drain"]> | null): boolean {
  if (wish === null || before === undefined) return wish === null && before === undefined;
  const { force = false, deadlineMs } = wish;
  return deadlineMs === undefined && before.untilMs === undefined && before.force === force;
}

/**
 * Changes what is stored for the machine and resolves when the mirror shows it.
 * @returns whether anything was to be changed: where it is so already, nothing is written
 */
export async function configureMachine(
  machine: string,
  patch: MachinePatch,
  dependencies: ApiDependencies,
): Promise<boolean> {
  const key = keys.machineConfig(machine);
  const name = nameOfMachine(dependencies.mirror.view, machine);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const [kv] = (await dependencies.store.range({ key: toBytes(key) })).kvs;
    const before = kv === undefined ? UNTOUCHED : machineConfigSchema.parse(JSON.parse(toText(kv.value)));
    const after = patchConfig(before, patch, dependencies.clock.now());
    const change = whatChanges(before, patch);
    const message = `machine ${name}: the operator ${describePatch(change)}`;
    if (describePatch(change) === "") {
      await awaitMirror(kv?.modRevision ?? 0n, dependencies);
      return false;
    }
    const deadline = await deadlineOps(machine, change.drain, dependencies);
    const response = await dependencies.store.txn({
      compare: [ifModRevision(key, kv?.modRevision ?? 0n)],
      success: [
        putJson(key, after),
        ...deadline,
        eventOp({ kind: "machine-configured", machine, message }, dependencies),
      ],
      failure: [],
    });
    if (response.succeeded) {
      await awaitMirror(response.header.revision, dependencies);
      return true;
    }
  }
  throw new FlotillaError("conflict", "others kept changing the same machine", {
    hint: "try again",
    retryable: true,
  });
}

/** The store counts a drain's time, since no two machines' clocks agree. */
async function deadlineOps(
  machine: string,
  wish: MachinePatch["drain"],
  { store }: ApiDependencies,
): Promise<readonly RequestOp[]> {
  if (wish === undefined) return [];
  const key = keys.drainDeadline(machine);
  if (wish?.deadlineMs === undefined) return [deleteKey(key)];
  const lease = await store.leaseGrant({ ttlS: Math.ceil(wish.deadlineMs / 1000) });
  return [putJson(key, {}, lease.id)];
}

/** What the operator has done, in words; empty where the patch changes nothing. */
function describePatch(patch: MachinePatch): string {
  const set = Object.entries(patch.metadata ?? {}).map(([key, value]) =>
    value === null ? `hid metadata ${key}` : `set metadata ${key}=${value}`,
  );
  const unset = (patch.unset ?? []).map((key) => `took back metadata ${key}`);
  const cordon = patch.cordoned === undefined ? [] : [patch.cordoned ? "cordoned it" : "uncordoned it"];
  return [...cordon, ...describeDrain(patch.drain), ...set, ...unset].join(", ");
}

function describeDrain(wish: MachinePatch["drain"]): string[] {
  if (wish === undefined) return [];
  if (wish === null) return ["ended its drain"];
  const { force, deadlineMs } = wish;
  const within = deadlineMs === undefined ? "" : ` within ${formatDuration(deadlineMs)}`;
  return [`drains it${within}${force === true ? " by force" : ""}`];
}
