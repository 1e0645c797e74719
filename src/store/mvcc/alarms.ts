/**
 * The alarms that are raised, kept as records, and the one the store raises by itself: its files have reached the quota.
 * As with etcd, whatever makes the store larger is then refused until the alarm is cleared by hand, while deletes and
 * compaction go on (etcdserver/quota.go, apply.go). An alarm that the store is damaged, which only an operator raises,
 * stops all writing.
 */
import type { Alarm, RecordChange, RecordsView } from "../local-store.ts";
import type { PutRequest, TxnRequest } from "../store.ts";

/** Etcd's default for --quota-backend-bytes. */
export const DEFAULT_QUOTA_BYTES = 2 * 2 ** 30;
/** What etcd reckons for a put beside key and value, and for a lease. */
const PUT_OVERHEAD_BYTES = 256;
const LEASE_BYTES = 64;

const BUCKET = "alarm";
const ALARMS: readonly Alarm[] = ["nospace", "corrupt"];

export function raisedAlarms(records: RecordsView): readonly Alarm[] {
  return ALARMS.filter((alarm) => isRaised(alarm, records));
}

export function isRaised(alarm: Alarm, records: RecordsView): boolean {
  return records.list(BUCKET).has(alarm);
}

export function alarmChange(alarm: Alarm, raised: boolean): RecordChange {
  return { bucket: BUCKET, name: alarm, value: raised ? new Uint8Array(0) : undefined };
}

/** What a write may add to the store, by etcd's reckoning; 0 for one that adds nothing. */
export function putCost(request: PutRequest): number {
  return PUT_OVERHEAD_BYTES + request.key.length + request.value.length;
}

export const LEASE_COST = LEASE_BYTES;

/** The dearer branch. */
export function txnCost(request: TxnRequest): number {
  const [success, failure] = [request.success, request.failure].map((ops) => {
    let cost = 0;
    for (const op of ops) {
      if (op.kind === "put") cost += putCost(op.request);
      if (op.kind === "txn") cost += txnCost(op.request);
    }
    return cost;
  });
  return Math.max(success ?? 0, failure ?? 0);
}

export interface SpaceUse {
  readonly sizeBytes: number;
  /** 0: no quota. */
  readonly quotaBytes: number;
}

/**
 * Whether a write that adds `cost` bytes may go on: `raise` means that it may not and that the alarm is to be raised.
 */
export function judgeSpace(records: RecordsView, use: SpaceUse, cost: number): "free" | "refused" | "raise" {
  if (cost === 0) return "free";
  if (isRaised("nospace", records)) return "refused";
  return use.quotaBytes > 0 && use.sizeBytes + cost > use.quotaBytes ? "raise" : "free";
}
