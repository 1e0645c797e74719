/** Calls that no client would make, on the embedded store and on a real etcd: status and text have to be the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toBytes } from "#store/keys.ts";
import * as admin from "#store/wire/admin-messages.ts";
import * as wire from "#store/wire/etcd-messages.ts";
import { encode } from "#store/wire/message.ts";
import * as session from "#store/wire/session-messages.ts";
import { startEmbedded, startReal, type Target } from "../../conformance/etcdctl/targets.ts";
import { isServedVersion } from "../../contract/etcd-version.ts";
import { framed, rawCall } from "./raw-calls.ts";

const KV = "/etcdserverpb.KV";
const key = toBytes("k");
const put = (bytes: number): Buffer =>
  framed(encode(wire.putRequest, { key, value: new Uint8Array(bytes).fill(120) }));
const range = (request: Parameters<typeof wire.rangeRequest.write>[1]): Buffer =>
  framed(encode(wire.rangeRequest, request));

const ops = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    kind: "range" as const,
    request: { key: toBytes(`k${at}`) },
  }));

const CALLS: readonly (readonly [
  name: string,
  path: string,
  body: Buffer,
  headers?: Record<string, string>,
])[] = [
  ["a service that is not there", "/foo.Bar/Baz", framed(Buffer.alloc(0))],
  ["a method that is not there", `${KV}/Nothing`, framed(Buffer.alloc(0))],
  ["a path that is no method", "/nothing", framed(Buffer.alloc(0))],
  ["an empty range", `${KV}/Range`, framed(Buffer.alloc(0))],
  ["an unknown sort order", `${KV}/Range`, framed(Buffer.from([0x0a, 1, 107, 0x28, 9]))],
  ["a key that is a number", `${KV}/Range`, framed(Buffer.from([0x08, 1]))],
  ["a limit that is a text", `${KV}/Range`, framed(Buffer.from([0x0a, 1, 107, 0x1a, 1, 107]))],
  ["a future revision", `${KV}/Range`, range({ key, revision: 1_000_000n })],
  ["a negative revision", `${KV}/Range`, range({ key, revision: -5n })],
  ["a negative limit", `${KV}/Range`, range({ key, limit: -1 })],
  ["a put without a key", `${KV}/Put`, framed(encode(wire.putRequest, { value: key }))],
  [
    "a value with ignore_value",
    `${KV}/Put`,
    framed(encode(wire.putRequest, { key, value: key, ignoreValue: true })),
  ],
  [
    "a lease with ignore_lease",
    `${KV}/Put`,
    framed(encode(wire.putRequest, { key, lease: 1n, ignoreLease: true })),
  ],
  ["an unknown lease", `${KV}/Put`, framed(encode(wire.putRequest, { key, lease: 99n }))],
  ["a request just too large", `${KV}/Put`, put(1_600_000)],
  ["a message too large to read", `${KV}/Put`, put(2_200_000)],
  [
    "too many operations",
    `${KV}/Txn`,
    framed(encode(wire.txnRequest, { compare: [], success: ops(129), failure: [] })),
  ],
  [
    "as many operations as may be",
    `${KV}/Txn`,
    framed(encode(wire.txnRequest, { compare: [], success: ops(128), failure: [] })),
  ],
  ["an operation that is none", `${KV}/Txn`, framed(Buffer.from([0x12, 0]))],
  [
    "a compaction of the future",
    `${KV}/Compact`,
    framed(encode(wire.compactRequest, { revision: 1_000_000n })),
  ],
  ["a message cut short", `${KV}/Range`, framed(Buffer.from([0x0a, 9, 107]))],
  ["a number without an end", `${KV}/Range`, framed(Buffer.from([0x18, ...Buffer.alloc(11, 0xff)]))],
  ["unknown fields", `${KV}/Range`, framed(Buffer.from([0x0a, 1, 122, 0xa0, 0x3f, 1]))],
  [
    "a lease of the longest time and more",
    "/etcdserverpb.Lease/LeaseGrant",
    framed(encode(wire.leaseGrantRequest, { ttlS: 9_000_000_001 })),
  ],
  [
    "a revocation of no lease",
    "/etcdserverpb.Lease/LeaseRevoke",
    framed(encode(wire.leaseRevokeRequest, { id: 5n })),
  ],
  ["a role without a name", "/etcdserverpb.Auth/RoleAdd", framed(encode(admin.nameRequest, { name: "" }))],
  [
    "a user without a name",
    "/etcdserverpb.Auth/UserAdd",
    framed(encode(admin.userAddRequest, { password: "x" })),
  ],
  [
    "a permission that is none",
    "/etcdserverpb.Auth/RoleGrantPermission",
    framed(encode(admin.grantPermissionRequest, { role: "r" })),
  ],
  [
    "a token while there is no authentication",
    `${KV}/Range`,
    range({ key: toBytes("z") }),
    { token: "nonsense.1" },
  ],
  [
    "credentials while there is no authentication",
    "/etcdserverpb.Auth/Authenticate",
    framed(encode(admin.credentials, { name: "a", password: "b" })),
  ],
  [
    "a leader that is none",
    "/v3electionpb.Election/Leader",
    framed(encode(session.leaderRequest, { name: key })),
  ],
  ["a proclamation by nobody", "/v3electionpb.Election/Proclaim", framed(Buffer.alloc(0))],
  ["a resignation of nobody", "/v3electionpb.Election/Resign", framed(Buffer.alloc(0))],
  ["an unlock of nothing", "/v3lockpb.Lock/Unlock", framed(encode(session.unlockRequest, { key }))],
  ["an unlock without a key", "/v3lockpb.Lock/Unlock", framed(Buffer.alloc(0))],
  [
    "a lock on an unknown lease",
    "/v3lockpb.Lock/Lock",
    framed(encode(session.lockRequest, { name: key, lease: 77n })),
  ],
  [
    "a campaign on an unknown lease",
    "/v3electionpb.Election/Campaign",
    framed(encode(session.campaignRequest, { name: key, lease: 77n })),
  ],
  [
    "a leader's seat for nobody",
    "/etcdserverpb.Maintenance/MoveLeader",
    framed(encode(admin.moveLeaderRequest, { targetId: 5n })),
  ],
  [
    "a hash of the future",
    "/etcdserverpb.Maintenance/HashKV",
    framed(encode(admin.hashKvRequest, { revision: 1_000_000n })),
  ],
];

describe.runIf(isServedVersion)("calls that no client would make", () => {
  let targets: readonly Target[] = [];
  beforeAll(async () => {
    targets = await Promise.all([startEmbedded(), startReal()]);
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  test.for(CALLS)("%s", async ([, path, body, headers]) => {
    const [ours, theirs] = await Promise.all(
      targets.map(({ endpoint }) => rawCall(endpoint, path, body, headers)),
    );
    const told = (answer: typeof ours) => ({ status: answer?.status, message: answer?.message });
    expect(told(ours)).toEqual(told(theirs));
  });
});
