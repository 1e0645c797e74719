import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { FLAG, FRAME, frameOf, PREFACE, SETTING, settingsFrame, windowUpdateFrame } from "./frames.ts";
import { writeHeaders } from "./hpack.ts";
import * as errors from "./http2-error.ts";
import { ServerConnection } from "./server-connection.ts";
import type { ServerStream } from "./server-stream.ts";

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly content: Buffer;
}

/** A client of bytes: what it sends is given to the connection, what comes back is kept as frames. */
class Client {
  readonly streams: ServerStream[] = [];
  readonly events: string[] = [];
  readonly clock = new VirtualClock();
  readonly #socket: Duplex;
  #bytes = Buffer.alloc(0);

  constructor({ reads = true } = {}) {
    this.#socket = new Duplex({
      read: () => undefined,
      write: (piece: Buffer, _encoding, done) => {
        this.#bytes = Buffer.concat([this.#bytes, piece]);
        if (reads) done();
      },
    });
    new ServerConnection(this.#socket, {
      clock: this.clock,
      stream: (stream) => {
        this.streams.push(stream);
        const say = (what: string): void => void this.events.push(`${stream.id} ${what}`);
        return {
          data: (piece) => {
            stream.consume(piece.length);
            say(`data ${piece.length}`);
          },
          end: () => say("end"),
          closed: () => say("closed"),
        };
      },
    });
  }

  async send(...frames: Buffer[]): Promise<void> {
    for (const frame of frames) this.#socket.push(frame);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  get frames(): Frame[] {
    const frames: Frame[] = [];
    for (let at = 0; at < this.#bytes.length; ) {
      const length = this.#bytes.readUIntBE(at, 3);
      const [type = 0, flags = 0] = this.#bytes.subarray(at + 3, at + 5);
      const stream = this.#bytes.readUInt32BE(at + 5);
      frames.push({ type, flags, stream, content: this.#bytes.subarray(at + 9, at + 9 + length) });
      at += 9 + length;
    }
    return frames;
  }

  of(type: number): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The code that the connection was ended with. */
  get farewell(): number | undefined {
    return this.of(FRAME.goAway)[0]?.content.readUInt32BE(4);
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed;
  }
}

const REQUEST = writeHeaders([
  [":method", "POST"],
  [":path", "/a"],
]);
const OK = writeHeaders([[":status", "200"]]);
const open = (stream: number, flags = 0): Buffer =>
  frameOf(FRAME.headers, FLAG.endHeaders | flags, stream, REQUEST);
const data = (stream: number, bytes: number, flags = 0): Buffer =>
  frameOf(FRAME.data, flags, stream, Buffer.alloc(bytes, 1));
const uint32 = (value: number): Buffer => Buffer.of(0, 0, value >> 8, value & 0xff);

async function begun(...frames: Buffer[]): Promise<Client> {
  const client = new Client();
  await client.send(PREFACE, settingsFrame(new Map()), ...frames);
  return client;
}

describe("a connection", () => {
  test("answers the client's settings with its own and an acknowledgement", async () => {
    const client = await begun();
    expect(client.of(FRAME.settings).map(({ flags }) => flags)).toEqual([0, FLAG.ack]);
  });

  test("answers a ping with what it holds", async () => {
    const client = await begun(frameOf(FRAME.ping, 0, 0, Buffer.from("12345678")));
    expect(client.of(FRAME.ping)).toMatchObject([{ flags: FLAG.ack, content: Buffer.from("12345678") }]);
  });

  test("opens a stream for a request, whatever the pieces in which it comes", async () => {
    const client = await begun();
    const bytes = Buffer.concat([open(1), data(1, 3), data(1, 2, FLAG.endStream)]);
    await client.send(...Array.from(bytes, (byte) => Buffer.of(byte)));
    expect(client.streams[0]?.headers.get(":path")).toBe("/a");
    expect(client.events).toEqual(["1 data 3", "1 data 2", "1 end"]);
  });

  test("puts headers together that come in several frames, padded and with a priority", async () => {
    const start = Buffer.concat([Buffer.of(2), Buffer.alloc(5), REQUEST.subarray(0, 3), Buffer.alloc(2)]);
    const client = await begun(
      frameOf(FRAME.headers, FLAG.padded | FLAG.priority, 1, start),
      frameOf(FRAME.continuation, 0, 1, REQUEST.subarray(3, 4)),
      frameOf(FRAME.continuation, FLAG.endHeaders, 1, REQUEST.subarray(4)),
    );
    expect(client.streams[0]?.headers.get(":path")).toBe("/a");
  });

  test("sends an answer as headers, data and trailers", async () => {
    const client = await begun(open(1, FLAG.endStream));
    const [stream] = client.streams;
    stream?.respond(OK);
    expect(stream?.write(Buffer.from("abc"))).toBe(true);
    stream?.end(OK);
    await client.send();
    expect(client.frames.slice(-3)).toMatchObject([
      { type: FRAME.headers, flags: FLAG.endHeaders },
      { type: FRAME.data, content: Buffer.from("abc") },
      { type: FRAME.headers, flags: FLAG.endHeaders | FLAG.endStream },
    ]);
    expect(client.events).toEqual(["1 end", "1 closed"]);
  });

  test("tells a client that is still sending to stop once it has its answer", async () => {
    const client = await begun(open(1), data(1, 10));
    client.streams[0]?.respond(OK, true);
    await client.send();
    expect(client.of(FRAME.resetStream).map(({ content }) => content.readUInt32BE(0))).toEqual([
      errors.NO_ERROR,
    ]);
  });

  test("closes a stream that the client has reset, and takes what is still on its way", async () => {
    const client = await begun(open(1), frameOf(FRAME.resetStream, 0, 1, uint32(8)), data(1, 10));
    expect(client.events).toEqual(["1 closed"]);
    expect(client.farewell).toBeUndefined();
  });
});

describe("windows", () => {
  test("hold an answer back until the client has room on the stream, then on the connection", async () => {
    const client = await begun(open(1, FLAG.endStream));
    const [stream] = client.streams;
    stream?.respond(OK);
    expect(stream?.write(Buffer.alloc(100_000))).toBe(false);
    const drained = stream?.drained();
    const sent = (): number => client.of(FRAME.data).reduce((sum, { content }) => sum + content.length, 0);
    await client.send();
    expect(sent()).toBe(65_535);
    await client.send(windowUpdateFrame(1, 50_000));
    expect(sent()).toBe(65_535);
    await client.send(windowUpdateFrame(0, 50_000));
    expect(sent()).toBe(100_000);
    await drained;
  });

  test("grow and shrink with the client's settings", async () => {
    const client = await begun(
      settingsFrame(new Map([[SETTING.initialWindowSize, 10]])),
      open(1, FLAG.endStream),
    );
    client.streams[0]?.write(Buffer.alloc(30));
    await client.send();
    expect(client.of(FRAME.data).map(({ content }) => content.length)).toEqual([10]);
    await client.send(settingsFrame(new Map([[SETTING.initialWindowSize, 25]])));
    expect(client.of(FRAME.data).map(({ content }) => content.length)).toEqual([10, 15]);
  });

  test("are opened for the client as what it has sent is taken", async () => {
    const client = await begun(open(1));
    await client.send(...Array.from({ length: 65 }, () => data(1, 16_384)));
    const grown = client.of(FRAME.windowUpdate).filter(({ stream }) => stream === 1);
    expect(grown.length).toBe(1);
  });
});

describe("a client that breaks the protocol is told how and hung up on", () => {
  const broken: readonly (readonly [string, number, readonly Buffer[]])[] = [
    ["a frame that is too large", errors.FRAME_SIZE_ERROR, [frameOf(FRAME.data, 0, 1, Buffer.alloc(16_385))]],
    ["data on no stream", errors.PROTOCOL_ERROR, [data(0, 1)]],
    ["data on a stream that was not opened", errors.PROTOCOL_ERROR, [data(5, 1)]],
    ["headers on a stream of the server's", errors.PROTOCOL_ERROR, [open(2)]],
    [
      "more padding than content",
      errors.PROTOCOL_ERROR,
      [open(1), frameOf(FRAME.data, FLAG.padded, 1, Buffer.of(9))],
    ],
    ["a continuation of nothing", errors.PROTOCOL_ERROR, [frameOf(FRAME.continuation, 0, 1, REQUEST)]],
    [
      "something between pieces of headers",
      errors.PROTOCOL_ERROR,
      [frameOf(FRAME.headers, 0, 1, REQUEST), data(1, 1)],
    ],
    [
      "pieces of headers without end",
      errors.ENHANCE_YOUR_CALM,
      [
        frameOf(FRAME.headers, 0, 1, REQUEST),
        ...Array.from({ length: 5 }, () => frameOf(FRAME.continuation, 0, 1, Buffer.alloc(16_000))),
      ],
    ],
    [
      "headers that cannot be read",
      errors.COMPRESSION_ERROR,
      [frameOf(FRAME.headers, FLAG.endHeaders, 1, Buffer.of(0x80))],
    ],
    ["a window that grows by nothing", errors.PROTOCOL_ERROR, [windowUpdateFrame(0, 0)]],
    ["a window that grows too large", errors.FLOW_CONTROL_ERROR, [windowUpdateFrame(0, 0x7fff_ffff)]],
    ["settings cut short", errors.FRAME_SIZE_ERROR, [frameOf(FRAME.settings, 0, 0, Buffer.alloc(5))]],
    [
      "an impossible window",
      errors.FLOW_CONTROL_ERROR,
      [settingsFrame(new Map([[SETTING.initialWindowSize, 0x8000_0000]]))],
    ],
    [
      "an impossible size of frames",
      errors.PROTOCOL_ERROR,
      [settingsFrame(new Map([[SETTING.maxFrameSize, 1]]))],
    ],
    ["a ping of the wrong size", errors.FRAME_SIZE_ERROR, [frameOf(FRAME.ping, 0, 0, Buffer.alloc(7))]],
    [
      "a reset of a stream that was not opened",
      errors.PROTOCOL_ERROR,
      [frameOf(FRAME.resetStream, 0, 9, uint32(8))],
    ],
    ["a push", errors.PROTOCOL_ERROR, [frameOf(FRAME.pushPromise, 0, 1, Buffer.alloc(4))]],
  ];

  test.for(broken)("%s", async ([, code, frames]) => {
    const client = await begun(...frames);
    expect(client.farewell).toBe(code);
    expect(client.isDestroyed).toBe(true);
  });

  test("a beginning that is not HTTP/2's", async () => {
    const client = new Client();
    await client.send(Buffer.from("PRI * HTTP/1.1\r\n\r\n"));
    expect(client.farewell).toBe(errors.PROTOCOL_ERROR);
  });

  test("its other streams are closed", async () => {
    const client = await begun(open(1), data(0, 1));
    expect(client.events).toEqual(["1 closed"]);
  });

  test("data after its end only resets the stream", async () => {
    const client = await begun(open(1, FLAG.endStream), data(1, 1));
    expect(client.farewell).toBeUndefined();
    expect(client.of(FRAME.resetStream).map(({ content }) => content.readUInt32BE(0))).toEqual([
      errors.STREAM_CLOSED,
    ]);
  });
});

describe("a client that floods is hung up on", () => {
  const many = (count: number, frame: (at: number) => Buffer): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, at) => frame(at)));
  const reset = (stream: number): Buffer => {
    const code = Buffer.alloc(4);
    code.writeUInt32BE(errors.CANCEL);
    return frameOf(FRAME.resetStream, 0, stream, code);
  };
  const floods: readonly (readonly [string, Buffer])[] = [
    ["calls begun and given up", many(3_000, (at) => Buffer.concat([open(at * 2 + 1), reset(at * 2 + 1)]))],
    [
      "streams that it makes us reset",
      many(3_000, (at) => Buffer.concat([open(at * 2 + 1), windowUpdateFrame(at * 2 + 1, 0x7fff_ffff)])),
    ],
    ["settings", many(200, () => settingsFrame(new Map()))],
    ["acknowledgements", many(1_100, () => frameOf(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)))],
    ["pings", many(4, () => frameOf(FRAME.ping, 0, 0, Buffer.alloc(8)))],
    ["empty data", Buffer.concat([open(1), many(1_100, () => data(1, 0))])],
    ["priorities", many(1_100, () => frameOf(FRAME.priority, 0, 1, Buffer.alloc(5)))],
    ["headers on a stream that is open", many(1_200, () => open(1))],
  ];

  test.for(floods)("%s", async ([, flood]) => {
    const client = await begun(flood);
    expect(client.farewell).toBe(errors.ENHANCE_YOUR_CALM);
    expect(client.isDestroyed).toBe(true);
  });

  test("but not for a thousand calls that it gives up at once", async () => {
    const opened = many(1_000, (at) => open(at * 2 + 1));
    const client = await begun(
      opened,
      many(1_000, (at) => reset(at * 2 + 1)),
    );
    expect(client.farewell).toBeUndefined();
    expect(client.events.filter((event) => event.endsWith("closed"))).toHaveLength(1_000);
  });
});

describe("what a frame costs does not grow with the streams", () => {
  const STREAMS = 500;

  /** Streams whose answers have no room, and how often any of them looks whether it has some. */
  async function withWaiting(): Promise<{ client: Client; looks: () => number }> {
    const client = await begun(settingsFrame(new Map([[SETTING.initialWindowSize, 0]])));
    for (let at = 0; at < STREAMS; at += 1) await client.send(open(at * 2 + 1, FLAG.endStream));
    let looks = 0;
    for (const stream of client.streams) {
      stream.write(Buffer.alloc(20));
      const pump = stream.pump.bind(stream);
      stream.pump = () => {
        looks += 1;
        pump();
      };
    }
    return { client, looks: () => looks };
  }

  test("room on the connection, a byte at a time, is offered to none that waits for room of its own", async () => {
    const { client, looks } = await withWaiting();
    await client.send(...Array.from({ length: 1_000 }, () => windowUpdateFrame(0, 1)));
    expect(looks()).toBe(0);
  });

  test("a window that one frame of settings says again and again changes once", async () => {
    const { client, looks } = await withWaiting();
    const windows = [1, 0, 1, 0, 1, 5].map((bytes) =>
      Buffer.from([0, SETTING.initialWindowSize, 0, 0, 0, bytes]),
    );
    await client.send(frameOf(FRAME.settings, 0, 0, Buffer.concat(windows)));
    expect(looks()).toBe(STREAMS);
    expect(client.of(FRAME.data).map(({ content }) => content.length)).toEqual(Array(STREAMS).fill(5));
  });
});

describe("a client that does not do its part is cut off", () => {
  test("one that never begins", async () => {
    const client = new Client();
    await client.send(PREFACE.subarray(0, 10));
    expect(client.isDestroyed).toBe(false);
    while (client.clock.fireNext());
    expect(client.isDestroyed).toBe(true);
  });

  test("one that begins with something else than settings", async () => {
    const client = new Client();
    await client.send(PREFACE, open(1));
    expect(client.farewell).toBe(errors.PROTOCOL_ERROR);
    expect(client.events).toEqual([]);
  });

  test("one that was hung up on, but does not read why", async () => {
    const client = new Client({ reads: false });
    await client.send(PREFACE, settingsFrame(new Map()), data(0, 1));
    expect(client.isDestroyed).toBe(false);
    while (client.clock.fireNext());
    expect(client.isDestroyed).toBe(true);
  });

  test("but not one that has begun and is silent", async () => {
    const client = await begun();
    expect(client.clock.nextDueMs()).toBeUndefined();
  });
});
