/**
 * The server's side of one connection of HTTP/2 (RFC 9113): frames in, streams opened, windows kept on both sides.
 *
 * It is ours because node:http2 costs several times as much a call, and refuses the `:authority` that etcdctl's
 * `endpoint` commands send, which is a URL. What it leaves out are push and priorities, which gRPC has no use for.
 *
 * Invariants: headers are read in the order in which they come, whatever becomes of their stream; a peer that breaks
 * the protocol, or sends without end what costs it nothing, is told so and hung up on; what a frame costs us does not
 * grow with the number of streams; what a stream is sent is bounded by its window, and what all streams together hold by
 * whoever takes it.
 */
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "#base/clock.ts";
import { FrameReader } from "./frame-reader.ts";
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
  WINDOW_BYTES_MAX,
  windowUpdateFrame,
} from "./frames.ts";
import { HeaderReader, REQUEST_HEADERS_BYTES_MAX } from "./hpack.ts";
import * as errors from "./http2-error.ts";
import { Http2Error } from "./http2-error.ts";
import { Outbox } from "./outbox.ts";
import { PeerLimits } from "./peer-limits.ts";
import { ServerStream, type StreamLink, type StreamListener } from "./server-stream.ts";

/** Lets a request of the largest size come in without waiting for the window to be opened again. */
const STREAM_WINDOW_BYTES = 2 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
const STREAMS_MAX = 10_000;
/** A block of headers that comes in pieces. */
const BLOCK_BYTES_MAX = REQUEST_HEADERS_BYTES_MAX;
/** What may wait for the socket before streams have to wait themselves. */
const CONGESTED_BYTES = 256 * 1024;
/** A peer that has so much answered that it does not read is of no use. */
const ANSWERS_BYTES_MAX = 8 * 1024 * 1024;
/** How long a peer may take to begin as HTTP/2 does, and to hear why it is hung up on. */
const BEGIN_MS = 10_000;
const FAREWELL_MS = 1_000;

export interface ConnectionOptions {
  readonly clock: Clock;
  /** Called for each request; what it returns gets the request's content. */
  stream(stream: ServerStream): StreamListener;
}

export class ServerConnection implements StreamLink {
  window = DEFAULT_WINDOW_BYTES;
  frameBytesMax = FRAME_BYTES;
  readonly #socket: Duplex;
  readonly #options: ConnectionOptions;
  readonly #limits: PeerLimits;
  readonly #outbox: Outbox;
  readonly #headers = new HeaderReader(REQUEST_HEADERS_BYTES_MAX);
  readonly #frames = new FrameReader((header, content) => this.#take(header, content));
  readonly #streams = new Map<number, ServerStream>();
  readonly #waiting = new Set<ServerStream>();
  #preface = PREFACE;
  #streamWindow = DEFAULT_WINDOW_BYTES;
  #lastStream = 0;
  #unacknowledgedBytes = 0;
  #block: { readonly header: FrameHeader; readonly pieces: Buffer[]; bytes: number } | undefined;
  /** Runs until the peer has sent its settings; then again when it is to be cut off. */
  #deadline: Timer;
  #begun = false;
  #ended = false;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limits = new PeerLimits(options.clock);
    this.#deadline = options.clock.setTimer(BEGIN_MS, () => socket.destroy());
    this.#outbox = new Outbox(socket);
    socket.on("data", (piece: Buffer) => this.#receive(piece));
    // Where the peer takes all at once, everything else would wait until it has all.
    socket.on("drain", () => setImmediate(() => this.#pumpAll()));
    // The end of a connection is told by `close`, whatever caused it.
    socket.on("error", () => undefined);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#closeAll());
    socket.on("close", () => this.#deadline.cancel());
    this.#outbox.send(
      settingsFrame(
        new Map([
          [SETTING.maxConcurrentStreams, STREAMS_MAX],
          [SETTING.initialWindowSize, STREAM_WINDOW_BYTES],
          [SETTING.maxHeaderListSize, BLOCK_BYTES_MAX],
        ]),
      ),
    );
    this.#outbox.send(windowUpdateFrame(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  get congested(): boolean {
    return this.#outbox.waitingBytes > CONGESTED_BYTES;
  }

  send(piece: Buffer): void {
    this.#limits.answered();
    this.#outbox.send(piece);
  }

  waits(stream: ServerStream): void {
    this.#waiting.add(stream);
  }

  consumed(stream: ServerStream, bytes: number): void {
    if (stream.peerHasEnded) return;
    stream.consumedBytes += bytes;
    if (stream.consumedBytes < STREAM_WINDOW_BYTES / 2) return;
    this.#outbox.send(windowUpdateFrame(stream.id, stream.consumedBytes));
    stream.receivedBytes -= stream.consumedBytes;
    stream.consumedBytes = 0;
  }

  closed(stream: ServerStream): void {
    this.#streams.delete(stream.id);
    this.#waiting.delete(stream);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(piece: Buffer): void {
    if (this.#ended) return;
    try {
      const frames = this.#preface.length > 0 ? this.#takePreface(piece) : piece;
      if (frames.length > 0) this.#frames.push(frames);
    } catch (error) {
      this.#fail(error);
    }
  }

  #takePreface(piece: Buffer): Buffer {
    const length = Math.min(piece.length, this.#preface.length);
    if (this.#preface.compare(piece, 0, length, 0, length) !== 0) {
      throw new Http2Error(errors.PROTOCOL_ERROR, "the connection does not begin as HTTP/2 does");
    }
    this.#preface = this.#preface.subarray(length);
    return piece.subarray(length);
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.#closeAll();
    if (!(error instanceof Http2Error)) {
      this.#socket.destroy();
      return;
    }
    this.#outbox.send(goAwayFrame(this.#lastStream, error.code, error.message));
    this.#outbox.flush();
    this.#socket.end(() => this.#socket.destroy());
    // A peer that does not read would never have heard.
    this.#deadline.cancel();
    this.#deadline = this.#options.clock.setTimer(FAREWELL_MS, () => this.#socket.destroy());
  }

  #closeAll(): void {
    for (const stream of this.#streams.values()) stream.close();
  }

  #take(header: FrameHeader, content: Buffer): void {
    const isContinuation = header.type === FRAME.continuation;
    if (isContinuation !== (this.#block !== undefined)) {
      throw new Http2Error(errors.PROTOCOL_ERROR, "headers in pieces have to follow each other");
    }
    if (!this.#begun) this.#begin(header);
    switch (header.type) {
      case FRAME.data:
        this.#takeData(header, content);
        break;
      case FRAME.headers:
        this.#takeHeaders(header, content);
        break;
      case FRAME.continuation:
        this.#takeBlock(header, content);
        break;
      case FRAME.resetStream:
        this.#takeReset(header, content);
        break;
      case FRAME.settings:
        this.#takeSettings(header, content);
        break;
      case FRAME.ping:
        this.#takePing(header, content);
        break;
      case FRAME.windowUpdate:
        this.#takeWindowUpdate(header, content);
        break;
      case FRAME.pushPromise:
        throw new Http2Error(errors.PROTOCOL_ERROR, "a client cannot push");
      default:
        // Priorities, the peer's farewell and frames of extensions need no answer.
        this.#limits.idle();
    }
  }

  #begin(header: FrameHeader): void {
    if (header.type !== FRAME.settings || header.flags & FLAG.ack) {
      throw new Http2Error(errors.PROTOCOL_ERROR, "a connection begins with settings");
    }
    this.#begun = true;
    this.#deadline.cancel();
  }

  #takeData(header: FrameHeader, content: Buffer): void {
    if (header.stream === 0) throw new Http2Error(errors.PROTOCOL_ERROR, "data without a stream");
    const stream = this.#streams.get(header.stream);
    if (stream === undefined && header.stream > this.#lastStream) {
      throw new Http2Error(errors.PROTOCOL_ERROR, "data on a stream that was not opened");
    }
    this.#acknowledge(header.length);
    const data = withoutPadding(header, content);
    if (data.length === 0 && (header.flags & FLAG.endStream) === 0) this.#limits.idle();
    if (stream === undefined) return;
    stream.receivedBytes += header.length;
    if (stream.peerHasEnded || stream.receivedBytes > STREAM_WINDOW_BYTES) {
      this.#reset(stream, stream.peerHasEnded ? errors.STREAM_CLOSED : errors.FLOW_CONTROL_ERROR);
      return;
    }
    // Padding is nobody's to take.
    stream.consume(header.length - data.length);
    if (data.length > 0) stream.listener?.data(data);
    if (header.flags & FLAG.endStream) stream.takeEnd();
  }

  /** Ends a stream because of what the peer did to it, which costs as much as its own resets. */
  #reset(stream: ServerStream, code: number): void {
    this.#limits.reset();
    stream.reset(code);
  }

  /** What a stream holds back holds up that stream, not the connection. */
  #acknowledge(bytes: number): void {
    this.#unacknowledgedBytes += bytes;
    if (this.#unacknowledgedBytes < CONNECTION_WINDOW_BYTES / 2) return;
    this.#outbox.send(windowUpdateFrame(0, this.#unacknowledgedBytes));
    this.#unacknowledgedBytes = 0;
  }

  #takeHeaders(header: FrameHeader, content: Buffer): void {
    if (header.stream % 2 === 0) throw new Http2Error(errors.PROTOCOL_ERROR, "headers on no client's stream");
    const data = withoutPadding(header, content);
    const block = header.flags & FLAG.priority ? data.subarray(5) : data;
    if (header.flags & FLAG.endHeaders) this.#open(header, block);
    else this.#block = { header, pieces: [block], bytes: block.length };
  }

  #takeBlock(header: FrameHeader, content: Buffer): void {
    const block = this.#block;
    if (block === undefined || block.header.stream !== header.stream) {
      throw new Http2Error(errors.PROTOCOL_ERROR, "headers in pieces belong to one stream");
    }
    block.pieces.push(content);
    // An empty piece counts too, so that there cannot be pieces without end.
    block.bytes += content.length + 1;
    if (block.bytes > BLOCK_BYTES_MAX) throw new Http2Error(errors.ENHANCE_YOUR_CALM, "too many headers");
    if ((header.flags & FLAG.endHeaders) === 0) return;
    this.#block = undefined;
    this.#open(block.header, Buffer.concat(block.pieces));
  }

  #open({ stream: id, flags }: FrameHeader, block: Buffer): void {
    const headers = this.#headers.read(block);
    const known = this.#streams.get(id);
    if (known !== undefined) {
      if (flags & FLAG.endStream) known.takeEnd();
      else this.#limits.idle();
      return;
    }
    // Trailers of a stream that has been answered already.
    if (id <= this.#lastStream) return;
    this.#lastStream = id;
    if (this.#streams.size >= STREAMS_MAX) {
      this.#limits.reset();
      this.#outbox.send(resetFrame(id, errors.REFUSED_STREAM));
      return;
    }
    if (this.#outbox.waitingBytes > ANSWERS_BYTES_MAX) {
      throw new Http2Error(errors.ENHANCE_YOUR_CALM, "answers are not read");
    }
    const stream = new ServerStream(id, headers, this, this.#streamWindow);
    this.#streams.set(id, stream);
    stream.listener = this.#options.stream(stream);
    if (flags & FLAG.endStream) stream.takeEnd();
  }

  #takeReset(header: FrameHeader, content: Buffer): void {
    expectLength(content, 4);
    if (header.stream === 0 || header.stream > this.#lastStream) {
      throw new Http2Error(errors.PROTOCOL_ERROR, "a reset of a stream that was not opened");
    }
    const stream = this.#streams.get(header.stream);
    if (stream === undefined) return;
    this.#limits.reset();
    stream.close();
  }

  #takeSettings(header: FrameHeader, content: Buffer): void {
    if (header.flags & FLAG.ack) {
      this.#limits.idle();
      return;
    }
    this.#limits.settings();
    if (content.length % 6 !== 0) throw new Http2Error(errors.FRAME_SIZE_ERROR, "settings are cut short");
    const windowBefore = this.#streamWindow;
    for (let at = 0; at < content.length; at += 6) {
      this.#set(content.readUInt16BE(at), content.readUInt32BE(at + 2));
    }
    this.#answer(frameOf(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
    if (this.#streamWindow !== windowBefore) this.#growAll(this.#streamWindow - windowBefore);
  }

  /** Once for a frame, however often the frame says it. */
  #growAll(bytes: number): void {
    for (const stream of this.#streams.values()) {
      stream.window += bytes;
      stream.pump();
    }
  }

  #set(setting: number, value: number): void {
    if (setting === SETTING.initialWindowSize) {
      if (value > WINDOW_BYTES_MAX) throw new Http2Error(errors.FLOW_CONTROL_ERROR, "a window too large");
      this.#streamWindow = value;
    } else if (setting === SETTING.maxFrameSize) {
      if (value < FRAME_BYTES || value > 0xff_ffff) {
        throw new Http2Error(errors.PROTOCOL_ERROR, "frames of an invalid size");
      }
      this.frameBytesMax = value;
    }
  }

  #takePing(header: FrameHeader, content: Buffer): void {
    expectLength(content, 8);
    if (header.flags & FLAG.ack) {
      this.#limits.idle();
      return;
    }
    this.#limits.ping();
    this.#answer(frameOf(FRAME.ping, FLAG.ack, 0, content));
  }

  /** Sends what the peer made us send; there is no end to it when it never reads. */
  #answer(frame: Buffer): void {
    if (this.#outbox.waitingBytes > ANSWERS_BYTES_MAX) {
      throw new Http2Error(errors.ENHANCE_YOUR_CALM, "answers are not read");
    }
    this.#outbox.send(frame);
  }

  #takeWindowUpdate(header: FrameHeader, content: Buffer): void {
    expectLength(content, 4);
    const bytes = content.readUInt32BE(0) & WINDOW_BYTES_MAX;
    if (bytes === 0) throw new Http2Error(errors.PROTOCOL_ERROR, "a window that grows by nothing");
    if (header.stream === 0) {
      this.window += bytes;
      if (this.window > WINDOW_BYTES_MAX) {
        throw new Http2Error(errors.FLOW_CONTROL_ERROR, "a window too large");
      }
      this.#pumpAll();
      return;
    }
    const stream = this.#streams.get(header.stream);
    if (stream === undefined) return;
    stream.window += bytes;
    if (stream.window > WINDOW_BYTES_MAX) this.#reset(stream, errors.FLOW_CONTROL_ERROR);
    else stream.pump();
  }

  /** Each that waits in its turn, as far as the connection has room; those that still wait come last next time. */
  #pumpAll(): void {
    let left = this.#waiting.size;
    for (const stream of this.#waiting) {
      if (left === 0 || this.window <= 0 || this.congested) return;
      left -= 1;
      this.#waiting.delete(stream);
      stream.pump();
    }
  }
}

function withoutPadding(header: FrameHeader, content: Buffer): Buffer {
  if ((header.flags & FLAG.padded) === 0) return content;
  const padding = content[0] ?? 0;
  if (padding >= content.length) throw new Http2Error(errors.PROTOCOL_ERROR, "more padding than content");
  return content.subarray(1, content.length - padding);
}

function expectLength(content: Buffer, bytes: number): void {
  if (content.length !== bytes) throw new Http2Error(errors.FRAME_SIZE_ERROR, "a frame of the wrong size");
}
