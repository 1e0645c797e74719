/**
 * Carries decisions about units into the store: each in a transaction guarded by the revision it was decided on.
 *
 * One request may hold a thousand units. They are cut into transactions of the size the store takes; everything that
 * belongs to one unit (its file, its record, its event) is in one of them. Where somebody else was faster, the
 * transaction answers with what is stored now, and the unit is decided anew.
 */
import { FlotillaError } from "#base/errors.ts";
import { randomId } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import { LIMITS } from "#model/limits.ts";
import { type ClusterEvent, type UnitRecord, unitRecordSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { chunk, deleteKey, ifModRevision, putBytes, putJson } from "#store/ops.ts";
import type { KeyValue, RequestOp, TxnResponse } from "#store/store.ts";
import { describeFailure } from "./answer-error.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { Decision } from "./unit-decisions.ts";

/** A unit's record and the revision of its last change; both empty when it does not exist. */
export interface StoredUnit {
  readonly record: UnitRecord | undefined;
  readonly modRevision: bigint;
  /** The store's revision when this was read. */
  readonly revision: bigint;
}

/** One unit of a request: how to decide it from what is stored. */
export interface Intent {
  readonly unit: string;
  readonly decide: (stored: StoredUnit) => Decision;
}

export interface Committed {
  readonly unit: string;
  readonly decision: Decision;
}

/** A unit's file, record, outcome and event. */
const OPS_PER_UNIT = 4;
const MAX_TRIES = 8;

interface Draft {
  readonly intent: Intent;
  readonly stored: StoredUnit;
  readonly decision: Decision;
}

/** Decides and commits every intent; resolves, in order, when the mirror shows what was written. */
export async function commitUnits(
  intents: readonly Intent[],
  dependencies: ApiDependencies,
): Promise<readonly Committed[]> {
  const drafts = intents.map((intent) => draft(intent, mirrored(intent.unit, dependencies)));
  const writes = drafts.filter(({ decision }) => decision.kind === "write" || decision.kind === "delete");
  const chunks = chunk(writes, Math.floor(LIMITS.txnOps / OPS_PER_UNIT));
  const committed = await Promise.all(chunks.map((part) => commitChunk(part, dependencies)));
  const written = new Map(committed.flat().map((one) => [one.unit, one]));
  return drafts.map(({ intent, decision }) => written.get(intent.unit) ?? { unit: intent.unit, decision });
}

function draft(intent: Intent, stored: StoredUnit): Draft {
  return { intent, stored, decision: intent.decide(stored) };
}

function mirrored(unit: string, { mirror }: ApiDependencies): StoredUnit {
  return {
    record: mirror.view.units.get(unit),
    modRevision: mirror.modRevision(keys.unit(unit)) ?? 0n,
    revision: mirror.revision,
  };
}

/** A failure of the store refuses the units of this chunk; what other chunks wrote stays and is reported as written. */
async function commitChunk(part: readonly Draft[], dependencies: ApiDependencies): Promise<Committed[]> {
  let drafts = part;
  try {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const response = await dependencies.store.txn({
        compare: drafts.map(({ intent, stored }) =>
          ifModRevision(keys.unit(intent.unit), stored.modRevision),
        ),
        success: operations(drafts, dependencies),
        failure: drafts.map(({ intent }) => readBack(intent.unit)),
      });
      if (response.succeeded) {
        await awaitMirror(response.header.revision, dependencies);
        return settled(drafts);
      }
      drafts = redraft(drafts, response);
    }
  } catch (error) {
    return refused(part, describeFailure(error));
  }
  return refused(
    part,
    new FlotillaError("conflict", "others kept changing the same units", {
      hint: "try again",
      retryable: true,
    }),
  );
}

function settled(drafts: readonly Draft[]): Committed[] {
  return drafts.map(({ intent, decision }) => ({ unit: intent.unit, decision }));
}

function refused(drafts: readonly Draft[], error: FlotillaError): Committed[] {
  return drafts.map(({ intent }) => ({ unit: intent.unit, decision: { kind: "refused", error } }));
}

function readBack(unit: string): RequestOp {
  return { kind: "range", request: { key: toBytes(keys.unit(unit)) } };
}

function redraft(drafts: readonly Draft[], response: TxnResponse): Draft[] {
  return drafts.map(({ intent }, index) => {
    const answer = response.responses[index];
    const kv = answer?.kind === "range" ? answer.response.kvs[0] : undefined;
    return draft(intent, readStored(kv, response.header.revision));
  });
}

function readStored(kv: KeyValue | undefined, revision: bigint): StoredUnit {
  if (kv === undefined) return { record: undefined, modRevision: 0n, revision };
  return {
    record: unitRecordSchema.parse(JSON.parse(toText(kv.value))),
    modRevision: kv.modRevision,
    revision,
  };
}

/** etcd takes no key twice in one transaction, so a file that several units share is put once. */
function operations(drafts: readonly Draft[], dependencies: ApiDependencies): RequestOp[] {
  const ops: RequestOp[] = [];
  const files = new Map<string, string>();
  for (const { intent, decision } of drafts) {
    if (decision.kind === "delete") {
      ops.push(deleteKey(keys.unit(intent.unit)), deleteKey(keys.outcome(intent.unit)));
    } else if (decision.kind === "write") {
      ops.push(putJson(keys.unit(intent.unit), decision.record));
      if (decision.file !== undefined) files.set(decision.file.hash, decision.file.text);
    } else continue;
    ops.push(eventOp({ ...decision.event, unit: intent.unit }, dependencies));
  }
  for (const [hash, text] of files) ops.push(putBytes(keys.file(hash), toBytes(text)));
  return ops;
}

/** The event of a change, to be written in the transaction of the change. */
export function eventOp(
  event: Omit<ClusterEvent, "timeMs">,
  { clock, random }: Pick<ApiDependencies, "clock" | "random">,
): RequestOp {
  const timeMs = clock.now();
  const value: ClusterEvent = { timeMs, ...event };
  return putJson(keys.event(timeMs, randomId(random).slice(0, 12)), value);
}

/** Whoever has written reads it at the next request; a mirror that is behind for long is not waited for. */
const MIRROR_PATIENCE_MS = 2_000;

export async function awaitMirror(revision: bigint, { mirror, clock }: ApiDependencies): Promise<void> {
  const patience = new AbortController();
  const timer = clock.setTimer(MIRROR_PATIENCE_MS, () => patience.abort());
  try {
    await mirror.reached(revision, patience.signal);
  } catch {
    // The write is done whether the mirror has seen it or not.
  } finally {
    timer.cancel();
  }
}
