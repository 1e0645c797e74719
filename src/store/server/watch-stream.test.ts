import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { Channel } from "../etcd/channel.ts";
import { StreamCall } from "../etcd/stream-call.ts";
import { toBytes, toText } from "../keys.ts";
import type { LocalStore } from "../local-store.ts";
import { createMemoryStore } from "../memory.ts";
import { watchRequest, watchResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { ServedStore } from "./served-store.ts";
import { type StoreServer, serveStore } from "./server.ts";
import { fragments, SENDING_MAX, serveWatch } from "./watch-stream.ts";

const means = { clock: systemClock, random: seededRandom(1) };
let store: LocalStore;
let server: StoreServer;
let channel: Channel;
let call: StreamCall;
let answers: AsyncGenerator<Buffer, void, undefined>;
beforeEach(async () => {
  store = createMemoryStore(means);
  server = await serveStore({ store, host: "127.0.0.1", port: 0 });
  channel = new Channel({ ...means, endpoints: [`127.0.0.1:${server.address.port}`] });
  call = await StreamCall.open({ channel, clock: systemClock }, "/etcdserverpb.Watch/Watch");
  answers = call.messages();
});
afterEach(async () => {
  call.close();
  channel.close();
  await server.close();
  await store.close();
});

const send = (request: Parameters<typeof watchRequest.write>[1]): void =>
  call.send(encode(watchRequest, request));
const put = (key: string) => store.put({ key: toBytes(key), value: toBytes("") });

/** The next answer, with what matters of it. */
async function next() {
  const step = await answers.next();
  if (step.done === true) throw new Error("the call ended");
  const { watchId, created, canceled, events, header } = decode(watchResponse, step.value);
  return {
    watchId,
    created,
    canceled,
    keys: events.map(({ kv }) => toText(kv.key)),
    revision: header.revision,
  };
}

test("one stream carries several watches, each with its ID, chosen or given", async () => {
  send({ create: { key: toBytes("a") } });
  expect(await next()).toMatchObject({ watchId: 0n, created: true });
  send({ create: { key: toBytes("b"), watchId: 7n } });
  expect(await next()).toMatchObject({ watchId: 7n, created: true });
  await put("b");
  expect(await next()).toMatchObject({ watchId: 7n, keys: ["b"] });
  await put("a");
  expect(await next()).toMatchObject({ watchId: 0n, keys: ["a"] });
});

test("an ID in use is refused and the stream goes on", async () => {
  send({ create: { key: toBytes("a"), watchId: 7n } });
  await next();
  send({ create: { key: toBytes("b"), watchId: 7n } });
  expect(await next()).toMatchObject({ watchId: -1n, created: true, canceled: true });
  await put("a");
  expect(await next()).toMatchObject({ watchId: 7n, keys: ["a"] });
});

test("a cancelled watch is acknowledged and says nothing more", async () => {
  send({ create: { key: toBytes("a") } });
  await next();
  send({ create: { key: toBytes("b") } });
  await next();
  send({ cancel: { watchId: 0n } });
  expect(await next()).toMatchObject({ watchId: 0n, canceled: true });
  await put("a");
  await put("b");
  expect(await next()).toMatchObject({ watchId: 1n, keys: ["b"] });
});

test("progress is told when asked for, with the current revision, after all events up to it", async () => {
  send({ create: { key: toBytes("a") } });
  await next();
  await put("a");
  await put("elsewhere");
  expect(await next()).toMatchObject({ watchId: 0n, keys: ["a"] });
  send({ progress: {} });
  expect(await next()).toMatchObject({ watchId: -1n, keys: [], revision: 3n });
});

test("a peer that reads nothing gets only so many watches", async () => {
  const served = new ServedStore({ ...means, store, clientUrl: () => "" });
  const gone = new AbortController();
  const create = Buffer.from(encode(watchRequest, { create: { key: toBytes("a") } }));
  let asked = 0;
  async function* messages(): AsyncGenerator<Buffer, void, undefined> {
    for (; !gone.signal.aborted; asked += 1) yield create;
  }
  const unread = Promise.withResolvers<void>();
  const ended = serveWatch(served, {
    caller: { token: undefined, certificateName: undefined },
    messages: messages(),
    signal: gone.signal,
    send: () => unread.promise,
  });
  await expect.poll(() => store.status().watches).toBe(SENDING_MAX);
  expect(asked).toBe(SENDING_MAX);
  gone.abort();
  unread.reject(new Error("the peer is gone"));
  await ended;
  expect(store.status().watches).toBe(0);
});

describe("an answer in pieces", () => {
  const kv = (size: number) => ({
    ...{ key: toBytes("k"), value: new Uint8Array(size), createRevision: 1n, modRevision: 1n },
    ...{ version: 1n, lease: 0n },
  });
  const answer = (sizes: readonly number[]) => ({
    watchId: 5n,
    header: { revision: 9n },
    events: sizes.map((size) => ({ type: "put" as const, kv: kv(size) })),
  });
  const piecesOf = (sizes: readonly number[], bytesMax: number) =>
    [...fragments(answer(sizes), bytesMax)].filter((piece) => piece !== undefined);
  const shapes = (sizes: readonly number[], bytesMax: number) =>
    piecesOf(sizes, bytesMax).map(({ events = [], fragment = false }) => [events.length, fragment]);

  test("is one where it is short enough", () => {
    expect(shapes([10, 10], 1_000)).toEqual([[2, false]]);
    expect(shapes([], 1_000)).toEqual([[0, false]]);
  });

  test("says of all but the last that more follows", () => {
    expect(shapes([300, 300, 300, 300, 300], 1_000)).toEqual([
      [2, true],
      [2, true],
      [1, false],
    ]);
  });

  test("may pause while many events are measured", () => {
    const pauses = (count: number) =>
      [...fragments(answer(Array(count).fill(1)), 10_000)].filter((piece) => piece === undefined).length;
    expect([pauses(100), pauses(1_000)]).toEqual([0, 7]);
  });

  test("has an event that is too long by itself", () => {
    expect(shapes([5_000, 10, 5_000], 1_000)).toEqual([
      [1, true],
      [1, true],
      [1, false],
    ]);
  });

  test("keeps every event, in order, each piece with the same header and below the size", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { maxLength: 40 }), (sizes) => {
        const pieces = piecesOf(sizes, 1_000);
        expect(pieces.flatMap(({ events = [] }) => events.map((event) => event.kv?.value?.length))).toEqual(
          sizes,
        );
        for (const piece of pieces) {
          expect(piece).toMatchObject({ watchId: 5n, header: { revision: 9n } });
          expect(encode(watchResponse, piece).length).toBeLessThan(1_010);
        }
      }),
    );
  });
});
