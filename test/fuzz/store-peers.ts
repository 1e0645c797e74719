/**
 * Peers of the store that send anything: frames of HTTP/2 and requests of etcd's API, whole, damaged and made up, over
 * sockets to a store that is served. Whatever they send, the store lives, answers the next client, and keeps nothing of
 * them once they are gone.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { type Random, randomInteger } from "#base/random.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { connectStore } from "#store/etcd/client.ts";
import {
  FLAG,
  FRAME,
  frameOf,
  PREFACE,
  SETTING,
  settingsFrame,
  windowUpdateFrame,
} from "#store/http2/frames.ts";
import { writeHeaders } from "#store/http2/hpack.ts";
import { toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { serveStore } from "#store/server/server.ts";
import { anyRequest, METHODS } from "./store-requests.ts";

/** What the store does with the last of what it was sent takes less than this. */
const HANG_MS = 20_000;

/** @param peers how many there are, one after the other. @throws Error that says what the store did wrong. */
export async function fuzzStore(random: Random, peers: number): Promise<void> {
  const system = { clock: systemClock, random: systemRandom };
  const store = createMemoryStore(system);
  const server = await serveStore({ ...system, store, host: "127.0.0.1", port: 0 });
  const client = connectStore({ ...system, endpoints: [`127.0.0.1:${server.address.port}`] });
  try {
    for (let peer = 0; peer < peers; peer += 1) {
      await visit(server.address.port, bytesOf(random));
      const alive = AbortSignal.timeout(HANG_MS);
      await client.put({ key: toBytes("alive"), value: toBytes(String(peer)) }, { signal: alive });
    }
  } finally {
    await client.close();
    await server.close();
  }
  // The ends of watches are heard of a turn later.
  for (let turns = 0; turns < 100 && store.status().watches > 0; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (store.status().watches > 0) throw new Error(`${store.status().watches} watches of peers that are gone`);
  await store.close();
}

/** Sends it, and hangs up. */
async function visit(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  await Promise.race([once(socket, "connect"), closed]);
  socket.end(bytes);
  socket.resume();
  await closed;
}

function bytesOf(random: Random): Buffer {
  const frames = Array.from({ length: randomInteger(random, 0, 40) }, () => anyFrame(random));
  const bytes = Buffer.concat([PREFACE, settingsFrame(new Map()), ...frames]);
  return random.next() < 0.3 ? damaged(random, bytes) : bytes;
}

function anyFrame(random: Random): Buffer {
  const stream = randomInteger(random, 0, 9) * 2 + (random.next() < 0.95 ? 1 : 0);
  const kind = random.next();
  if (kind < 0.4) return call(random, stream);
  if (kind < 0.5)
    return windowUpdateFrame(random.next() < 0.5 ? 0 : stream, randomInteger(random, 0, 100_000));
  if (kind < 0.6) {
    const setting = random.next() < 0.5 ? SETTING.initialWindowSize : randomInteger(random, 0, 9);
    return settingsFrame(new Map([[setting, randomInteger(random, 0, 70_000)]]));
  }
  if (kind < 0.7) return frameOf(FRAME.resetStream, 0, stream, Buffer.from(random.bytes(4)));
  const content = Buffer.from(random.bytes(randomInteger(random, 0, 60)));
  return frameOf(randomInteger(random, 0, 12), randomInteger(random, 0, 255), stream, content);
}

/** The headers of a call and a request, as one method wants it, as another does, or damaged. */
function call(random: Random, stream: number): Buffer {
  const path = METHODS[randomInteger(random, 0, METHODS.length - 1)] ?? "";
  const headers = writeHeaders([
    [":method", "POST"],
    [":path", path],
    ["content-type", random.next() < 0.9 ? "application/grpc" : "text/plain"],
    ...(random.next() < 0.1 ? ([["token", "nobody's"]] as const) : []),
  ]);
  const message = anyRequest(random, random.next() < 0.8 ? path : undefined);
  const body = Buffer.alloc(5 + message.length);
  body.writeUInt32BE(message.length, 1);
  body.set(message, 5);
  const flags = random.next() < 0.7 ? FLAG.endStream : 0;
  return Buffer.concat([
    frameOf(FRAME.headers, FLAG.endHeaders, stream, headers),
    frameOf(FRAME.data, flags, stream, random.next() < 0.8 ? body : damaged(random, body)),
  ]);
}

/** One to eight of its bytes are others, or missing. */
function damaged(random: Random, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = randomInteger(random, 1, 8); count > 0 && copy.length > 0; count -= 1) {
    copy[randomInteger(random, 0, copy.length - 1)] = randomInteger(random, 0, 255);
  }
  return random.next() < 0.5 ? copy : copy.subarray(0, randomInteger(random, 0, copy.length));
}
