/**
 * Generated sequences of requests, run on every store, must be answered alike, field by field. All stores begin
 * empty and see the same requests, so that even their revisions must agree.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toBytes, toText } from "#store/keys.ts";
import { StoredKeyValue } from "#store/mvcc/stored-key-value.ts";
import {
  type Compare,
  type RequestOp,
  type Store,
  StoreError,
  type StoreEvent,
  type TxnRequest,
  type WatchRequest,
} from "#store/store.ts";
import { type OpenSubject, subjects } from "./store-subjects.ts";
import { told } from "./store-talk.ts";

/** One request; revisions are given as steps back from the current one. */
type Step = (store: Store, current: bigint) => Promise<unknown>;

let opened: OpenSubject[] = [];
beforeAll(async () => {
  opened = await Promise.all(subjects.map((subject) => subject.open()));
});
afterAll(() => Promise.all(opened.map((subject) => subject.close())));

const KEYS = ["a", "a/", "a/b", "a/c", "b", "c\u00e9"];
const key = fc.constantFrom(...KEYS).map(toBytes);
const span = fc
  .tuple(fc.constantFrom(...KEYS), fc.constantFrom(...KEYS))
  .filter(([from, to]) => from < to)
  .map(([from, to]) => ({ key: toBytes(from), rangeEnd: toBytes(to) }));
const oneOrMany = fc.oneof(
  key.map((one) => ({ key: one })),
  span,
);
const anySpan = fc.oneof(
  oneOrMany,
  key.map((from) => ({ key: from, rangeEnd: new Uint8Array(1) })),
);
const value = fc.constantFrom("", "1", "2", "longer").map(toBytes);
const leaseId = fc.constantFrom(0n, 0n, 0n, 71n, 72n, 73n);
const stepsBack = fc.integer({ min: -1, max: 12 }).map(BigInt);

const putRequest = fc.record(
  {
    key,
    value,
    lease: leaseId,
    prevKv: fc.boolean(),
    ignoreValue: fc.constantFrom(false, false, true),
    ignoreLease: fc.constantFrom(false, false, true),
  },
  { requiredKeys: ["key", "value"] },
);
const rangeOptions = fc.record(
  {
    limit: fc.integer({ min: 0, max: 4 }),
    sortOrder: fc.constantFrom("none", "ascend", "descend"),
    sortTarget: fc.constantFrom("key", "version", "create", "mod", "value"),
    keysOnly: fc.boolean(),
    countOnly: fc.boolean(),
    serializable: fc.boolean(),
  },
  { requiredKeys: [] },
);
const filters = fc.record(
  {
    minModRevision: stepsBack,
    maxModRevision: stepsBack,
    minCreateRevision: stepsBack,
    maxCreateRevision: stepsBack,
  },
  { requiredKeys: [] },
);

const number = fc.bigInt(0n, 4n);
const result = fc.constantFrom("equal", "greater", "less", "not-equal");
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc
    .tuple(oneOrMany, result, fc.constantFrom("version", "create", "mod", "lease"), number)
    .map(([range, how, target, against]): Compare => ({ ...range, result: how, target, value: against })),
  fc
    .tuple(oneOrMany, result, value)
    .map(([range, how, against]): Compare => ({ ...range, result: how, target: "value", value: against })),
);

const { txn: txnRequest } = fc.letrec<{ txn: TxnRequest; op: RequestOp }>((tie) => ({
  txn: fc.record({
    compare: fc.array(compare, { maxLength: 2 }),
    success: fc.array(tie("op"), { maxLength: 4 }),
    failure: fc.array(tie("op"), { maxLength: 2 }),
  }),
  op: fc.oneof(
    { depthSize: "small" },
    putRequest.map((request): RequestOp => ({ kind: "put", request })),
    fc.tuple(anySpan, rangeOptions).map(([range, options]): RequestOp => {
      return { kind: "range", request: { ...range, ...options } };
    }),
    fc.tuple(oneOrMany, fc.boolean()).map(([range, prevKv]): RequestOp => {
      return { kind: "delete-range", request: { ...range, prevKv } };
    }),
    tie("txn").map((request): RequestOp => ({ kind: "txn", request })),
  ),
}));

/** A longer search is one variable away. */
const RUNS = Number(process.env.FLOTILLA_TEST_RUNS ?? 40);

function atLeastOne(revision: bigint): bigint {
  return revision < 1n ? 1n : revision;
}

/** A step that shows in a counterexample what it asks. */
function stepOf<T>(name: string, request: fc.Arbitrary<T>, run: (request: T) => Step): fc.Arbitrary<Step> {
  return request.map((asked) =>
    Object.assign(run(asked), { [fc.toStringMethod]: () => `${name} ${fc.stringify(plain(asked))}` }),
  );
}

const rangeStep = fc.record({
  span: anySpan,
  options: rangeOptions,
  bounds: filters,
  back: fc.option(stepsBack, { nil: undefined }),
});
const leaseStep = fc.record({ id: fc.constantFrom(71n, 72n, 73n), ttlS: fc.integer({ min: 100, max: 200 }) });
const watchStep = fc.record({ span, back: fc.integer({ min: 0, max: 10 }), prevKv: fc.boolean() });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: stepOf("put", putRequest, (request) => (store) => store.put(request)) },
  {
    weight: 3,
    arbitrary: stepOf("delete", fc.tuple(anySpan, fc.boolean()), ([range, prevKv]) => (store) => {
      return store.deleteRange({ ...range, prevKv });
    }),
  },
  {
    weight: 4,
    arbitrary: stepOf("range", rangeStep, ({ span: range, options, bounds, back }) => (store, current) => {
      const revisions = Object.fromEntries(
        Object.entries(bounds).map(([name, steps]) => [name, atLeastOne(current - steps)]),
      );
      const revision = back === undefined ? 0n : atLeastOne(current - back);
      return store.range({ ...range, ...options, ...revisions, revision });
    }),
  },
  { weight: 4, arbitrary: stepOf("txn", txnRequest, (request) => (store) => store.txn(request)) },
  {
    weight: 1,
    arbitrary: stepOf(
      "compact",
      stepsBack,
      (back) => (store, current) => store.compact(atLeastOne(current - back)),
    ),
  },
  { weight: 2, arbitrary: stepOf("grant", leaseStep, (request) => (store) => store.leaseGrant(request)) },
  { weight: 1, arbitrary: stepOf("revoke", leaseId, (id) => (store) => store.leaseRevoke(id)) },
  {
    weight: 1,
    arbitrary: stepOf("keys of lease", leaseId, (id) => async (store) => {
      const { grantedTtlS, keys } = await store.leaseTimeToLive(id, true);
      return { grantedTtlS, keys: keys.map((one) => toText(one)).sort() };
    }),
  },
  {
    weight: 2,
    arbitrary: stepOf("watch", watchStep, ({ span: range, back, prevKv }) => (store, current) => {
      return eventsFrom(store, { ...range, prevKv, startRevision: atLeastOne(current - BigInt(back)) });
    }),
  },
);

/** What a watch reports of the past, and of the deletion of the whole range that is put behind it. */
async function eventsFrom(store: Store, request: WatchRequest): Promise<unknown[]> {
  const stop = new AbortController();
  const events: StoreEvent[] = [];
  await store.put({ key: request.key, value: toBytes("end") });
  const end = (await store.deleteRange(request)).header.revision;
  for await (const response of store.watch(request, { signal: stop.signal })) {
    if (response.kind !== "events") continue;
    events.push(...response.events);
    if (events.at(-1)?.kv.modRevision === end) stop.abort();
  }
  // Etcd before 3.4.36 loses the deletions of the very revision that was compacted.
  return events.filter(({ type, kv }) => type === "put" || kv.modRevision !== request.startRevision);
}

/** Answers with bytes as text and without fields that are absent on one side and empty on the other. */
function plain(part: unknown): unknown {
  if (part instanceof Uint8Array) return toText(part);
  if (Array.isArray(part)) return part.map(plain);
  if (part instanceof StoredKeyValue) return told(part);
  if (typeof part !== "object" || part === null) return part;
  const entries = Object.entries(part).filter(([name]) => !IDENTITY.has(name));
  return Object.fromEntries(entries.map(([name, inner]) => [name, plain(inner)]));
}

/** Every store has its own. */
const IDENTITY = new Set(["clusterId", "memberId", "raftTerm"]);

async function outcomeOf(run: Step, store: Store, current: bigint): Promise<unknown> {
  try {
    return plain(await run(store, current));
  } catch (error) {
    if (error instanceof StoreError) return `${error.status}: ${error.message}`;
    throw error;
  }
}

test("every store answers a generated sequence of requests alike", async () => {
  const [reference] = opened;
  if (reference === undefined) throw new Error("there is no store to compare with");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      for (const run of steps) {
        const { header } = await reference.store.range({ key: toBytes("a") });
        const outcomes = await Promise.all(opened.map(({ store }) => outcomeOf(run, store, header.revision)));
        for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0]);
      }
    }),
    { numRuns: RUNS },
  );
});
