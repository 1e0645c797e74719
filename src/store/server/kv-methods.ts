/** Etcd's KV service. */
import * as wire from "../wire/etcd-messages.ts";
import type { Service } from "./method-table.ts";
import type { ServedStore } from "./served-store.ts";
import { unary } from "./unary.ts";

export function kvMethods(served: ServedStore): Service {
  return new Map([
    [
      "Range",
      unary(wire.rangeRequest, wire.rangeResponse, async (request, caller) =>
        served.full(await served.as(caller).range(request)),
      ),
    ],
    [
      "Put",
      unary(wire.putRequest, wire.putResponse, async (request, caller) =>
        served.full(await served.as(caller).put(request)),
      ),
    ],
    [
      "DeleteRange",
      unary(wire.deleteRangeRequest, wire.deleteRangeResponse, async (request, caller) =>
        served.full(await served.as(caller).deleteRange(request)),
      ),
    ],
    [
      "Txn",
      unary(wire.txnRequest, wire.txnResponse, async (request, caller) =>
        served.full(await served.as(caller).txn(request)),
      ),
    ],
    [
      "Compact",
      unary(wire.compactRequest, wire.headerResponse, async ({ revision }, caller) => ({
        header: served.header(await served.as(caller).compact(revision)),
      })),
    ],
  ]);
}
