/**
 * The store of another process over etcd's v3 gRPC API: another machine's embedded store, or a real etcd.
 *
 * It retries nothing by itself: a call that fails because the store is away says so at once, and whoever made it
 * knows whether it may be made again.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import {
  type CallOptions,
  CompactedError,
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
import { type CallContext, callUnary, StreamCall } from "./calls.ts";
import { Connection } from "./connection.ts";
import { KeepAliveStream } from "./keep-alive.ts";
import type { RemoteStoreSettings } from "./settings.ts";

export interface ConnectStoreOptions extends RemoteStoreSettings {
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
  readonly #closing = new AbortController();
  /** The cluster last heard of; revisions of another one mean nothing. */
  #clusterId: bigint | undefined;

  constructor(options: ConnectStoreOptions) {
    this.#context = { connection: new Connection(options), clock: options.clock };
    this.#keepAlive = new KeepAliveStream(this.#context);
  }

  range(request: RangeRequest, options?: CallOptions): Promise<RangeResponse> {
    return this.#call("KV/Range", wire.rangeRequest, wire.rangeResponse, request, options);
  }

  put(request: PutRequest, options?: CallOptions): Promise<PutResponse> {
    return this.#call("KV/Put", wire.putRequest, wire.putResponse, request, options);
  }

  deleteRange(request: DeleteRangeRequest, options?: CallOptions): Promise<DeleteRangeResponse> {
    return this.#call("KV/DeleteRange", wire.deleteRangeRequest, wire.deleteRangeResponse, request, options);
  }

  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResponse> {
    return this.#call("KV/Txn", wire.txnRequest, wire.txnResponse, request, options);
  }

  async compact(revision: Revision, options?: CallOptions): Promise<Header> {
    const request = { revision };
    return (await this.#call("KV/Compact", wire.compactRequest, wire.headerResponse, request, options))
      .header;
  }

  async leaseGrant(
    request: { readonly ttlS: number; readonly id?: LeaseId },
    options?: CallOptions,
  ): Promise<LeaseGrant> {
    const path = "Lease/LeaseGrant";
    const answer = await this.#call(path, wire.leaseGrantRequest, wire.leaseGrantResponse, request, options);
    if (answer.error !== "") throw new StoreError("unknown", answer.error);
    return { id: answer.id, ttlS: answer.ttlS };
  }

  async leaseRevoke(id: LeaseId, options?: CallOptions): Promise<Header> {
    const path = "Lease/LeaseRevoke";
    return (await this.#call(path, wire.leaseRevokeRequest, wire.headerResponse, { id }, options)).header;
  }

  leaseKeepAlive(id: LeaseId, options?: CallOptions): Promise<number> {
    return this.#keepAlive.renew(id, options?.signal);
  }

  async leaseTimeToLive(id: LeaseId, withKeys: boolean, options?: CallOptions): Promise<LeaseTimeToLive> {
    const path = "Lease/LeaseTimeToLive";
    const request = { id, keys: withKeys };
    const { ttlS, grantedTtlS, keys } = await this.#call(
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
    const answer = await this.#call(path, wire.emptyRequest, wire.leaseLeasesResponse, {}, options);
    return answer.leases.map(({ id }) => id);
  }

  async *watch(
    request: WatchRequest,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<WatchResponse, void, undefined> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    if (signal.aborted) return;
    const call = await StreamCall.open(this.#context, "/etcdserverpb.Watch/Watch");
    const close = (): void => call.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      call.send(encode(wire.watchRequest, { create: request }));
      for await (const message of call.messages()) {
        yield this.#watchResponse(decode(wire.watchResponse, message), request);
        if (signal.aborted) return;
      }
    } catch (error) {
      if (!options.signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", close);
      call.close();
    }
  }

  setEndpoints(endpoints: readonly string[]): void {
    this.#context.connection.setEndpoints(endpoints);
  }

  call<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options?: CallOptions,
  ): Promise<Answer> {
    return this.#call(method, requestCodec, answerCodec, request, options);
  }

  async *stream<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<Answer, void, undefined> {
    const call = await StreamCall.open(this.#context, `/etcdserverpb.${method}`);
    call.send(encode(requestCodec, request));
    for await (const message of call.messages()) {
      options.signal.throwIfAborted();
      yield decode(answerCodec, message);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new StoreError("unavailable", "the client of the store is closed"));
    this.#context.connection.close();
  }

  async #call<Request, Answer>(
    method: string,
    requestCodec: Codec<unknown, Request>,
    answerCodec: Codec<Answer, never>,
    request: Request,
    options: CallOptions | undefined,
  ): Promise<Answer> {
    const path = `/etcdserverpb.${method}`;
    const answer = await callUnary(this.#context, path, encode(requestCodec, request), options?.signal);
    return decode(answerCodec, answer);
  }

  #watchResponse(answer: ReturnType<typeof wire.watchResponse.read>, request: WatchRequest): WatchResponse {
    const header = { revision: answer.header.revision };
    if (answer.compactRevision !== 0n) throw new CompactedError(answer.compactRevision);
    if (answer.canceled) throw new StoreError("unknown", answer.cancelReason || "the store ended the watch");
    if (answer.created) {
      this.#checkCluster(answer.header.clusterId, header.revision, request.startRevision ?? 0n);
      return { kind: "created", header };
    }
    if (answer.events.length > 0) return { kind: "events", header, events: answer.events };
    return { kind: "progress", header };
  }

  /** A watch that resumes on another cluster would silently miss everything: its past is gone, as by compaction. */
  #checkCluster(clusterId: bigint, revision: Revision, startRevision: Revision): void {
    const known = this.#clusterId;
    this.#clusterId = clusterId;
    if (known !== undefined && known !== clusterId && startRevision > 0n) throw new CompactedError(revision);
  }
}
