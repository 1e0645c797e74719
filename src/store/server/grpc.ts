/**
 * gRPC's server side on streams of HTTP/2: calls by path, messages in frames, a status in the trailers. It knows
 * nothing of what the messages say.
 *
 * A peer that does not read is not written to: `send` resolves only when there is room again.
 */
import type { Clock, Timer } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Caller } from "../auth/caller.ts";
import { type Headers, writeHeaders } from "../http2/hpack.ts";
import { ENHANCE_YOUR_CALM } from "../http2/http2-error.ts";
import type { ServerStream, StreamListener } from "../http2/server-stream.ts";
import { StoreError } from "../store.ts";
import { Deframer, framed } from "../wire/frames.ts";
import { errorTrailers, OK_TRAILERS } from "../wire/status.ts";
import type { HeldBytes, HeldShare } from "./held-bytes.ts";
import { LateListener } from "./late-listener.ts";

/** A call whose both sides may send many messages. */
export interface Call {
  readonly caller: Caller;
  readonly messages: AsyncIterable<Buffer>;
  /** Aborted when the peer is gone or the server closes. */
  readonly signal: AbortSignal;
  /** Resolves when the peer has room for more. @param message in pieces */
  send(message: readonly Buffer[]): Promise<void>;
}

/** What throws becomes the call's status. */
export type Method =
  | {
      readonly kind: "unary";
      /** The answer in pieces. @param signal aborted when the peer is gone; most calls are over before that. */
      handle(message: Buffer, caller: Caller, signal: () => AbortSignal): Promise<readonly Buffer[]>;
    }
  | { readonly kind: "stream"; handle(call: Call): Promise<void> };

export interface Methods {
  /** The method at `/package.Service/Method`; a promise while it is being loaded. */
  find(path: string): Method | undefined | Promise<Method | undefined>;
  /** @param service its full name, `package.Service` */
  hasService(service: string): boolean;
}

const ANSWER = writeHeaders([
  [":status", "200"],
  ["content-type", "application/grpc"],
]);
const OK = writeHeaders(Object.entries(OK_TRAILERS));

export interface GrpcOptions {
  readonly methods: Methods;
  readonly messageBytesMax: number;
  readonly clock: Clock;
  readonly held: HeldBytes;
}

/** A request that has begun to come has to be there by then. */
const REQUEST_MS = 60_000;

export function isGrpc(headers: Headers): boolean {
  return headers.get("content-type")?.startsWith("application/grpc") ?? false;
}

/** Answers one call. @param certificateName of the connection's peer. */
export function answerCall(
  stream: ServerStream,
  options: GrpcOptions,
  certificateName: string | undefined,
): StreamListener {
  const { headers } = stream;
  const caller = { token: headers.get("token") ?? headers.get("authorization"), certificateName };
  const method = options.methods.find(headers.get(":path") ?? "");
  if (method instanceof Promise) {
    const loaded = method.then((found) => listenerFor(stream, found, caller, options));
    loaded.catch((error: unknown) => refuse(stream, error));
    return new LateListener(loaded);
  }
  return listenerFor(stream, method, caller, options);
}

function listenerFor(
  stream: ServerStream,
  method: Method | undefined,
  caller: Caller,
  options: GrpcOptions,
): StreamListener {
  if (method === undefined) {
    const refusal = unknownMethod(stream.headers.get(":path") ?? "", options.methods);
    return answerWith(stream, () => refuse(stream, refusal));
  }
  if (method.kind === "unary") return new UnaryCall(stream, method.handle, caller, options);
  const call = new StreamingCall(stream, caller, options);
  call.run(method.handle);
  return call;
}

/** Answers a call of a client that is not let in: permission denied is who was let in once and is no longer. */
export function refuseCall(stream: ServerStream, reason: Error): StreamListener {
  const isOut = reason instanceof FlotillaError && reason.code === "not-permitted";
  const code = isOut ? "permission-denied" : "unauthenticated";
  return answerWith(stream, () => refuse(stream, new StoreError(code, reason.message)));
}

/** The listener of a stream that needs to hear nothing to be answered. */
function answerWith(stream: ServerStream, answer: () => void): StreamListener {
  // Not before the stream knows its listener.
  queueMicrotask(answer);
  return { data: (piece) => stream.consume(piece.length), end: () => undefined, closed: () => undefined };
}

class UnaryCall implements StreamListener {
  readonly #stream: ServerStream;
  readonly #handle: (
    message: Buffer,
    caller: Caller,
    signal: () => AbortSignal,
  ) => Promise<readonly Buffer[]>;
  readonly #caller: Caller;
  readonly #deframer: Deframer;
  readonly #clock: Clock;
  readonly #held: HeldShare;
  /** Runs while the request is not complete. */
  #deadline: Timer | undefined;
  #gone: AbortController | undefined;
  #called = false;

  constructor(
    stream: ServerStream,
    handle: (message: Buffer, caller: Caller, signal: () => AbortSignal) => Promise<readonly Buffer[]>,
    caller: Caller,
    { messageBytesMax, clock, held }: GrpcOptions,
  ) {
    this.#stream = stream;
    this.#handle = handle;
    this.#caller = caller;
    this.#deframer = new Deframer(messageBytesMax);
    this.#clock = clock;
    this.#held = held.share();
  }

  data(piece: Buffer): void {
    this.#stream.consume(piece.length);
    if (this.#called) return;
    try {
      const message = this.#deframer.push(piece)[0];
      if (message === undefined) this.#waitForRest();
      else this.#call(message);
    } catch (error) {
      this.#refuse(error);
    }
  }

  end(): void {
    if (!this.#called) this.#refuse(new StoreError("internal", "grpc: the request has no message"));
  }

  closed(): void {
    this.#settle();
    this.#gone?.abort();
  }

  #waitForRest(): void {
    this.#held.set(this.#deframer.heldBytes);
    const late = new StoreError("cancelled", "grpc: the request has not come in time");
    this.#deadline ??= this.#clock.setTimer(REQUEST_MS, () => this.#refuse(late));
  }

  #refuse(error: unknown): void {
    this.#settle();
    refuse(this.#stream, error);
  }

  /** The request is complete, or will never be. */
  #settle(): void {
    this.#called = true;
    this.#deadline?.cancel();
    this.#held.set(0);
  }

  #call(message: Buffer): void {
    this.#settle();
    const signal = (): AbortSignal => {
      this.#gone ??= new AbortController();
      return this.#gone.signal;
    };
    this.#handle(message, this.#caller, signal).then(
      (answer) => finish(this.#stream, answer),
      (error: unknown) => refuse(this.#stream, error),
    );
  }
}

class StreamingCall implements StreamListener, Call {
  readonly caller: Caller;
  readonly #stream: ServerStream;
  readonly #deframer: Deframer;
  readonly #gone = new AbortController();
  readonly #pieces: Buffer[] = [];
  readonly #held: HeldShare;
  #unreadBytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(stream: ServerStream, caller: Caller, { messageBytesMax, held }: GrpcOptions) {
    this.#stream = stream;
    this.caller = caller;
    this.#deframer = new Deframer(messageBytesMax);
    this.#held = held.share();
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get messages(): AsyncIterable<Buffer> {
    return this.#read();
  }

  run(handle: (call: Call) => Promise<void>): void {
    this.#stream.respond(ANSWER);
    handle(this).then(
      () => this.#stream.end(OK),
      (error: unknown) => this.#stream.end(trailersOf(error)),
    );
  }

  async send(message: readonly Buffer[]): Promise<void> {
    if (this.#stream.isClosed) throw new StoreError("cancelled", "the peer is gone");
    if (!this.#stream.writeAll(framed(message))) await this.#stream.drained();
  }

  data(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#unreadBytes += piece.length;
    try {
      this.#hold();
    } catch {
      this.#stream.reset(ENHANCE_YOUR_CALM);
    }
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  closed(): void {
    this.#ended = true;
    this.#held.set(0);
    this.#gone.abort();
    this.#wake?.();
  }

  #hold(): void {
    this.#held.set(this.#stream.isClosed ? 0 : this.#unreadBytes + this.#deframer.heldBytes);
  }

  /** Bytes that nobody has read yet keep the peer's window closed. */
  async *#read(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#stream.consume(piece.length);
        const messages = this.#deframer.push(piece);
        this.#unreadBytes -= piece.length;
        this.#hold();
        yield* messages;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}

/** In the words of gRPC's Go library, as all that the protocol itself refuses. */
function unknownMethod(path: string, methods: Methods): StoreError {
  const [, service = "", method] = path.split("/");
  if (method === undefined) return new StoreError("resource-exhausted", `malformed method name: "${path}"`);
  return methods.hasService(service)
    ? new StoreError("unimplemented", `unknown method ${method} for service ${service}`)
    : new StoreError("unimplemented", `unknown service ${service}`);
}

function finish(stream: ServerStream, answer: readonly Buffer[]): void {
  stream.respond(ANSWER);
  stream.writeAll(framed(answer));
  stream.end(OK);
}

/** Ends a call that has not been answered yet with a status alone. */
function refuse(stream: ServerStream, error: unknown): void {
  stream.respond(Buffer.concat([ANSWER, trailersOf(error)]), true);
}

function trailersOf(error: unknown): Buffer {
  return writeHeaders(Object.entries(errorTrailers(error)));
}
