/** A call on which both sides may send many messages. */
import type { Headers } from "../http2/hpack.ts";
import { StoreError } from "../store.ts";
import { Deframer, frame } from "../wire/frames.ts";
import { connectionLost } from "./errors.ts";
import { isTokenRefusal } from "./retry.ts";
import type { CallSink, Outgoing, Session } from "./session.ts";
import { ANSWER_BYTES_MAX, type CallContext, statusOf } from "./unary.ts";

/** Messages that wait for their reader hold the store back from here on. */
const WAITING_BYTES_MAX = 1024 * 1024;

export class StreamCall implements CallSink {
  readonly #context: CallContext;
  readonly #session: Session;
  readonly #token: string | undefined;
  readonly #outgoing: Outgoing;
  readonly #deframer = new Deframer(ANSWER_BYTES_MAX);
  #messages: Buffer[] = [];
  #waitingBytes = 0;
  /** Bytes that came and that the store has not been given room for again. */
  #owedBytes = 0;
  /** How the call ended; undefined while it goes on. */
  #end: { readonly error: Error | undefined } | undefined;
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(context: CallContext, session: Session, path: string, token: string | undefined) {
    this.#context = context;
    this.#session = session;
    this.#token = token;
    // A member of a cluster that has lost its leader shall hang up rather than stay silent.
    const metadata: [string, string][] = [["hasleader", "true"]];
    if (token !== undefined) metadata.push(["token", token]);
    this.#outgoing = session.call(path, metadata, this);
  }

  /** @throws UnsentError when no member can be reached. */
  static async open(context: CallContext, path: string): Promise<StreamCall> {
    const session = await context.channel.session();
    return new StreamCall(context, session, path, await context.credentials?.token());
  }

  send(message: Uint8Array): void {
    this.#outgoing.send(frame(message), false);
  }

  /** Nothing more will be sent; the store may go on. */
  sendLast(message: Uint8Array): void {
    this.#outgoing.send(frame(message), true);
  }

  /**
   * The store's messages until the call is closed on this side or, with success, on the other.
   * @throws StoreError when the store refuses to go on or the connection is lost
   */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const messages = this.#messages;
      this.#messages = [];
      for (const message of messages) {
        if (this.#closed) return;
        this.#waitingBytes -= message.length;
        this.#giveRoom();
        yield message;
      }
      if (this.#closed) return;
      if (this.#messages.length > 0) continue;
      if (this.#end !== undefined) {
        if (this.#end.error === undefined) return;
        throw this.#end.error;
      }
      await this.#news();
    }
  }

  /** The connection under the call is as good as gone if nothing was heard on it since then (monotonic). */
  suspect(sinceMs: number): void {
    this.#context.channel.suspect(this.#session, sinceMs);
    this.onLost(connectionLost(new Error("the store does not answer")));
    this.#outgoing.cancel();
  }

  close(): void {
    this.#closed = true;
    this.#outgoing.cancel();
    this.#wake?.();
  }

  onData(piece: Buffer): void {
    this.#owedBytes += piece.length;
    try {
      for (const message of this.#deframer.push(piece)) {
        this.#messages.push(message);
        this.#waitingBytes += message.length;
      }
      this.#giveRoom();
    } catch (error) {
      this.#outgoing.cancel();
      this.onLost(error);
    }
    this.#wake?.();
  }

  onStatus(headers: Headers): void {
    this.onLost(statusOf(headers));
  }

  onLost(error: unknown): void {
    this.#end ??= { error: error === undefined || error instanceof Error ? error : connectionLost(error) };
    if (isTokenRefusal(error)) this.#context.credentials?.refused(this.#token);
    // The next call goes to another member.
    if (error instanceof StoreError && error.retryable) this.#context.channel.moveOn(this.#session);
    this.#wake?.();
  }

  /** A slow reader costs no memory; a message that is still incomplete is no fault of the reader's. */
  #giveRoom(): void {
    if (this.#waitingBytes >= WAITING_BYTES_MAX || this.#owedBytes === 0) return;
    this.#outgoing.took(this.#owedBytes);
    this.#owedBytes = 0;
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
