/** Etcd's calls with one request and one answer, on the store. */
import { REQUEST_BYTES_MAX } from "../mvcc/check.ts";
import { refusal } from "../mvcc/etcd-errors.ts";
import * as wire from "../wire/etcd-messages.ts";
import { type Codec, decode, encode } from "../wire/message.ts";
import type { Method } from "./grpc.ts";
import { ETCD_VERSION, RAFT_TERM, type ServedStore } from "./served-store.ts";

const MEMBER_NAME = "flotilla";

type Unary = Method;

export function unaryMethods(served: ServedStore): ReadonlyMap<string, Unary> {
  return new Map([...keyValueMethods(served), ...leaseMethods(served), ...clusterMethods(served)]);
}

function unary<Request, Answer>(
  request: Codec<Request, never>,
  answer: Codec<unknown, Answer>,
  handle: (request: Request) => Promise<Answer>,
): Unary {
  return {
    kind: "unary",
    handle: async (message) => {
      if (message.length > REQUEST_BYTES_MAX) throw refusal("request-too-large");
      return encode(answer, await handle(decode(request, message)));
    },
  };
}

function keyValueMethods(served: ServedStore): [string, Unary][] {
  const { store } = served;
  return [
    [
      "/etcdserverpb.KV/Range",
      unary(wire.rangeRequest, wire.rangeResponse, async (request) =>
        served.full(await store.range(request)),
      ),
    ],
    [
      "/etcdserverpb.KV/Put",
      unary(wire.putRequest, wire.putResponse, async (request) => served.full(await store.put(request))),
    ],
    [
      "/etcdserverpb.KV/DeleteRange",
      unary(wire.deleteRangeRequest, wire.deleteRangeResponse, async (request) =>
        served.full(await store.deleteRange(request)),
      ),
    ],
    [
      "/etcdserverpb.KV/Txn",
      unary(wire.txnRequest, wire.txnResponse, async (request) => served.full(await store.txn(request))),
    ],
    [
      "/etcdserverpb.KV/Compact",
      unary(wire.compactRequest, wire.headerResponse, async ({ revision }) => ({
        header: served.header(await store.compact(revision)),
      })),
    ],
  ];
}

function leaseMethods(served: ServedStore): [string, Unary][] {
  const { store } = served;
  return [
    [
      "/etcdserverpb.Lease/LeaseGrant",
      unary(wire.leaseGrantRequest, wire.leaseGrantResponse, async (request) => {
        const grant = await store.leaseGrant(request);
        return { header: served.header(), ...grant };
      }),
    ],
    [
      "/etcdserverpb.Lease/LeaseRevoke",
      unary(wire.leaseRevokeRequest, wire.headerResponse, async ({ id }) => ({
        header: served.header(await store.leaseRevoke(id)),
      })),
    ],
    [
      "/etcdserverpb.Lease/LeaseTimeToLive",
      unary(wire.leaseTimeToLiveRequest, wire.leaseTimeToLiveResponse, async ({ id, keys }) => {
        const left = await store.leaseTimeToLive(id, keys);
        return { header: served.header(), ...left };
      }),
    ],
    [
      "/etcdserverpb.Lease/LeaseLeases",
      unary(wire.emptyRequest, wire.leaseLeasesResponse, async () => {
        const ids = await store.leaseList();
        return { header: served.header(), leases: ids.map((id) => ({ id })) };
      }),
    ],
  ];
}

/** What a cluster of one member says of itself. */
function clusterMethods(served: ServedStore): [string, Unary][] {
  const { identity } = served.store;
  return [
    [
      "/etcdserverpb.Cluster/MemberList",
      unary(wire.emptyRequest, wire.memberListResponse, async () => ({
        // Etcd gives no revision here.
        header: served.header({ revision: 0n }),
        members: [{ id: identity.memberId, name: MEMBER_NAME, clientUrls: [served.clientUrl()] }],
      })),
    ],
    [
      "/etcdserverpb.Maintenance/Status",
      unary(wire.emptyRequest, wire.statusResponse, async () => ({
        header: served.header(),
        version: ETCD_VERSION,
        dbSize: served.store.sizeBytes,
        dbSizeInUse: served.store.sizeBytes,
        leader: identity.memberId,
        // There is no raft log here; each revision stands for one entry of it.
        raftIndex: served.store.revision,
        raftAppliedIndex: served.store.revision,
        raftTerm: RAFT_TERM,
      })),
    ],
  ];
}
