/** The keep-alives of all leases of this client on one stream, which is opened with the first of them. */
import type { LeaseId } from "../store.ts";
import { leaseKeepAliveRequest, leaseKeepAliveResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { connectionLost, tooLate } from "./errors.ts";
import { StreamCall } from "./stream-call.ts";
import type { CallContext } from "./unary.ts";

/** A lease often lives for five seconds only; an answer that takes longer than this is as good as none. */
const ANSWER_TIMEOUT_MS = 2_000;

interface Waiting {
  readonly resolve: (ttlS: number) => void;
  readonly reject: (error: unknown) => void;
}

export class KeepAliveStream {
  readonly #context: CallContext;
  readonly #waiting = new Map<LeaseId, Waiting[]>();
  #call: Promise<StreamCall> | undefined;

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** Renews a lease; resolves with the seconds it has got, 0 when it is gone. */
  async renew(id: LeaseId, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    this.#call ??= this.#open();
    const call = await this.#call;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const queue = this.#waiting.get(id) ?? [];
    this.#waiting.set(id, queue);
    queue.push({ resolve, reject });
    const { clock } = this.#context;
    const sentMs = clock.monotonic();
    call.send(encode(leaseKeepAliveRequest, { id }));
    const timer = clock.setTimer(ANSWER_TIMEOUT_MS, () => {
      reject(tooLate("the lease was not renewed", ANSWER_TIMEOUT_MS));
      // Whatever the reason, the next renewal is made on another stream and, where there is one, another member.
      call.suspect(sentMs);
    });
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await promise;
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #open(): Promise<StreamCall> {
    try {
      const call = await StreamCall.open(this.#context, "/etcdserverpb.Lease/LeaseKeepAlive");
      void this.#read(call);
      return call;
    } catch (error) {
      this.#call = undefined;
      throw error;
    }
  }

  async #read(call: StreamCall): Promise<void> {
    try {
      for await (const message of call.messages()) {
        const { id, ttlS } = decode(leaseKeepAliveResponse, message);
        // The store answers in the order in which it was asked.
        this.#waiting.get(id)?.shift()?.resolve(ttlS);
        if (this.#waiting.get(id)?.length === 0) this.#waiting.delete(id);
      }
      this.#forget(call, connectionLost());
    } catch (error) {
      this.#forget(call, error);
    }
  }

  #forget(call: StreamCall, error: unknown): void {
    this.#call = undefined;
    call.close();
    for (const queue of this.#waiting.values()) for (const { reject } of queue) reject(error);
    this.#waiting.clear();
  }
}
