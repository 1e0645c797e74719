/** Etcd's Lease service. */
import * as wire from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import type { Call } from "./grpc.ts";
import type { Service } from "./method-table.ts";
import type { ServedStore } from "./served-store.ts";
import { unary } from "./unary.ts";

/** Etcd grants no less: one and a half times its election timeout. Locks of its clients count on it. */
const TTL_MIN_S = 2;

export function leaseMethods(served: ServedStore): Service {
  return new Map([
    [
      "LeaseGrant",
      unary(wire.leaseGrantRequest, wire.leaseGrantResponse, async (request, caller) => {
        const ttlS = Math.max(request.ttlS, TTL_MIN_S);
        const grant = await served.as(caller).leaseGrant({ ...request, ttlS });
        return { header: served.header(), ...grant };
      }),
    ],
    [
      "LeaseRevoke",
      unary(wire.leaseRevokeRequest, wire.headerResponse, async ({ id }, caller) => {
        return { header: served.header(await served.as(caller).leaseRevoke(id)) };
      }),
    ],
    [
      "LeaseTimeToLive",
      unary(wire.leaseTimeToLiveRequest, wire.leaseTimeToLiveResponse, async ({ id, keys }, caller) => {
        const left = await served.as(caller).leaseTimeToLive(id, keys);
        return { header: served.header(), ...left };
      }),
    ],
    [
      "LeaseLeases",
      unary(wire.emptyRequest, wire.leaseLeasesResponse, async (_request, caller) => {
        const ids = await served.as(caller).leaseList();
        return { header: served.header(), leases: ids.map((id) => ({ id })) };
      }),
    ],
    ["LeaseKeepAlive", { kind: "stream", handle: (call) => serveKeepAlive(served, call) }],
  ]);
}

/** A lease that is gone is answered with a time of 0; the stream stays open. */
async function serveKeepAlive(served: ServedStore, call: Call): Promise<void> {
  for await (const message of call.messages) {
    const { id } = decode(wire.leaseKeepAliveRequest, message);
    const header = served.header();
    const ttlS = await served.as(call.caller).leaseKeepAlive(id);
    await call.send([encode(wire.leaseKeepAliveResponse, { header, id, ttlS })]);
  }
}
