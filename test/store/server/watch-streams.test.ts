/** One stream of watches on the embedded store and on a real etcd: request by request the answers have to be the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { Channel } from "#store/etcd/channel.ts";
import { connectStore } from "#store/etcd/client.ts";
import { StreamCall } from "#store/etcd/stream-call.ts";
import { toBytes, toText } from "#store/keys.ts";
import type { Store } from "#store/store.ts";
import { watchRequest, watchResponse } from "#store/wire/etcd-messages.ts";
import { decode, encode } from "#store/wire/message.ts";
import { startEmbedded, startReal, type Target } from "../../conformance/etcdctl/targets.ts";
import { isServedVersion } from "../../contract/etcd-version.ts";

type Request = Parameters<typeof watchRequest.write>[1];
type Answer = ReturnType<typeof watchResponse.read>;

const means = { clock: systemClock, random: seededRandom(1) };
const key = toBytes("a");
/** With their previous values these are more than goes into one answer that may be cut. */
const large = new Uint8Array(700_000).fill(120);
const largeKeys = { key: toBytes("l"), rangeEnd: toBytes("m") };

/** What is asked on the stream or done to the store, and how many answers come of it. */
type Step =
  | { readonly ask: Request; readonly answers: number }
  | { readonly act: (store: Store) => Promise<unknown>; readonly answers: number };

const put =
  (name: string, value = "1") =>
  (store: Store) =>
    store.put({ key: toBytes(name), value: toBytes(value) });

const putLarge = (store: Store) =>
  store.txn({
    compare: [],
    success: ["l1", "l2"].map((name) => ({ kind: "put", request: { key: toBytes(name), value: large } })),
    failure: [],
  });

const STEPS: readonly Step[] = [
  { act: put("a"), answers: 0 },
  { act: put("a", "2"), answers: 0 },
  { ask: { create: { key } }, answers: 1 },
  { ask: { create: { key, watchId: 7n, prevKv: true } }, answers: 1 },
  { ask: { create: { key: toBytes("b"), watchId: 7n } }, answers: 1 },
  { ask: { create: { key: toBytes("b"), rangeEnd: toBytes("a") } }, answers: 1 },
  { ask: { create: { key: toBytes("b"), rangeEnd: toBytes("b"), watchId: 9n } }, answers: 1 },
  { ask: { progress: {} }, answers: 1 },
  { ask: { cancel: { watchId: 0n } }, answers: 1 },
  { ask: { cancel: { watchId: 0n } }, answers: 0 },
  { ask: { cancel: { watchId: 99n } }, answers: 0 },
  { act: put("a", "3"), answers: 1 },
  { act: (store) => store.deleteRange({ key }), answers: 1 },
  { ask: { cancel: { watchId: 7n } }, answers: 1 },
  { ask: { create: { key, startRevision: 2n, filters: ["no-put"] } }, answers: 2 },
  { ask: { create: { key, startRevision: 2n, filters: ["no-delete"], prevKv: true } }, answers: 2 },
  { ask: { create: { key, filters: ["no-put", "no-delete"] } }, answers: 1 },
  { act: put("a", "4"), answers: 1 },
  { ask: { create: { key: toBytes("z"), startRevision: 1_000n } }, answers: 1 },
  { ask: { progress: {} }, answers: 1 },
  { act: (store) => store.compact(4n), answers: 0 },
  { ask: { create: { key, startRevision: 2n, watchId: 20n } }, answers: 2 },
  { ask: { create: { key, startRevision: 4n, watchId: 21n } }, answers: 2 },
  { ask: { create: { key: toBytes(""), watchId: 22n } }, answers: 1 },
  { act: putLarge, answers: 0 },
  { act: putLarge, answers: 0 },
  {
    ask: { create: { ...largeKeys, startRevision: 8n, watchId: 30n, prevKv: true, fragment: true } },
    answers: 3,
  },
  {
    ask: { create: { ...largeKeys, startRevision: 8n, watchId: 31n, prevKv: true } },
    answers: 2,
  },
  { ask: {}, answers: 0 },
];

describe.runIf(isServedVersion)("a stream of watches", () => {
  let targets: readonly Target[] = [];
  beforeAll(async () => {
    targets = await Promise.all([startEmbedded(), startReal()]);
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  /** What came of each step. */
  async function walk({ endpoint }: Target): Promise<unknown[]> {
    const store = connectStore({ ...means, endpoints: [endpoint] });
    const channel = new Channel({ ...means, endpoints: [endpoint] });
    const call = await StreamCall.open({ channel, clock: systemClock }, "/etcdserverpb.Watch/Watch");
    const answers = call.messages();
    const told: unknown[] = [];
    try {
      for (const step of STEPS) {
        if ("ask" in step) call.send(encode(watchRequest, step.ask));
        else await step.act(store);
        for (let count = 0; count < step.answers; count += 1) {
          const { value } = await answers.next();
          told.push(value === undefined ? "the call ended" : show(decode(watchResponse, value)));
        }
      }
    } finally {
      call.close();
      channel.close();
      await store.close();
    }
    return told;
  }

  test(`has the same answers to ${STEPS.length} steps`, async () => {
    const [ours = [], theirs] = await Promise.all(targets.map(walk));
    expect(ours).toEqual(theirs);
    expect(ours.length).toBe(STEPS.reduce((sum, { answers }) => sum + answers, 0));
  });
});

function show({ header, events, ...answer }: Answer): unknown {
  return {
    ...answer,
    revision: header.revision,
    events: events.map(({ type, kv, prevKv }) => ({
      type,
      key: toText(kv.key),
      value: toText(kv.value).slice(0, 10),
      numbers: [kv.createRevision, kv.modRevision, kv.version],
      before: prevKv === undefined ? undefined : [toText(prevKv.value), prevKv.modRevision],
    })),
  };
}
