/**
 * Etcd's v3 API on a store of this process: how other machines, etcdctl and any etcd client reach it. gRPC and the JSON
 * gateway share one port. What most stores are never asked for is loaded when it is first asked for.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import type { LocalStore } from "../local-store.ts";
import { REQUEST_BYTES_MAX, REQUEST_OVERHEAD_BYTES } from "../mvcc/check.ts";
import { clusterMethods } from "./cluster-methods.ts";
import type { PlainHttp, PlainHttpOptions } from "./gateway/plain-http.ts";
import { answerCall, isGrpc, refuseCall } from "./grpc.ts";
import { HeldBytes } from "./held-bytes.ts";
import { kvMethods } from "./kv-methods.ts";
import { LateListener } from "./late-listener.ts";
import { leaseMethods } from "./lease-methods.ts";
import { StoreListener, type TlsSettings } from "./listener.ts";
import { MethodTable } from "./method-table.ts";
import { ServedStore } from "./served-store.ts";
import { serveWatch } from "./watch-stream.ts";

/** Machines make few calls while nothing happens: what goes on there comes by watches. */
const BUSY_CALLS = 5_000;

export interface ServeStoreOptions {
  readonly store: LocalStore;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsSettings;
  /** Called once, when so many calls have come that the server is one which works for its living. */
  readonly busy?: () => void;
  /** What tokens and passwords go by; the default is the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface StoreServer {
  /** Where it listens; the port is the real one when 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** Shows another certificate from now on; connections that are open stay. */
  renew(tls: Pick<TlsSettings, "cert" | "key">): void;
  /** Cuts connections of clients that `tls.admit` no longer lets in. */
  review(): void;
  /** Cuts every connection. The store stays open. */
  close(): Promise<void>;
}

export async function serveStore(options: ServeStoreOptions): Promise<StoreServer> {
  const { store, host, tls, clock = systemClock, random = systemRandom } = options;
  let boundPort = options.port;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  const clientUrl = (): string => `${tls === undefined ? "http" : "https"}://${shownHost}:${boundPort}`;
  const served = new ServedStore({ store, clientUrl, clock, random });
  await served.loadAuthIfEnabled();
  const grpc = {
    methods: methodsOf(served),
    clock,
    held: new HeldBytes(),
    messageBytesMax: REQUEST_BYTES_MAX + REQUEST_OVERHEAD_BYTES,
  };
  let callsUntilBusy = options.busy === undefined ? 0 : BUSY_CALLS;
  const count = (): void => {
    callsUntilBusy -= 1;
    if (callsUntilBusy === 0) options.busy?.();
  };
  let plain: Promise<PlainHttp> | undefined;
  const openPlain = (): Promise<PlainHttp> => {
    plain ??= loadPlainHttp({ served, ...grpc });
    return plain;
  };
  const listener = new StoreListener({
    clock,
    stream: (stream, certificateName) => {
      count();
      return isGrpc(stream.headers)
        ? answerCall(stream, grpc, certificateName)
        : new LateListener(openPlain().then((http) => http.takeStream(stream)));
    },
    refused: (stream, reason) => refuseCall(stream, reason),
    http1: (socket) => void openPlain().then((http) => http.take(socket)),
  });
  boundPort = await listener.listen(host, options.port, tls);
  const close = async (): Promise<void> => {
    await listener.close();
    (await plain)?.close();
  };
  return {
    address: { host, port: boundPort },
    renew: (renewed) => listener.renew(renewed),
    review: () => listener.review(),
    close,
  };
}

function methodsOf(served: ServedStore): MethodTable {
  return new MethodTable(
    {
      "etcdserverpb.KV": kvMethods(served),
      "etcdserverpb.Lease": leaseMethods(served),
      "etcdserverpb.Watch": new Map([
        ["Watch", { kind: "stream", handle: (call) => serveWatch(served, call) }],
      ]),
      "etcdserverpb.Cluster": clusterMethods(served),
    },
    {
      "etcdserverpb.Maintenance": async () =>
        (await import("./maintenance-methods.ts")).maintenanceMethods(served),
      "etcdserverpb.Auth": async () => (await import("./auth-methods.ts")).authMethods(served),
      "v3lockpb.Lock": async () => (await import("./lock-methods.ts")).lockMethods(served),
      "v3electionpb.Election": async () => (await import("./election-methods.ts")).electionMethods(served),
    },
  );
}

async function loadPlainHttp(options: PlainHttpOptions): Promise<PlainHttp> {
  const { PlainHttp } = await import("./gateway/plain-http.ts");
  return new PlainHttp(options);
}
