/**
 * The server's side of one stream of HTTP/2: a request comes in, an answer goes out as far as the peer has room.
 *
 * Invariant: what is written goes out in order and within the windows of the stream and of its connection.
 */

import { FLAG, FRAME, FRAME_HEADER_BYTES, frameOf, resetFrame, writeFrameHeader } from "./frames.ts";
import type { Headers } from "./hpack.ts";
import { CANCEL, NO_ERROR } from "./http2-error.ts";

/** What a stream needs of its connection. */
export interface StreamLink {
  /** Bytes the peer takes on the connection as a whole. */
  window: number;
  /** The largest frame the peer takes. */
  readonly frameBytesMax: number;
  /** True while more than enough waits for the socket. */
  readonly congested: boolean;
  send(piece: Buffer): void;
  /** The connection has no room for what the stream could send; it is to be asked again. */
  waits(stream: ServerStream): void;
  /** Bytes of a stream have been taken, so that the peer may send as many more. */
  consumed(stream: ServerStream, bytes: number): void;
  closed(stream: ServerStream): void;
}

/** Who takes what comes in on a stream. */
export interface StreamListener {
  data(piece: Buffer): void;
  /** The peer has sent everything. */
  end(): void;
  /** Nothing can be sent any more: all was, or the peer is gone. Called once. */
  closed(): void;
}

const NOTHING = Buffer.alloc(0);

export class ServerStream {
  readonly id: number;
  readonly headers: Headers;
  readonly #link: StreamLink;
  /** Bytes the peer takes on this stream. */
  window: number;
  /** Bytes the peer has sent since its window was last opened, and those of them that have been taken. */
  receivedBytes = 0;
  consumedBytes = 0;
  listener: StreamListener | undefined;
  #queue: Buffer[] = [];
  #trailers: Buffer | undefined;
  #drained: (() => void)[] = [];
  #peerEnded = false;
  #closed = false;

  constructor(id: number, headers: Headers, link: StreamLink, window: number) {
    this.id = id;
    this.headers = headers;
    this.#link = link;
    this.window = window;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get peerHasEnded(): boolean {
    return this.#peerEnded;
  }

  /** Sends a block of headers; with `end`, it is the whole answer. */
  respond(block: Buffer, end = false): void {
    if (this.#closed) return;
    const flags = FLAG.endHeaders | (end ? FLAG.endStream : 0);
    this.#link.send(frameOf(FRAME.headers, flags, this.id, block));
    if (end) this.#finish();
  }

  /** False while the peer has no room for it; {@link drained} tells when it has. */
  write(data: Buffer): boolean {
    return this.writeAll([data]);
  }

  /** The same of data in pieces, of which there may be thousands. */
  writeAll(pieces: readonly Buffer[]): boolean {
    if (this.#closed) return true;
    for (const piece of pieces) this.#queue.push(piece);
    this.pump();
    return this.#queue.length === 0;
  }

  /** Ends the answer after all that was written. @param trailers empty: without any. */
  end(trailers: Buffer = NOTHING): void {
    if (this.#closed || this.#trailers !== undefined) return;
    this.#trailers = trailers;
    this.pump();
  }

  /** Resolves when all that was written has gone, or can no longer go. */
  drained(): Promise<void> {
    if (this.#closed || this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** The peer may send as much more. */
  consume(bytes: number): void {
    if (!this.#closed) this.#link.consumed(this, bytes);
  }

  reset(code: number = CANCEL): void {
    if (this.#closed) return;
    this.#link.send(resetFrame(this.id, code));
    this.close();
  }

  /** Sends what there is room for. */
  pump(): void {
    while (!this.#closed && this.#queue.length > 0) {
      if (!this.#sendSome()) {
        // Of its own window it hears by itself.
        if (this.window > 0) this.#link.waits(this);
        return;
      }
    }
    if (this.#closed) return;
    this.#tellDrained();
    if (this.#trailers !== undefined) this.#sendEnd(this.#trailers);
  }

  takeEnd(): void {
    if (this.#closed || this.#peerEnded) return;
    this.#peerEnded = true;
    this.listener?.end();
  }

  /** Nothing is sent from now on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#link.closed(this);
    this.#tellDrained();
    this.listener?.closed();
  }

  #sendSome(): boolean {
    const [data = NOTHING] = this.#queue;
    const room = Math.min(this.window, this.#link.window, this.#link.frameBytesMax, data.length);
    if (data.length > 0 && (room <= 0 || this.#link.congested)) return false;
    if (room === data.length) this.#queue.shift();
    else this.#queue[0] = data.subarray(room);
    this.window -= room;
    this.#link.window -= room;
    const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    writeFrameHeader(head, 0, { length: room, type: FRAME.data, flags: 0, stream: this.id });
    this.#link.send(head);
    if (room > 0) this.#link.send(room === data.length ? data : data.subarray(0, room));
    return true;
  }

  #sendEnd(trailers: Buffer): void {
    const flags = FLAG.endStream | FLAG.endHeaders;
    if (trailers.length > 0) this.#link.send(frameOf(FRAME.headers, flags, this.id, trailers));
    else this.#link.send(frameOf(FRAME.data, FLAG.endStream, this.id, NOTHING));
    this.#finish();
  }

  #finish(): void {
    // Whoever is still sending need not go on.
    if (!this.#peerEnded) this.#link.send(resetFrame(this.id, NO_ERROR));
    this.close();
  }

  #tellDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
