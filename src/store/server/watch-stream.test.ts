import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { Channel } from "../etcd/channel.ts";
import { StreamCall } from "../etcd/stream-call.ts";
import { toBytes, toText } from "../keys.ts";
import type { LocalStore } from "../local-store.ts";
import { createMemoryStore } from "../memory.ts";
import { watchRequest, watchResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { type StoreServer, serveStore } from "./server.ts";

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
