/** The JSON gateway and the pages beside it, on the embedded store and on a real etcd: the answers have to be the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEmbedded, startReal, type Target } from "../../conformance/etcdctl/targets.ts";
import { isServedVersion } from "../../contract/etcd-version.ts";
import { base64, GatewayClient } from "./gateway.ts";

const key = base64("a");
const CALLS: readonly (readonly [path: string, request: unknown])[] = [
  ["/v3/kv/range", {}],
  ["/v3/kv/range", { key }],
  ["/v3/kv/put", { key, value: base64("1") }],
  ["/v3/kv/put", { key, value: base64("2"), prev_kv: true }],
  ["/v3/kv/put", { key, value: base64("3"), prevKv: true }],
  ["/v3/kv/range", { key }],
  ["/v3/kv/range", { key, unknown: 1 }],
  ["/v3/kv/range", { key: "!!" }],
  ["/v3/kv/range", { key, revision: "99" }],
  ["/v3/kv/range", { key, revision: 2 }],
  ["/v3beta/kv/range", { key, range_end: "AA==", sort_order: "DESCEND", sort_target: "MOD", limit: "1" }],
  ["/v3/kv/range", ""],
  [
    "/v3/kv/txn",
    {
      compare: [{ key, target: "VERSION", result: "EQUAL", version: "3" }],
      success: [{ requestRange: { key } }],
    },
  ],
  [
    "/v3/kv/txn",
    {
      compare: [{ key, target: "VALUE", result: "LESS", value: key }],
      success: [{ request_put: { key, value: key } }],
      failure: [{ request_delete_range: { key } }],
    },
  ],
  ["/v3/kv/txn", { success: [{ request_txn: { success: [{ request_put: { key, value: key } }] } }] }],
  ["/v3/kv/txn", { success: [{}] }],
  ["/v3/kv/deleterange", { key, prev_kv: true }],
  ["/v3/kv/compaction", { revision: "3" }],
  ["/v3/kv/compaction", { revision: "3" }],
  ["/v3/lease/grant", { TTL: 100, ID: "5" }],
  ["/v3/lease/grant", { TTL: 100, ID: "5" }],
  ["/v3/lease/grant", { TTL: "9000000001" }],
  ["/v3/lease/keepalive", { ID: "5" }],
  ["/v3/lease/timetolive", { ID: "7" }],
  ["/v3/kv/lease/timetolive", { ID: "7", keys: true }],
  ["/v3/lease/leases", {}],
  ["/v3/lease/revoke", { ID: "7" }],
  ["/v3/kv/lease/revoke", { ID: 5 }],
  ["/v3/lease/leases", {}],
  ["/v3/cluster/member/remove", { ID: "1" }],
  ["/v3/maintenance/alarm", { action: "GET" }],
  ["/v3/maintenance/alarm", { action: "ACTIVATE", memberID: "1", alarm: "NOSPACE" }],
  ["/v3/kv/put", { key, value: base64("no room") }],
  ["/v3/lease/grant", { TTL: 100, ID: "9" }],
  ["/v3/kv/txn", { success: [{ request_put: { key, value: key } }] }],
  ["/v3/kv/deleterange", { key }],
  ["/v3/kv/range", { key }],
  ["/v3/maintenance/alarm", { action: "GET" }],
  ["/v3/maintenance/alarm", { action: "DEACTIVATE", memberID: "1", alarm: "NOSPACE" }],
  ["/v3/maintenance/alarm", { action: "DEACTIVATE", memberID: "1", alarm: "NOSPACE" }],
  ["/v3/kv/put", { key, value: base64("room") }],
  ["/v3/maintenance/transfer-leadership", { targetID: "1" }],
  ["/v3/auth/enable", {}],
  ["/v3/auth/authenticate", { name: "a", password: "b" }],
  ["/v3/auth/user/add", { name: "u", password: "p" }],
  ["/v3/auth/user/add", { name: "u", password: "p" }],
  ["/v3/auth/user/add", {}],
  ["/v3/auth/user/list", {}],
  ["/v3/auth/user/get", { name: "u" }],
  ["/v3/auth/user/get", { name: "v" }],
  ["/v3/auth/role/add", { name: "r" }],
  ["/v3/auth/role/grant", { name: "r", perm: { permType: "READWRITE", key } }],
  ["/v3/auth/role/get", { role: "r" }],
  ["/v3/auth/role/list", {}],
  ["/v3/auth/user/grant", { user: "u", role: "r" }],
  ["/v3/auth/user/revoke", { name: "u", role: "s" }],
  ["/v3/auth/role/revoke", { role: "r", key }],
  ["/v3/auth/role/delete", { role: "r" }],
  ["/v3/election/leader", { name: key }],
  ["/v3/election/proclaim", {}],
  ["/v3/lock/unlock", { key }],
];

/** IDs are each store's own; an alarm of no member's is kept by etcd under the name that was given. */
function withoutIds(text: string): string {
  return text.replace(/"(cluster_id|member_id|memberID)":"\d+"/g, '"$1":"0"').replace(/"token":"[^"]*"/, "");
}

describe.runIf(isServedVersion)("the gateway", () => {
  let targets: readonly Target[] = [];
  let clients: readonly GatewayClient[] = [];
  beforeAll(async () => {
    targets = await Promise.all([startEmbedded(), startReal()]);
    clients = targets.map(({ endpoint }) => new GatewayClient(endpoint));
  });
  afterAll(() => Promise.all(targets.map((target) => target.stop())));

  /** The same on both, one after the other. */
  async function both<T>(ask: (client: GatewayClient) => Promise<T>): Promise<readonly T[]> {
    const answers: T[] = [];
    for (const client of clients) answers.push(await ask(client));
    return answers;
  }

  test(`answers ${CALLS.length} calls as etcd does`, async () => {
    for (const [path, request] of CALLS) {
      const [ours, theirs] = await both((client) => client.call(path, request));
      expect([path, request, ours?.status, withoutIds(JSON.stringify(ours?.body))]).toEqual([
        path,
        request,
        theirs?.status,
        withoutIds(JSON.stringify(theirs?.body)),
      ]);
    }
  });

  test("refuses what writes while somebody has found the store damaged, as etcd does", async () => {
    const calls: readonly (readonly [string, object])[] = [
      ["/v3/kv/put", { key, value: key }],
      ["/v3/kv/deleterange", { key }],
      ["/v3/kv/txn", { success: [{ request_put: { key, value: key } }] }],
      ["/v3/kv/txn", { success: [{ request_range: { key } }] }],
      ["/v3/kv/range", { key }],
      ["/v3/kv/compaction", { revision: "1" }],
      ["/v3/lease/grant", { TTL: "5", ID: "55" }],
      ["/v3/lease/revoke", { ID: "55" }],
    ];
    const [ours, theirs] = await both(async (client) => {
      const { body } = await client.call("/v3/cluster/member/list", {});
      const [, memberID] = /"ID":"(\d+)"/.exec(JSON.stringify(body)) ?? [];
      const alarm = { memberID, alarm: "CORRUPT" };
      const answers = [await client.call("/v3/maintenance/alarm", { ...alarm, action: "ACTIVATE" })];
      for (const [path, request] of calls) answers.push(await client.call(path, request));
      answers.push(await client.call("/v3/maintenance/alarm", { ...alarm, action: "DEACTIVATE" }));
      return answers.map((answer) => withoutIds(JSON.stringify(answer)));
    });
    expect(ours).toEqual(theirs);
    expect(ours?.[1]).toContain("etcdserver: corrupt cluster");
  });

  test("streams what a watch sees, each answer a line", async () => {
    const [ours, theirs] = await both(async (client) => {
      await client.call("/v3/kv/put", { key: base64("w"), value: base64("1") });
      const controller = new AbortController();
      const lines: string[] = [];
      const request = { create_request: { key: base64("w"), start_revision: "4" } };
      for await (const line of client.stream("/v3/watch", request, controller.signal)) {
        lines.push(withoutIds(JSON.stringify(line)));
        if (lines.length === 2) break;
      }
      controller.abort();
      return lines;
    });
    expect(ours).toEqual(theirs);
    expect(ours?.[1]).toContain('"events":[');
  });

  test("shows long answers as etcd does, in transactions too", async () => {
    const all = { key: base64("long/"), range_end: base64("long0") };
    const puts = Array.from({ length: 100 }, (_, at) => ({
      request_put: { key: base64(`long/${at}`), value: base64(`${at} `.repeat(300)) },
    }));
    const [ours, theirs] = await both(async (client) => {
      await client.call("/v3/kv/txn", { success: puts });
      const answers = [
        await client.call("/v3/kv/range", all),
        await client.call("/v3/kv/txn", { success: [{ request_range: all }, { request_range: all }] }),
        await client.call("/v3/kv/deleterange", { ...all, prev_kv: true }),
      ];
      return answers.map((answer) => withoutIds(JSON.stringify(answer)));
    });
    expect(ours).toEqual(theirs);
    expect(ours?.[2]).toContain('"deleted":"100"');
  });

  test.for(["/version", "/", "/v3/kv/range", "/v3/nothing", "/nothing"])(
    "answers GET %s as etcd does",
    async (path) => {
      const [ours, theirs] = await both((client) => client.get(path));
      expect(ours).toEqual(theirs);
    },
  );

  test("has the figures of etcd's that monitoring goes by", async () => {
    const [ours, theirs] = await both((client) => client.get("/metrics"));
    const typesIn = (text = "") => text.split("\n").filter((line) => line.startsWith("# TYPE etcd_"));
    const known = new Set(typesIn(theirs?.text));
    expect(typesIn(ours?.text).filter((line) => !known.has(line))).toEqual([]);
    for (const name of [
      "etcd_server_has_leader 1",
      "etcd_mvcc_db_total_size_in_bytes ",
      "etcd_disk_wal_fsync_duration_seconds_count ",
    ]) {
      expect(ours?.text).toContain(`\n${name}`);
    }
  });
});
