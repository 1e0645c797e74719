/** gRPC's client side: one call with one answer, and calls that stay open. */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import type { Clock } from "#base/clock.ts";
import { StoreError } from "../store.ts";
import { Deframer, frame } from "../wire/frames.ts";
import { errorOf } from "../wire/status.ts";
import { type Connection, unavailable } from "./connection.ts";

/** How long one call may take before the connection is given up. */
const CALL_TIMEOUT_MS = 5_000;
/** Answers are as large as what was asked for. */
const ANSWER_BYTES_MAX = 2 ** 31 - 1;

export interface CallContext {
  readonly connection: Connection;
  readonly clock: Clock;
}

/** @throws StoreError as the store answers, `unavailable` or `deadline-exceeded`; the signal's reason when aborted. */
export async function callUnary(
  { connection, clock }: CallContext,
  path: string,
  message: Uint8Array,
  signal?: AbortSignal,
): Promise<Buffer> {
  signal?.throwIfAborted();
  const stream = await connection.call(path);
  return new Promise((resolve, reject) => {
    const answer = new AnswerReader(stream);
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const fail = (error: unknown): void => {
      end();
      reject(error);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const timer = clock.setTimer(CALL_TIMEOUT_MS, () => {
      fail(new StoreError("deadline-exceeded", `the store did not answer within ${CALL_TIMEOUT_MS} ms`));
      connection.suspect();
    });
    const onAbort = (): void => fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    answer.first.then((found) => {
      end();
      resolve(found);
    }, fail);
    stream.end(frame(message));
  });
}

/** Reads the one message of an answer, and the status behind it. */
class AnswerReader {
  readonly first: Promise<Buffer>;

  constructor(stream: ClientHttp2Stream) {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.first = promise;
    const deframer = new Deframer(ANSWER_BYTES_MAX);
    let message: Buffer | undefined;
    let failure: unknown;
    stream.on("response", (headers) => {
      if (headers["grpc-status"] !== undefined) failure = errorOf(headers);
    });
    stream.on("data", (piece: Buffer) => {
      message ??= deframer.push(piece)[0];
    });
    stream.on("trailers", (trailers: IncomingHttpHeaders) => {
      failure ??= errorOf(trailers);
      if (failure === undefined && message !== undefined) resolve(message);
    });
    stream.on("error", (error) => reject(unavailable("the connection to the store was lost", error)));
    stream.on("close", () => reject(failure ?? unavailable("the connection to the store was lost")));
  }
}

/** A call on which both sides may send many messages. */
export class StreamCall {
  readonly #stream: ClientHttp2Stream;

  private constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
  }

  static async open({ connection }: CallContext, path: string): Promise<StreamCall> {
    // A member of a cluster that has lost its leader shall hang up rather than stay silent.
    const stream = await connection.call(path, { hasleader: "true" });
    // Errors reach whoever reads the messages.
    stream.on("error", () => undefined);
    return new StreamCall(stream);
  }

  send(message: Uint8Array): void {
    if (!this.#stream.destroyed) this.#stream.write(frame(message));
  }

  /**
   * The store's messages until the call is closed on this side.
   * @throws StoreError when the store or the connection ends it.
   */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    const deframer = new Deframer(ANSWER_BYTES_MAX);
    let failure: StoreError | undefined;
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers["grpc-status"] !== undefined) failure = errorOf(headers);
    };
    this.#stream.on("response", note);
    this.#stream.on("trailers", note);
    try {
      for await (const piece of this.#stream) if (Buffer.isBuffer(piece)) yield* deframer.push(piece);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw failure ?? unavailable("the connection to the store was lost", error);
    }
    throw failure ?? unavailable("the store ended the call");
  }

  close(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}
