/** The lock and election services under contention, reached over the gateway. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { createMemoryStore } from "#store/memory.ts";
import { type StoreServer, serveStore } from "#store/server/server.ts";
import { base64, GatewayClient } from "./gateway.ts";

let store: LocalStore;
let server: StoreServer;
let client: GatewayClient;

beforeEach(async () => {
  store = createMemoryStore({ clock: systemClock, random: systemRandom });
  server = await serveStore({ store, host: "127.0.0.1", port: 0 });
  client = new GatewayClient(`127.0.0.1:${server.address.port}`);
  for (const id of [0xan, 0xbn, 0xcn]) await store.leaseGrant({ id, ttlS: 100 });
});
afterEach(async () => {
  await server.close();
  await store.close();
});

const lease = { a: "10", b: "11", c: "12" };
const lock = (id: string, signal?: AbortSignal) =>
  client.call("/v3/lock/lock", { name: base64("lock"), lease: id }, signal);
const unlock = (key: string) => client.call("/v3/lock/unlock", { key: base64(key) });

async function keysUnder(name: string): Promise<string[]> {
  const { kvs } = await store.range(prefixRange(name));
  return kvs.map(({ key }) => toText(key));
}

/** Resolves when so many keys are under the name. */
async function claimed(name: string, count: number): Promise<void> {
  const controller = new AbortController();
  for await (const response of store.watch({ ...prefixRange(name), startRevision: 1n }, controller)) {
    if (response.kind === "events" && (await keysUnder(name)).length >= count) controller.abort();
  }
}

describe("a lock", () => {
  test("is a key under its name with the lease in hexadecimal, and the same for the same lease", async () => {
    const [first, again] = [await lock(lease.a), await lock(lease.a)];
    expect(first.body).toMatchObject({ key: base64("lock/a") });
    expect(again.body).toMatchObject({ key: base64("lock/a") });
    expect(await keysUnder("lock/")).toEqual(["lock/a"]);
  });

  test("goes to those who wait in the order in which they came", async () => {
    await lock(lease.a);
    const got: string[] = [];
    const second = lock(lease.c).then(() => got.push("c"));
    await claimed("lock/", 2);
    const third = lock(lease.b).then(() => got.push("b"));
    await claimed("lock/", 3);
    expect(got).toEqual([]);
    await unlock("lock/a");
    await second;
    expect(got).toEqual(["c"]);
    await unlock("lock/c");
    await third;
    expect(got).toEqual(["c", "b"]);
  });

  test("passes on when the holder's lease ends", async () => {
    await lock(lease.a);
    const waiting = lock(lease.b);
    await claimed("lock/", 2);
    await store.leaseRevoke(0xan);
    expect((await waiting).body).toMatchObject({ key: base64("lock/b") });
  });

  test("is not kept from others by who has given up waiting", async () => {
    await lock(lease.a);
    const impatient = new AbortController();
    const waiting = lock(lease.b, impatient.signal);
    await claimed("lock/", 2);
    impatient.abort();
    await expect(waiting).rejects.toThrow("aborted");
    const last = lock(lease.c);
    await unlock("lock/a");
    expect((await last).status).toBe(200);
    expect(await keysUnder("lock/")).toEqual(["lock/c"]);
  });

  test("is refused to whose lease ends while he waits", async () => {
    await lock(lease.a);
    const waiting = lock(lease.b);
    await claimed("lock/", 2);
    await store.leaseRevoke(0xbn);
    await unlock("lock/a");
    expect(await waiting).toMatchObject({ status: 500, body: { message: "mutex: session is expired" } });
  });

  test("without a lease gets one of a minute", async () => {
    await client.call("/v3/lock/lock", { name: base64("lock") });
    const ids = await store.leaseList();
    const granted = await Promise.all(
      ids.map(async (id) => (await store.leaseTimeToLive(id, true)).grantedTtlS),
    );
    expect(granted).toContain(60);
  });
});

describe("an election", () => {
  const campaign = (id: string, value: string) =>
    client.call("/v3/election/campaign", { name: base64("e"), lease: id, value: base64(value) });
  const leaderOf = (body: unknown): unknown =>
    typeof body === "object" && body !== null && "leader" in body ? body.leader : undefined;

  test("has one leader at a time, who resigns in favour of the next", async () => {
    const first = await campaign(lease.a, "one");
    const second = campaign(lease.b, "two");
    await claimed("e/", 2);
    const leader = await client.call("/v3/election/leader", { name: base64("e") });
    expect(leader.body).toMatchObject({ kv: { key: base64("e/a"), value: base64("one") } });
    await client.call("/v3/election/resign", { leader: leaderOf(first.body) });
    expect((await second).body).toMatchObject({
      leader: { name: base64("e"), key: base64("e/b"), lease: "11" },
    });
  });

  test("lets its leader proclaim another value, and nobody who is it no longer", async () => {
    const { body } = await campaign(lease.a, "one");
    const proclaim = (value: string) =>
      client.call("/v3/election/proclaim", { leader: leaderOf(body), value: base64(value) });
    expect((await proclaim("uno")).status).toBe(200);
    expect(toText((await store.range({ key: toBytes("e/a") })).kvs[0]?.value ?? new Uint8Array())).toBe(
      "uno",
    );
    await store.deleteRange({ key: toBytes("e/a") });
    expect(await proclaim("due")).toMatchObject({ status: 500, body: { message: "election: not leader" } });
  });

  test("is observed: each leader and what he proclaims, from one to the next", async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const observing = (async () => {
      for await (const told of client.stream(
        "/v3/election/observe",
        { name: base64("e") },
        controller.signal,
      )) {
        seen.push(JSON.stringify(told).replace(/.*"value":"([^"]*)".*/, "$1"));
        if (seen.length === 3) return;
      }
    })();
    const { body } = await campaign(lease.a, "one");
    const next = campaign(lease.b, "two");
    await client.call("/v3/election/proclaim", { leader: leaderOf(body), value: base64("uno") });
    await client.call("/v3/election/resign", { leader: leaderOf(body) });
    await next;
    await observing;
    controller.abort();
    expect(seen.at(-1)).toBe(base64("two"));
    expect([base64("one"), base64("uno")]).toEqual(expect.arrayContaining(seen.slice(0, -1)));
  });
});
