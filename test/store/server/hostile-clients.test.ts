/** Clients that do not do their part: they begin and stay silent, come a byte at a time, or are pages in a browser. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { systemRandom } from "#host/system.ts";
import { FLAG, FRAME, frameOf, PREFACE, settingsFrame } from "#store/http2/frames.ts";
import { writeHeaders } from "#store/http2/hpack.ts";
import { toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { type StoreServer, serveStore } from "#store/server/server.ts";
import { putRequest } from "#store/wire/etcd-messages.ts";
import { encode } from "#store/wire/message.ts";
import { framed } from "./raw-calls.ts";

const PUT = writeHeaders([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/etcdserverpb.KV/Put"],
  [":authority", "store"],
  ["content-type", "application/grpc"],
]);
const BODY = framed(encode(putRequest, { key: toBytes("k"), value: toBytes("v") }));

describe("a client that does not do its part", () => {
  const clock = new VirtualClock();
  const store = createMemoryStore({ clock, random: systemRandom });
  const sockets: Socket[] = [];
  let server: StoreServer;

  beforeAll(async () => {
    server = await serveStore({ store, host: "127.0.0.1", port: 0, clock });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await server.close();
    await store.close();
  });

  function dial(): { socket: Socket; received: () => string; ended: Promise<void> } {
    const socket = connect(server.address.port, "127.0.0.1");
    socket.setNoDelay(true);
    sockets.push(socket);
    const pieces: Buffer[] = [];
    socket.on("data", (piece) => pieces.push(piece));
    socket.on("error", () => undefined);
    const ended = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    return { socket, received: () => Buffer.concat(pieces).toString("latin1"), ended };
  }

  /** Fires the timers that the server has set, once it has set some. */
  async function pass(): Promise<void> {
    await expect.poll(() => clock.nextDueMs()).toBeDefined();
    while (clock.fireNext());
  }

  test.for([
    ["says nothing", Buffer.alloc(0)],
    ["says less than tells what it speaks", Buffer.from("P")],
    ["says half of the preface", PREFACE.subarray(0, 12)],
    ["says the preface and no settings", PREFACE],
  ] as const)("is hung up on where it %s", async ([, bytes]) => {
    const { socket, ended } = dial();
    socket.write(bytes);
    await pass();
    await expect
      .poll(async () => {
        while (clock.fireNext());
        return Promise.race([
          ended.then(() => "ended"),
          new Promise((resolve) => setTimeout(resolve, 5, "open")),
        ]);
      })
      .toBe("ended");
  });

  test("is told that its request has not come in time", async () => {
    const { socket, received } = dial();
    socket.write(
      Buffer.concat([PREFACE, settingsFrame(new Map()), frameOf(FRAME.headers, FLAG.endHeaders, 1, PUT)]),
    );
    socket.write(frameOf(FRAME.data, 0, 1, BODY.subarray(0, 8)));
    await expect.poll(() => (clock.nextDueMs() ?? 0) - clock.monotonic()).toBeGreaterThan(20_000);
    while (clock.fireNext());
    await expect.poll(received).toContain("the request has not come in time");
    expect(store.revision).toBe(1n);
  });

  test("is served all the same where it comes a byte at a time", async () => {
    const { socket, received } = dial();
    const bytes = Buffer.concat([
      ...[PREFACE, settingsFrame(new Map()), frameOf(FRAME.headers, FLAG.endHeaders, 1, PUT)],
      frameOf(FRAME.data, FLAG.endStream, 1, BODY),
    ]);
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect.poll(received).toContain("grpc-status");
    expect(store.revision).toBe(2n);
  });

  test("gets nothing of the gateway as a page in a browser, whose origin tells it", async () => {
    const body = JSON.stringify({ key: "aw==", value: "djI=" });
    const call = (headers: Record<string, string>): Promise<Response> =>
      fetch(`http://127.0.0.1:${server.address.port}/v3/kv/put`, { method: "POST", body, headers });
    const refused = await call({ origin: "http://127.0.0.1:8080", "content-type": "text/plain" });
    expect(refused.status).toBe(403);
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
    expect(store.revision).toBe(2n);
    expect((await call({})).status).toBe(200);
    expect(store.revision).toBe(3n);
  });
});
