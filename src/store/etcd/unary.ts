/** Calls with one request and one answer: their deadline, their cancellation, and their retries. */
import type { Clock } from "#base/clock.ts";
import type { Headers } from "../http2/hpack.ts";
import { StoreError } from "../store.ts";
import { Deframer, frame } from "../wire/frames.ts";
import { errorOf } from "../wire/status.ts";
import type { Channel } from "./channel.ts";
import type { Credentials } from "./credentials.ts";
import { connectionLost, tooLate } from "./errors.ts";
import { retryOf } from "./retry.ts";
import type { CallSink, Outgoing, Session } from "./session.ts";

/** Answers are as large as what was asked for. */
export const ANSWER_BYTES_MAX = 2 ** 31 - 1;
const DEFAULT_TIMEOUT_MS = 5_000;

export interface CallContext {
  readonly channel: Channel;
  readonly clock: Clock;
  /** Absent where the store asks nobody who they are. */
  readonly credentials?: Credentials | undefined;
  readonly callTimeoutMs?: number | undefined;
}

export interface UnaryRequest {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly message: Uint8Array;
  /** Whether it may be made again when nobody knows what became of it. */
  readonly kind: "read" | "write";
  readonly signal?: AbortSignal | undefined;
  /** For all tries together. */
  readonly timeoutMs?: number | undefined;
}

/** @throws StoreError as the store answers, `unavailable` or `deadline-exceeded`; the signal's reason when aborted. */
export async function callUnary(context: CallContext, request: UnaryRequest): Promise<Buffer> {
  const { channel, clock, credentials } = context;
  const timeoutMs = request.timeoutMs ?? context.callTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  const deadlineMs = clock.monotonic() + timeoutMs;
  const framed = frame(request.message);
  let mayRenewToken = credentials !== undefined;
  for (let tries = 1; ; tries += 1) {
    request.signal?.throwIfAborted();
    const opened = channel.session();
    const session =
      opened instanceof Promise ? await withDeadline(opened, clock, deadlineMs, timeoutMs) : opened;
    const token = credentials === undefined ? undefined : await credentials.token();
    const leftMs = deadlineMs - clock.monotonic();
    // Where there are other members, a read does not wait for one that says nothing until no time is left.
    const limitMs =
      request.kind === "read" && channel.size > tries ? Math.min(leftMs, timeoutMs / 2) : leftMs;
    try {
      return await tryOnce({ context, request, session, framed, token, limitMs });
    } catch (error) {
      const failed = { kind: request.kind, tries, members: channel.size, mayRenewToken };
      const retry = retryOf(error, failed);
      if (retry === "give-up" || clock.monotonic() >= deadlineMs) throw error;
      if (retry === "with-new-token") {
        credentials?.refused(token);
        mayRenewToken = false;
      }
    }
  }
}

interface Try {
  readonly context: CallContext;
  readonly request: UnaryRequest;
  readonly session: Session;
  readonly framed: Buffer;
  readonly token: string | undefined;
  readonly limitMs: number;
}

const NO_METADATA: readonly (readonly [string, string])[] = [];

function tryOnce({ context, request, session, framed, token, limitMs }: Try): Promise<Buffer> {
  const { channel, clock } = context;
  const { signal } = request;
  return new Promise((resolve, reject) => {
    const sentMs = clock.monotonic();
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const answer = new AnswerReader(
      (found) => {
        end();
        resolve(found);
      },
      (error) => {
        end();
        if (error instanceof StoreError && error.retryable) channel.moveOn(session);
        reject(error);
      },
    );
    const outgoing = session.call(
      request.path,
      token === undefined ? NO_METADATA : [["token", token]],
      answer,
    );
    answer.outgoing = outgoing;
    const timer = clock.setTimer(limitMs, () => {
      outgoing.cancel();
      channel.suspect(session, sentMs);
      end();
      reject(tooLate("the store did not answer", Math.round(limitMs)));
    });
    const onAbort = (): void => {
      outgoing.cancel();
      end();
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    outgoing.send(framed, true);
  });
}

/** Reads the one message of an answer, and the status behind it. */
class AnswerReader implements CallSink {
  readonly #resolve: (message: Buffer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #deframer = new Deframer(ANSWER_BYTES_MAX);
  #message: Buffer | undefined;
  outgoing: Outgoing | undefined;

  constructor(resolve: (message: Buffer) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onData(piece: Buffer): void {
    this.outgoing?.took(piece.length);
    try {
      this.#message ??= this.#deframer.push(piece)[0];
    } catch (error) {
      this.outgoing?.cancel();
      this.#reject(error);
    }
  }

  onStatus(headers: Headers): void {
    const failure = statusOf(headers);
    if (failure !== undefined) this.#reject(failure);
    else if (this.#message === undefined) this.#reject(connectionLost());
    else this.#resolve(this.#message);
  }

  onLost(error: unknown): void {
    this.#reject(error);
  }
}

/** The error that the headers at the end of a call tell of; undefined when they tell of success. */
export function statusOf(headers: Headers): StoreError | undefined {
  return headers.get("grpc-status") === "0" ? undefined : errorOf(Object.fromEntries(headers));
}

/** The promise's outcome unless the deadline comes first. */
async function withDeadline<T>(
  promise: Promise<T>,
  clock: Clock,
  deadlineMs: number,
  timeoutMs: number,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = clock.setTimer(deadlineMs - clock.monotonic(), () =>
    late.reject(tooLate("the store was not reached", timeoutMs)),
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    timer.cancel();
  }
}
