/**
 * gRPC's server side over HTTP/2: calls by path, messages in frames, a status in the trailers. It knows nothing of
 * what the messages say.
 *
 * A peer that does not read is not written to: `send` resolves only when there is room again.
 */
import { once } from "node:events";
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { listen } from "#host/listen.ts";
import { StoreError } from "../store.ts";
import { Deframer, frame } from "../wire/frames.ts";
import { errorTrailers, OK_TRAILERS } from "../wire/status.ts";

/** A call whose both sides may send many messages. */
export interface Call {
  readonly messages: AsyncIterable<Buffer>;
  /** Aborted when the peer is gone or the server closes. */
  readonly signal: AbortSignal;
  /** Resolves when the peer has room for more. */
  send(message: Uint8Array): Promise<void>;
}

export interface Methods {
  /** By path, `/package.Service/Method`; what they throw becomes the call's status. */
  readonly unary: ReadonlyMap<string, (message: Buffer) => Promise<Uint8Array>>;
  readonly streams: ReadonlyMap<string, (call: Call) => Promise<void>>;
}

const ANSWER_HEADERS = { ":status": 200, "content-type": "application/grpc" };
/** Lets a request of the largest size come in without waiting for the window to be opened again. */
const WINDOW_BYTES = 2 * 1024 * 1024;
/** Megabytes a connection may hold in buffers: one answer may be many megabytes long. */
const SESSION_MEMORY_MB = 256;

export class GrpcServer {
  readonly #methods: Methods;
  readonly #messageBytesMax: number;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(methods: Methods, messageBytesMax: number) {
    this.#methods = methods;
    this.#messageBytesMax = messageBytesMax;
    this.#server = createServer({
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { initialWindowSize: WINDOW_BYTES },
    });
    this.#server.on("session", (session) => this.#addSession(session));
    this.#server.on("stream", (stream, headers) => this.#answer(stream, headers));
  }

  /** Resolves with the port it listens on. @throws FlotillaError `bad-config` or `not-permitted` */
  async listen(host: string, port: number): Promise<number> {
    await listen(this.#server, { host, port }, "the store");
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
    await closed;
  }

  #addSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    // Errors of a connection end its calls, which are told by their own events.
    session.on("error", () => undefined);
    session.on("close", () => this.#sessions.delete(session));
    session.setLocalWindowSize?.(WINDOW_BYTES * 8);
  }

  #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on("error", () => undefined);
    const path = headers[":path"] ?? "";
    const unary = this.#methods.unary.get(path);
    const streaming = this.#methods.streams.get(path);
    if (!headers["content-type"]?.startsWith("application/grpc")) {
      stream.respond({ ":status": 415 }, { endStream: true });
    } else if (unary !== undefined) {
      this.#answerUnary(stream, unary);
    } else if (streaming !== undefined) {
      this.#answerStream(stream, streaming);
    } else {
      refuse(stream, unknownMethod(path));
    }
  }

  #answerUnary(stream: ServerHttp2Stream, handle: (message: Buffer) => Promise<Uint8Array>): void {
    const deframer = new Deframer(this.#messageBytesMax);
    const fail = (error: unknown): void => refuse(stream, error);
    stream.on("data", (piece: Buffer) => {
      try {
        const message = deframer.push(piece)[0];
        if (message !== undefined) handle(message).then((answer) => finish(stream, answer), fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  #answerStream(stream: ServerHttp2Stream, handle: (call: Call) => Promise<void>): void {
    const gone = new AbortController();
    stream.on("close", () => gone.abort());
    stream.respond(ANSWER_HEADERS, { waitForTrailers: true });
    let trailers = OK_TRAILERS;
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    const call: Call = {
      messages: messagesOf(stream, this.#messageBytesMax),
      signal: gone.signal,
      send: (message) => send(stream, message, gone.signal),
    };
    handle(call)
      .catch((error: unknown) => {
        trailers = errorTrailers(error);
      })
      .finally(() => {
        if (!stream.destroyed) stream.end();
      });
  }
}

function unknownMethod(path: string): StoreError {
  const [, service = "", method = ""] = path.split("/");
  return new StoreError("unimplemented", `unknown method ${method} for service ${service}`);
}

async function* messagesOf(
  stream: ServerHttp2Stream,
  messageBytesMax: number,
): AsyncGenerator<Buffer, void, undefined> {
  const deframer = new Deframer(messageBytesMax);
  try {
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      if (Buffer.isBuffer(piece)) yield* deframer.push(piece);
    }
  } catch (error) {
    // A peer that breaks off has sent its last message.
    if (error instanceof StoreError) throw error;
  }
}

async function send(stream: ServerHttp2Stream, message: Uint8Array, signal: AbortSignal): Promise<void> {
  if (stream.destroyed) throw new StoreError("cancelled", "the peer is gone");
  if (!stream.write(frame(message))) await once(stream, "drain", { signal });
}

function finish(stream: ServerHttp2Stream, answer: Uint8Array): void {
  if (stream.destroyed) return;
  stream.respond(ANSWER_HEADERS, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(OK_TRAILERS));
  stream.end(frame(answer));
}

/** Ends a call that has not been answered yet with a status alone. */
function refuse(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ...ANSWER_HEADERS, ...errorTrailers(error) }, { endStream: true });
}
