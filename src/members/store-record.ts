/** The `store` key, read and changed. */
import { FlotillaError } from "#base/errors.ts";
import { keys } from "#model/keys.ts";
import { type StoreRecord, storeRecordSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { ifModRevision, putJson } from "#store/ops.ts";
import type { CallOptions, Store } from "#store/store.ts";

const MAX_TRIES = 8;

interface Found {
  readonly record: StoreRecord | undefined;
  readonly modRevision: bigint;
}

export async function readStoreRecord(store: Store, options?: CallOptions): Promise<Found> {
  const [kv] = (await store.range({ key: toBytes(keys.store()) }, options)).kvs;
  if (kv === undefined) return { record: undefined, modRevision: 0n };
  return { record: storeRecordSchema.parse(JSON.parse(toText(kv.value))), modRevision: kv.modRevision };
}

/** @throws FlotillaError `conflict` where there is none, or others keep changing it. */
export async function changeStoreRecord(
  store: Store,
  nowMs: number,
  change: (record: StoreRecord) => StoreRecord,
): Promise<StoreRecord> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const { record, modRevision } = await readStoreRecord(store);
    if (record === undefined) throw notEtcd();
    const next = { ...change(record), changedMs: nowMs };
    const { succeeded } = await store.txn({
      compare: [ifModRevision(keys.store(), modRevision)],
      success: [putJson(keys.store(), next)],
      failure: [],
    });
    if (succeeded) return next;
  }
  throw new FlotillaError("conflict", "others kept changing the store's members", {
    hint: "try again",
    retryable: true,
  });
}

/** @throws FlotillaError `conflict` where the members are none of Flotilla's. */
export async function ownRecord(store: Store): Promise<StoreRecord> {
  const { record } = await readStoreRecord(store);
  if (record === undefined) throw notEtcd();
  if (record.members.length > 0) return record;
  throw new FlotillaError(
    "conflict",
    "the store is an etcd of your own, whose members Flotilla does not run",
    {
      hint: "change them with etcdctl member",
    },
  );
}

function notEtcd(): FlotillaError {
  return new FlotillaError("conflict", "the store is the embedded one, which has no members", {
    hint: "make an etcd of it first: flotilla store promote",
  });
}
