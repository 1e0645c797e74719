/** The session against Node's own HTTP/2 server, which was written by others from the same specification. */
import { once } from "node:events";
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { systemClock } from "#host/system.ts";
import { settingsFrame } from "../http2/frames.ts";
import type { Headers } from "../http2/hpack.ts";
import { dial } from "./dial.ts";
import { UnsentError } from "./errors.ts";
import { type CallSink, type Outgoing, Session } from "./session.ts";

let server: Http2Server;
let peer: ServerHttp2Session;
let session: Session;
let answer: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;
let unusable = 0;

async function open(clock = systemClock, settings = {}): Promise<void> {
  server = createServer({ settings });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    answer(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "session");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const endpoint = { host: "127.0.0.1", port, isSecure: false };
  session = await dial({ endpoint, tls: undefined, clock, onUnusable: () => (unusable += 1) });
  [peer] = await accepted;
}

beforeEach(() => {
  unusable = 0;
});
afterEach(async () => {
  session.destroy();
  peer.destroy();
  const closed = once(server, "close");
  server.close();
  await closed;
});

/** Reads a whole answer. */
class Reader implements CallSink {
  readonly pieces: Buffer[] = [];
  readonly ended = Promise.withResolvers<Headers>();
  outgoing: Outgoing | undefined;
  /** Whether the store may send on when something has come. */
  takes = true;

  onData(piece: Buffer): void {
    this.pieces.push(piece);
    if (this.takes) this.outgoing?.took(piece.length);
  }

  onStatus(headers: Headers): void {
    this.ended.resolve(headers);
  }

  onLost(error: unknown): void {
    this.ended.reject(error);
  }

  get bytes(): number {
    return this.pieces.reduce((sum, piece) => sum + piece.length, 0);
  }
}

function call(metadata: readonly (readonly [string, string])[] = []): Reader {
  const reader = new Reader();
  reader.ended.promise.catch(() => undefined);
  reader.outgoing = session.call("/a.B/C", metadata, reader);
  return reader;
}

function finish(stream: ServerHttp2Stream, body: Buffer): void {
  stream.respond({ ":status": 200 }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(body);
}

describe("a session", () => {
  test("sends headers and a body, and reads the answer and its trailers", async () => {
    const heard: unknown[] = [];
    answer = (stream, headers) => {
      heard.push(headers[":path"], headers.te, headers["content-type"], headers.token);
      stream.on("data", (piece: Buffer) => heard.push(piece.toString()));
      stream.on("end", () => finish(stream, Buffer.from("answer")));
    };
    await open();
    const reader = call([["token", "secret"]]);
    reader.outgoing?.send(Buffer.from("request"), true);
    expect((await reader.ended.promise).get("grpc-status")).toBe("0");
    expect(heard).toEqual(["/a.B/C", "trailers", "application/grpc", "secret", "request"]);
    expect(Buffer.concat(reader.pieces).toString()).toBe("answer");
  });

  test("sends and receives more than every window holds", async () => {
    const size = 20_000_000;
    let received = 0;
    answer = (stream) => {
      stream.on("data", (piece: Buffer) => {
        received += piece.length;
      });
      stream.on("end", () => finish(stream, Buffer.alloc(size)));
    };
    await open();
    const reader = call();
    reader.outgoing?.send(Buffer.alloc(size), true);
    await reader.ended.promise;
    expect([received, reader.bytes]).toEqual([size, size]);
  });

  test("holds the peer back while its reader takes nothing, and no other call", async () => {
    answer = (stream) => finish(stream, Buffer.alloc(stream.id === 1 ? 5_000_000 : 5_000));
    await open();
    const slow = call();
    slow.takes = false;
    slow.outgoing?.send(Buffer.alloc(1), true);
    const quick = call();
    quick.outgoing?.send(Buffer.alloc(1), true);
    await quick.ended.promise;
    expect([quick.bytes, slow.bytes < 5_000_000]).toEqual([5_000, true]);
    slow.takes = true;
    slow.outgoing?.took(slow.bytes);
    await slow.ended.promise;
    expect(slow.bytes).toBe(5_000_000);
  });

  test("keeps to a peer's small windows", async () => {
    answer = (stream) => {
      stream.resume();
      stream.on("end", () => finish(stream, Buffer.alloc(1)));
    };
    await open(systemClock, { initialWindowSize: 1_000 });
    const readers = Array.from({ length: 20 }, () => call());
    for (const reader of readers) reader.outgoing?.send(Buffer.alloc(100_000), true);
    for (const reader of readers) expect((await reader.ended.promise).get("grpc-status")).toBe("0");
  });

  test("reads headers that need more than one frame", async () => {
    answer = (stream) =>
      stream.respond(
        { ":status": 200, "grpc-status": "2", "grpc-message": "m".repeat(40_000) },
        { endStream: true },
      );
    await open();
    expect((await call().ended.promise).get("grpc-message")?.length).toBe(40_000);
  });

  test("tells a call that was refused, and so not carried out, from one that was broken off", async () => {
    answer = (stream) =>
      stream.close(stream.id === 1 ? constants.NGHTTP2_REFUSED_STREAM : constants.NGHTTP2_INTERNAL_ERROR);
    await open();
    await expect(call().ended.promise).rejects.toBeInstanceOf(UnsentError);
    const broken = await call().ended.promise.catch((error: unknown) => error);
    expect(broken).toMatchObject({ status: "unavailable" });
    expect(broken).not.toBeInstanceOf(UnsentError);
  });

  test("that is sent away lets its calls finish, but for those that were not looked at, and takes no more", async () => {
    const streams: ServerHttp2Stream[] = [];
    const both = Promise.withResolvers<void>();
    answer = (stream) => {
      streams.push(stream);
      if (streams.length === 2) both.resolve();
    };
    await open();
    const [first, second] = [call(), call()];
    await both.promise;
    peer.goaway(constants.NGHTTP2_NO_ERROR, 1);
    await expect(second.ended.promise).rejects.toBeInstanceOf(UnsentError);
    expect([session.isUsable, unusable]).toEqual([false, 1]);
    expect(() => call()).toThrow(UnsentError);
    const [stream] = streams;
    if (stream !== undefined) finish(stream, Buffer.from("late"));
    expect((await first.ended.promise).get("grpc-status")).toBe("0");
  });

  test("that is lost ends every call once", async () => {
    answer = () => peer.destroy();
    await open();
    const readers = [call(), call()];
    for (const reader of readers)
      await expect(reader.ended.promise).rejects.toMatchObject({ status: "unavailable" });
    expect([session.isUsable, unusable]).toEqual([false, 1]);
  });

  test("hears nothing more of a call that it cancelled, and tells the peer", async () => {
    const cancelled = Promise.withResolvers<number>();
    answer = (stream) => {
      stream.on("close", () => cancelled.resolve(stream.rstCode));
      stream.respond({ ":status": 200 });
      stream.write(Buffer.alloc(10));
    };
    await open();
    const reader = call();
    reader.outgoing?.cancel();
    expect(await cancelled.promise).toBe(constants.NGHTTP2_CANCEL);
    expect(reader.pieces).toEqual([]);
  });

  test("asks a peer that is silent for a sign of life, and gives up one that gives none", async () => {
    const clock = new VirtualClock();
    answer = () => undefined;
    // Opened on a clock that stands still, which the timeout for connecting does not mind.
    await open(clock);
    const asked = once(peer, "ping");
    clock.fireNext(10_000);
    await asked;
    while (session.heardMs < 10_000) await new Promise((resolve) => setImmediate(resolve));
    clock.fireNext(15_000);
    expect(session.isUsable).toBe(true);
  });

  test("gives up a peer that answers no ping", async () => {
    const clock = new VirtualClock();
    const [client, silent] = duplexPair();
    silent.resume();
    silent.write(settingsFrame(new Map()));
    const lost = Promise.withResolvers<void>();
    const onUnusable = (): void => lost.resolve();
    const options = { socket: client, scheme: "http", authority: "silent:1", clock, onUnusable };
    const mute = new Session(options);
    await mute.ready;
    const reader = new Reader();
    mute.call("/a.B/C", [], reader);
    while (clock.fireNext());
    await lost.promise;
    await expect(reader.ended.promise).rejects.toThrow("ping");
    expect(clock.monotonic()).toBe(15_000);
  });
});
