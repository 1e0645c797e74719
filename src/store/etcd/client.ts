/**
 * The store of another process over etcd's v3 gRPC API: another machine's embedded store, or a real etcd.
 *
 * Reads that failed are made again on another member. Writes only when it is certain that they were not carried out;
 * otherwise whoever made them is told `unavailable` or `deadline-exceeded` and knows best what to do.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { prefixRange } from "../keys.ts";
import {
  type CallOptions,
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type Header,
  type LeaseGrant,
  type LeaseId,
  type LeaseTimeToLive,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type Revision,
  type Store,
  StoreError,
  type TxnRequest,
  type TxnResponse,
  type WatchRequest,
  type WatchResponse,
} from "../store.ts";
import * as wire from "../wire/etcd-messages.ts";
import { type Codec, decode, encode } from "../wire/message.ts";
import { Channel } from "./channel.ts";
import { Credentials } from "./credentials.ts";
import { KeepAliveStream } from "./keep-alive.ts";
import type { RemoteStoreSettings } from "./settings.ts";
import { SharedWatch } from "./shared-watch.ts";
import { StreamCall } from "./stream-call.ts";
import { type CallContext, callUnary } from "./unary.ts";
import { watchStore } from "./watch.ts";

export interface ConnectStoreOptions extends RemoteStoreSettings {
  /** Watches of keys with this prefix share one watch of the store. */
  readonly sharedPrefix?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** A store over the network, with what only its holder may do. */
export interface RemoteStore extends Store {
  /** From now on these are the members; connections to others are closed, and their watches end. */
  setEndpoints(endpoints: readonly string[]): void;
  /** Any other call of the API with one answer, as `Maintenance/Status`. It is never made twice. */
  call<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options?: CallOptions,
  ): Promise<Answer>;
  /** A call with one request and many answers, as `Maintenance/Snapshot`; ends when the store has sent them all. */
  stream<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<Answer>;
}

/** Does not connect yet: the first call does. */
export function connectStore(options: ConnectStoreOptions): RemoteStore {
  return new EtcdStore(options);
}

class EtcdStore implements RemoteStore {
  readonly #context: CallContext;
  readonly #keepAlive: KeepAliveStream;
  readonly #shared: SharedWatch | undefined;
  readonly #closing = new AbortController();

  constructor({ user, callTimeoutMs, sharedPrefix, ...options }: ConnectStoreOptions) {
    const { clock } = options;
    const context = { channel: new Channel(options), clock, callTimeoutMs };
    const credentials = user === undefined ? undefined : new Credentials({ context, user, clock });
    this.#context = { ...context, credentials };
    this.#keepAlive = new KeepAliveStream(this.#context);
    if (sharedPrefix !== undefined) {
      const open = watchStore.bind(undefined, this.#context);
      this.#shared = new SharedWatch(prefixRange(sharedPrefix), open);
    }
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse> {
    return this.#read("KV/Range", wire.rangeRequest, wire.rangeResponse, request, options);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResponse> {
    return this.call("KV/Put", wire.putRequest, wire.putResponse, request, options);
  }

  deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResponse> {
    return this.call("KV/DeleteRange", wire.deleteRangeRequest, wire.deleteRangeResponse, request, options);
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    return this.call("KV/Txn", wire.txnRequest, wire.txnResponse, request, options);
  }

  async compact(revision: Revision, options?: CallOptions): Promise<Header> {
    const request = { revision };
    return (await this.call("KV/Compact", wire.compactRequest, wire.headerResponse, request, options)).header;
  }

  async leaseGrant(
    request: { readonly ttlS: number; readonly id?: LeaseId },
    options?: CallOptions,
  ): Promise<LeaseGrant> {
    const path = "Lease/LeaseGrant";
    const answer = await this.call(path, wire.leaseGrantRequest, wire.leaseGrantResponse, request, options);
    if (answer.error !== "") throw new StoreError("unknown", answer.error);
    return { id: answer.id, ttlS: answer.ttlS };
  }

  async leaseRevoke(id: LeaseId, options?: CallOptions): Promise<Header> {
    const path = "Lease/LeaseRevoke";
    return (await this.call(path, wire.leaseRevokeRequest, wire.headerResponse, { id }, options)).header;
  }

  leaseKeepAlive(id: LeaseId, options?: CallOptions): Promise<number> {
    return this.#keepAlive.renew(id, options?.signal);
  }

  async leaseTimeToLive(id: LeaseId, withKeys: boolean, options?: CallOptions): Promise<LeaseTimeToLive> {
    const path = "Lease/LeaseTimeToLive";
    const request = { id, keys: withKeys };
    const { ttlS, grantedTtlS, keys } = await this.#read(
      path,
      wire.leaseTimeToLiveRequest,
      wire.leaseTimeToLiveResponse,
      request,
      options,
    );
    return { id, ttlS, grantedTtlS, keys };
  }

  async leaseList(options?: CallOptions): Promise<readonly LeaseId[]> {
    const path = "Lease/LeaseLeases";
    const answer = await this.#read(path, wire.emptyRequest, wire.leaseLeasesResponse, {}, options);
    return answer.leases.map(({ id }) => id);
  }

  watch(
    request: WatchRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchResponse, void, undefined> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    if (this.#shared?.covers(request) === true) return this.#shared.watch(request, signal);
    return watchStore(this.#context, request, signal);
  }

  setEndpoints(endpoints: readonly string[]): void {
    this.#context.channel.setEndpoints(endpoints);
  }

  call<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options?: CallOptions,
  ): Promise<Answer> {
    return this.#call("write", method, requestCodec, answerCodec, request, options);
  }

  async *stream<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Answer, void, undefined> {
    signal.throwIfAborted();
    const call = await StreamCall.open(this.#context, `/etcdserverpb.${method}`);
    const close = (): void => call.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      call.sendLast(encode(requestCodec, request));
      for await (const message of call.messages()) yield decode(answerCodec, message);
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", close);
      call.close();
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new StoreError("unavailable", "the client of the store is closed"));
    this.#context.channel.close();
  }

  #read<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options: CallOptions | undefined,
  ): Promise<Answer> {
    return this.#call("read", method, requestCodec, answerCodec, request, options);
  }

  async #call<Request, Answer>(
    kind: "read" | "write",
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options: CallOptions | undefined,
  ): Promise<Answer> {
    const path = `/etcdserverpb.${method}`;
    const message = encode(requestCodec, request);
    const { signal, timeoutMs } = options ?? {};
    const answer = await callUnary(this.#context, { path, message, kind, signal, timeoutMs });
    return decode(answerCodec, answer);
  }
}
