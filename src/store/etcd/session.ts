/**
 * The client's side of one HTTP/2 connection (RFC 9113): calls as streams, both windows kept, pings.
 *
 * Etcd's calls are many and small, so the way from a call to the socket is short: one block of headers a path, written
 * once, and all that one turn of the event loop sends in one write. A call ends exactly once; what a call that ended
 * still gets is passed over.
 */
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "#base/clock.ts";
import { FrameReader } from "../http2/frame-reader.ts";
import {
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_BYTES,
  type FrameHeader,
  frameOf,
  goAwayFrame,
  PREFACE,
  resetFrame,
  SETTING,
  settingsFrame,
  windowUpdateFrame,
} from "../http2/frames.ts";
import { ANSWER_HEADERS_BYTES_MAX, HeaderReader, type Headers, writeHeaders } from "../http2/hpack.ts";
import {
  CANCEL,
  ENHANCE_YOUR_CALM,
  Http2Error,
  NO_ERROR,
  PROTOCOL_ERROR,
  REFUSED_STREAM,
} from "../http2/http2-error.ts";
import { Outbox } from "../http2/outbox.ts";
import { connectionLost, UnsentError } from "./errors.ts";

/** What a call may receive before its reader has taken it. */
const STREAM_WINDOW_BYTES = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Etcd takes pings more frequent than every five seconds for an attack and hangs up. */
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;
const STREAM_ID_MAX = 0x7fff_ffff;
const SETTING_ENABLE_PUSH = 2;
/** A block of headers that comes in pieces. */
const BLOCK_BYTES_MAX = 64 * 1024;

/** Who hears what becomes of a call. */
export interface CallSink {
  onData(piece: Buffer): void;
  /** Once, at the end: the headers that hold the status. */
  onStatus(headers: Headers): void;
  /** Once, instead of a status. */
  onLost(error: unknown): void;
}

export interface SessionOptions {
  readonly socket: Duplex;
  /** `http` or `https`, and `host:port`. */
  readonly scheme: string;
  readonly authority: string;
  readonly clock: Clock;
  /** Called once, when no new call can be made on it any more. */
  readonly onUnusable: () => void;
}

/** One call: what has been sent of it and what it may still send and receive. */
class Stream {
  readonly id: number;
  readonly sink: CallSink;
  sendWindow: number;
  /** What the peer's window has no room for yet. */
  waiting: { readonly bytes: Buffer; readonly isLast: boolean }[] = [];
  taken = 0;

  constructor(id: number, sink: CallSink, sendWindow: number) {
    this.id = id;
    this.sink = sink;
    this.sendWindow = sendWindow;
  }
}

/** A call as its maker holds it. */
export interface Outgoing {
  /** @param isLast nothing more will be sent. */
  send(framed: Buffer, isLast: boolean): void;
  /** The reader has taken so many bytes; the peer may send as many more. */
  took(bytes: number): void;
  /** Ends the call from this side; its sink hears nothing more. */
  cancel(): void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #headers = new HeaderReader(ANSWER_HEADERS_BYTES_MAX);
  readonly #streams = new Map<number, Stream>();
  readonly #blocks = new Map<string, Buffer>();
  readonly #ready = Promise.withResolvers<void>();
  #nextId = 1;
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #streamSendWindow = DEFAULT_WINDOW_BYTES;
  #callsMax = STREAM_ID_MAX;
  #taken = 0;
  /** What is done with each type of frame; those of other types mean nothing to this side. */
  readonly #takers: ReadonlyMap<number, (header: FrameHeader, content: Buffer) => void> = new Map<
    number,
    (header: FrameHeader, content: Buffer) => void
  >([
    [FRAME.data, (header, content) => this.#takeData(header, content)],
    [FRAME.headers, (header, content) => this.#takeHeaders(header, content)],
    [FRAME.continuation, (header, content) => this.#takeHeaders(header, content)],
    [FRAME.resetStream, ({ stream }, content) => this.#takeReset(stream, content.readUInt32BE(0))],
    [FRAME.settings, (header, content) => this.#takeSettings(header, content)],
    [FRAME.ping, (header, content) => this.#takePing(header, content)],
    [FRAME.goAway, (_, content) => this.#takeGoAway(content)],
    [
      FRAME.windowUpdate,
      ({ stream }, content) => this.#takeWindow(stream, content.readUInt32BE(0) & 0x7fff_ffff),
    ],
    [FRAME.pushPromise, () => refusePush()],
  ]);
  /** Pieces of a block of headers whose end has not come yet. */
  #block: { readonly stream: number; readonly isLast: boolean; readonly pieces: Buffer[] } | undefined;
  #usable = true;
  #heardMs: number;
  #pingTimer: Timer | undefined;

  constructor(options: SessionOptions) {
    const { socket, clock } = options;
    this.#options = options;
    this.#outbox = new Outbox(socket);
    this.#heardMs = clock.monotonic();
    this.#ready.promise.catch(() => undefined);
    const reader = new FrameReader((header, content) => this.#take(header, content));
    socket.on("data", (piece: Buffer) => this.#read(reader, piece));
    socket.on("error", (error) => this.#lose(error));
    socket.on("close", () => this.#lose());
    this.#outbox.send(PREFACE);
    const settings = [
      [SETTING_ENABLE_PUSH, 0],
      [SETTING.initialWindowSize, STREAM_WINDOW_BYTES],
    ] as const;
    this.#outbox.send(settingsFrame(new Map(settings)));
    this.#outbox.send(windowUpdateFrame(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
    this.#armPing(PING_INTERVAL_MS);
  }

  /** Resolves with the peer's settings: a port that accepts and says nothing is no store. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** False when new calls must be made elsewhere; those under way may still end well. */
  get isUsable(): boolean {
    return this.#usable;
  }

  /** Monotonic time at which the peer was last heard of. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** @throws UnsentError when the session takes no more calls. */
  call(path: string, metadata: readonly (readonly [string, string])[], sink: CallSink): Outgoing {
    if (!this.#usable) throw new UnsentError("the connection to the store was lost");
    if (this.#streams.size >= this.#callsMax) throw new UnsentError("the store takes no more calls at once");
    const stream = new Stream(this.#nextId, sink, this.#streamSendWindow);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    if (this.#nextId > STREAM_ID_MAX) this.#setUnusable();
    this.#outbox.send(frameOf(FRAME.headers, FLAG.endHeaders, stream.id, this.#blockOf(path, metadata)));
    return {
      send: (framed, isLast) => this.#send(stream, framed, isLast),
      took: (bytes) => this.#took(stream, bytes),
      cancel: () => this.#cancel(stream),
    };
  }

  /** Ends every call; `reason` is why. */
  destroy(reason?: unknown): void {
    this.#lose(reason);
  }

  /** One block serves every call of its path: it does not depend on what was sent before. */
  #blockOf(path: string, metadata: readonly (readonly [string, string])[]): Buffer {
    const name = metadata.length === 0 ? path : JSON.stringify([path, metadata]);
    let block = this.#blocks.get(name);
    if (block === undefined) {
      const { scheme, authority } = this.#options;
      block = writeHeaders([
        [":method", "POST"],
        [":scheme", scheme],
        [":path", path],
        [":authority", authority],
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ...metadata,
      ]);
      this.#blocks.set(name, block);
    }
    return block;
  }

  #send(stream: Stream, bytes: Buffer, isLast: boolean): void {
    if (!this.#streams.has(stream.id)) return;
    stream.waiting.push({ bytes, isLast });
    if (stream.waiting.length === 1) this.#pump(stream);
  }

  /** Sends what the windows have room for. */
  #pump(stream: Stream): void {
    for (let next = stream.waiting[0]; next !== undefined; next = stream.waiting[0]) {
      const { bytes, isLast } = next;
      const room = Math.min(bytes.length, FRAME_BYTES, stream.sendWindow, this.#sendWindow);
      if (room <= 0 && bytes.length > 0) return;
      const isWhole = room === bytes.length;
      const flags = isWhole && isLast ? FLAG.endStream : 0;
      this.#outbox.send(frameOf(FRAME.data, flags, stream.id, isWhole ? bytes : bytes.subarray(0, room)));
      stream.sendWindow -= room;
      this.#sendWindow -= room;
      if (isWhole) stream.waiting.shift();
      else stream.waiting[0] = { bytes: bytes.subarray(room), isLast };
    }
  }

  #took(stream: Stream, bytes: number): void {
    stream.taken += bytes;
    if (stream.taken < STREAM_WINDOW_BYTES / 2 || !this.#streams.has(stream.id)) return;
    this.#outbox.send(windowUpdateFrame(stream.id, stream.taken));
    stream.taken = 0;
  }

  #cancel(stream: Stream): void {
    if (this.#streams.delete(stream.id)) this.#outbox.send(resetFrame(stream.id, CANCEL));
  }

  #read(reader: FrameReader, piece: Buffer): void {
    this.#heardMs = this.#options.clock.monotonic();
    try {
      reader.push(piece);
    } catch (error) {
      const code = error instanceof Http2Error ? error.code : PROTOCOL_ERROR;
      this.#outbox.send(goAwayFrame(0, code, ""));
      this.#outbox.flush();
      this.#lose(error);
    }
  }

  #take(header: FrameHeader, content: Buffer): void {
    if (this.#block !== undefined && header.type !== FRAME.continuation) {
      throw new Http2Error(PROTOCOL_ERROR, "headers were broken off");
    }
    this.#takers.get(header.type)?.(header, content);
  }

  #takeData({ flags, stream: id, length }: FrameHeader, content: Buffer): void {
    // The connection's window is for all calls: no slow reader of one may hold up the others.
    this.#taken += length;
    if (this.#taken >= CONNECTION_WINDOW_BYTES / 2) {
      this.#outbox.send(windowUpdateFrame(0, this.#taken));
      this.#taken = 0;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const data = withoutPadding(flags, content);
    if (data.length < length) this.#took(stream, length - data.length);
    stream.sink.onData(data);
    if (flags & FLAG.endStream) this.#end(stream, () => stream.sink.onLost(connectionLost()));
  }

  #takeHeaders({ type, flags, stream: id }: FrameHeader, content: Buffer): void {
    if (type === FRAME.headers) {
      const piece = withoutPadding(flags, content);
      const pieces = [flags & FLAG.priority ? piece.subarray(5) : piece];
      this.#block = { stream: id, isLast: (flags & FLAG.endStream) !== 0, pieces };
    } else this.#block?.pieces.push(content);
    const bytes = this.#block?.pieces.reduce((sum, piece) => sum + piece.length, 0) ?? 0;
    if (bytes > BLOCK_BYTES_MAX) throw new Http2Error(ENHANCE_YOUR_CALM, "too many headers");
    if (!(flags & FLAG.endHeaders) || this.#block === undefined) return;
    const { isLast, pieces } = this.#block;
    this.#block = undefined;
    const headers = this.#headers.read(pieces.length === 1 ? (pieces[0] ?? EMPTY) : Buffer.concat(pieces));
    const stream = this.#streams.get(id);
    if (stream !== undefined && isLast) this.#end(stream, () => stream.sink.onStatus(headers));
  }

  #takeReset(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    const error =
      code === REFUSED_STREAM
        ? new UnsentError("the store did not take the call")
        : connectionLost(new Error(`the call was reset with code ${code}`));
    this.#end(stream, () => stream.sink.onLost(error));
  }

  #takeSettings({ flags }: FrameHeader, content: Buffer): void {
    if (flags & FLAG.ack) return;
    for (let at = 0; at + 6 <= content.length; at += 6) {
      const value = content.readUInt32BE(at + 2);
      const id = content.readUInt16BE(at);
      if (id === SETTING.maxConcurrentStreams) this.#callsMax = value;
      if (id === SETTING.initialWindowSize) this.#resizeWindows(value);
    }
    this.#outbox.send(frameOf(FRAME.settings, FLAG.ack, 0, EMPTY));
    this.#ready.resolve();
  }

  #resizeWindows(bytes: number): void {
    const change = bytes - this.#streamSendWindow;
    this.#streamSendWindow = bytes;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += change;
      this.#pump(stream);
    }
  }

  #takePing({ flags }: FrameHeader, content: Buffer): void {
    // That anything was heard is all that an answer to a ping says.
    if (!(flags & FLAG.ack)) this.#outbox.send(frameOf(FRAME.ping, FLAG.ack, 0, content));
  }

  /** Calls on it may finish, but for those that the store will not look at; new ones go elsewhere. */
  #takeGoAway(content: Buffer): void {
    const last = content.readUInt32BE(0) & 0x7fff_ffff;
    this.#setUnusable();
    for (const stream of [...this.#streams.values()]) {
      const error = new UnsentError("the store is going away");
      if (stream.id > last) this.#end(stream, () => stream.sink.onLost(error));
    }
    if (this.#streams.size === 0) this.#lose();
  }

  #takeWindow(id: number, bytes: number): void {
    if (id === 0) {
      this.#sendWindow += bytes;
      for (const stream of this.#streams.values()) this.#pump(stream);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.sendWindow += bytes;
    this.#pump(stream);
  }

  /** Takes the call off the session and tells its sink. */
  #end(stream: Stream, tell: () => void): void {
    if (!this.#streams.delete(stream.id)) return;
    // The store has answered without hearing the rest, which must not be left half said.
    if (stream.waiting.length > 0) this.#outbox.send(resetFrame(stream.id, NO_ERROR));
    tell();
    if (!this.#usable && this.#streams.size === 0) this.#lose();
  }

  #lose(cause?: unknown): void {
    this.#setUnusable();
    this.#pingTimer?.cancel();
    this.#options.socket.destroy();
    const error = connectionLost(cause);
    this.#ready.reject(error);
    const lost = [...this.#streams.values()];
    this.#streams.clear();
    for (const { sink } of lost) sink.onLost(error);
  }

  #setUnusable(): void {
    if (!this.#usable) return;
    this.#usable = false;
    this.#options.onUnusable();
  }

  #armPing(delayMs: number): void {
    this.#pingTimer = this.#options.clock.setTimer(delayMs, () => this.#ping());
  }

  /** Asks a peer that has been silent for a sign of life, and gives it up when there is none. */
  #ping(): void {
    const { clock } = this.#options;
    const sinceMs = clock.monotonic() - this.#heardMs;
    if (sinceMs < PING_INTERVAL_MS) {
      this.#armPing(PING_INTERVAL_MS - sinceMs);
      return;
    }
    const askedMs = clock.monotonic();
    this.#outbox.send(frameOf(FRAME.ping, 0, 0, Buffer.alloc(8)));
    this.#pingTimer = clock.setTimer(PING_TIMEOUT_MS, () => {
      if (this.#heardMs < askedMs) this.#lose(new Error(`no answer to a ping within ${PING_TIMEOUT_MS} ms`));
      else this.#armPing(PING_INTERVAL_MS - PING_TIMEOUT_MS);
    });
  }
}

const EMPTY = Buffer.alloc(0);

function refusePush(): never {
  throw new Http2Error(PROTOCOL_ERROR, "the store pushes what nobody asked for");
}

function withoutPadding(flags: number, content: Buffer): Buffer {
  if (!(flags & FLAG.padded)) return content;
  const padding = content[0] ?? 0;
  if (padding >= content.length) throw new Http2Error(PROTOCOL_ERROR, "more padding than content");
  return content.subarray(1, content.length - padding);
}
