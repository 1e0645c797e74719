/** Peers that take their time, or send too much, before anybody knows who they are. */
import { once } from "node:events";
import { connect, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSecureServer, type SecureServer } from "#api/secure-server.ts";
import { M1 } from "./served-cluster.ts";
import { TestTrust } from "./trust.ts";

const LIMITS = { handshakeMs: 1_000, headMs: 1_000, checkEveryMs: 50, connections: 3 };

let server: SecureServer;
let trust: TestTrust;
beforeEach(async () => {
  trust = TestTrust.make("ours");
  const tls = trust.live(await trust.machine(M1, "m1")).serverTls("machines and people");
  server = createSecureServer(tls, (_, response) => response.end("answered"), LIMITS);
  server.listener.listen(0, "127.0.0.1");
  await once(server.listener, "listening");
});
afterEach(() => server.close());

function portOf(listener: Server): number {
  const address = listener.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function open(): Promise<Socket> {
  const socket = connect(portOf(server.listener), "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.resume();
  return socket;
}

async function openTls(): Promise<Socket> {
  const ca = trust.machines.certificate;
  const socket = connectTls({ port: portOf(server.listener), host: "127.0.0.1", ca });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

function untilClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}

describe("a peer is hung up on", () => {
  test("that says nothing", async () => {
    await untilClosed(await open());
  });

  test("that begins to agree on keys and does not go on", async () => {
    const socket = await open();
    socket.write(Buffer.from([0x16, 3, 1, 2, 0]));
    await untilClosed(socket);
  });

  test("that has agreed on keys and says no more than half a head", async () => {
    const socket = await openTls();
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test("that sends a head without end", async () => {
    const socket = await openTls();
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(20_000)}\r\n`);
    socket.resume();
    await untilClosed(socket);
  });

  test("that asks in plain HTTP, once it has been told", async () => {
    const socket = await open();
    socket.write("GET / HTTP/1.1\r\n");
    await untilClosed(socket);
  });
});

test("no more peers are taken than there may be, and others are as soon as some have gone", async () => {
  const taken: Socket[] = [];
  server.listener.on("connection", (socket: Socket) => taken.push(socket));
  const held = await Promise.all([openTls(), openTls(), openTls()]);
  const refused = await open();
  await untilClosed(refused);
  expect(taken).toHaveLength(3);
  for (const socket of held) socket.destroy();
  await Promise.all(taken.map(untilClosed));
  const socket = await openTls();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toContain("answered");
});
