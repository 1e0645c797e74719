/**
 * Etcd's v3 gRPC service on a store of this process: how other machines, etcdctl and any etcd client reach it.
 * Calls it does not know are answered UNIMPLEMENTED.
 */

import type { LocalStore } from "../local-store.ts";
import { REQUEST_BYTES_MAX } from "../mvcc/check.ts";
import { leaseKeepAliveRequest, leaseKeepAliveResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import { answerCall, type Call, type Method } from "./grpc.ts";
import { StoreListener } from "./listener.ts";
import { ServedStore } from "./served-store.ts";
import { unaryMethods } from "./unary-methods.ts";
import { serveWatch } from "./watch-stream.ts";

/** Etcd lets requests be this much longer on the wire before it stops reading them. */
const REQUEST_OVERHEAD_BYTES = 512 * 1024;

export interface ServeStoreOptions {
  readonly store: LocalStore;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface StoreServer {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** Cuts every connection. The store stays open. */
  close(): Promise<void>;
}

export async function serveStore({ store, host, port }: ServeStoreOptions): Promise<StoreServer> {
  let boundPort = port;
  const served = new ServedStore(
    store,
    () => `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
  );
  const methods = new Map<string, Method>([
    ...unaryMethods(served),
    ["/etcdserverpb.Watch/Watch", { kind: "stream", handle: (call) => serveWatch(served, call) }],
    [
      "/etcdserverpb.Lease/LeaseKeepAlive",
      { kind: "stream", handle: (call) => serveKeepAlive(served, call) },
    ],
  ]);
  const options = {
    methods: { find: (path: string) => methods.get(path) },
    messageBytesMax: REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES,
  };
  const listener = new StoreListener({
    stream: (stream, name) => answerCall(stream, options, name),
    http1: (socket) => void socket.destroy(),
  });
  boundPort = await listener.listen(host, port, undefined);
  return { address: { host, port: boundPort }, close: () => listener.close() };
}

/** A lease that is gone is answered with a time of 0; the stream stays open. */
async function serveKeepAlive(served: ServedStore, call: Call): Promise<void> {
  for await (const message of call.messages) {
    const { id } = decode(leaseKeepAliveRequest, message);
    const header = served.header();
    const ttlS = await served.store.leaseKeepAlive(id);
    await call.send(encode(leaseKeepAliveResponse, { header, id, ttlS }));
  }
}
