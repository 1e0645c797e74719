/** What every store must do with watches and leases; etcd's documented and measured behaviour is the rule. */
import { expect, test } from "vitest";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { Revision, Store } from "#store/store.ts";
import { follow, freshPrefix, put, refusalOf, summary, texts, write } from "./store-talk.ts";

export function describeWatches(of: () => Store): void {
  test("a watch reports every change from now on, with what was there before", async () => {
    const prefix = freshPrefix();
    await write(of(), `${prefix}a`, "1");
    const watch = follow(of(), { ...prefixRange(prefix), prevKv: true });
    expect((await watch.next()).kind).toBe("created");
    await write(of(), `${prefix}a`, "2");
    await write(of(), `${prefix}b`, "3");
    await of().deleteRange({ key: toBytes(`${prefix}a`) });
    expect(summary(await watch.events(3))).toEqual([
      `put ${prefix}a=2 was 1`,
      `put ${prefix}b=3`,
      `delete ${prefix}a= was 2`,
    ]);
    await watch.end();
  });

  test("a watch from a past revision reports it all, in batches that hold whole revisions", async () => {
    const prefix = freshPrefix();
    const start = await write(of(), `${prefix}0`);
    const count = 1_200;
    for (let round = 1; round < count; round += 1) {
      const pair = [put(`${prefix}${round}`), put(`${prefix}${round}/twin`)];
      await of().txn({ compare: [], success: pair, failure: [] });
    }
    const watch = follow(of(), { ...prefixRange(prefix), startRevision: start });
    expect((await watch.next()).kind).toBe("created");
    const seen: Revision[] = [];
    while (seen.length < count * 2 - 1) {
      const response = await watch.next();
      if (response.kind !== "events") continue;
      const revisions = response.events.map((event) => event.kv.modRevision);
      expect(revisions[0]).not.toBe(seen.at(-1));
      seen.push(...revisions);
    }
    expect(seen).toEqual(Array.from({ length: count * 2 - 1 }, (_, at) => start + BigInt(Math.ceil(at / 2))));
    await watch.end();
  });

  test("filters leave out what is not wanted; a watch on a future revision waits for it", async () => {
    const prefix = freshPrefix();
    const revision = await write(of(), `${prefix}a`, "1");
    const range = prefixRange(prefix);
    const deletes = follow(of(), { ...range, startRevision: revision, filters: ["no-put"] });
    const later = follow(of(), { ...range, startRevision: revision + 2n });
    expect([(await deletes.next()).kind, (await later.next()).kind]).toEqual(["created", "created"]);
    await write(of(), `${prefix}a`, "2");
    await of().deleteRange(range);
    expect(summary(await deletes.events(1))).toEqual([`delete ${prefix}a=`]);
    expect(summary(await later.events(1))).toEqual([`delete ${prefix}a=`]);
    await deletes.end();
    await later.end();
  });

  test("answers to reads and watches say whose revisions they speak of, and always the same", async () => {
    const prefix = freshPrefix();
    const { header } = await of().range({ key: toBytes(prefix) });
    const watch = follow(of(), prefixRange(prefix));
    const created = await watch.next();
    await write(of(), `${prefix}a`);
    const told = await watch.next();
    await watch.end();
    expect(header.clusterId).toBeTypeOf("bigint");
    expect([created.header.clusterId, told.header.clusterId]).toEqual([header.clusterId, header.clusterId]);
  });

  test("one revision is one batch, however large it is with what was there before", async () => {
    const prefix = freshPrefix();
    const names = Array.from({ length: 100 }, (_, at) => `${prefix}${at}`);
    const writeAll = () =>
      of().txn({ compare: [], success: names.map((name) => put(name, "v".repeat(14_000))), failure: [] });
    await writeAll();
    const watch = follow(of(), { ...prefixRange(prefix), prevKv: true });
    await watch.next();
    const { header } = await writeAll();
    const told = await watch.next();
    await watch.end();
    const events = told.kind === "events" ? told.events : [];
    expect(events.map(({ kv, prevKv }) => [kv.modRevision, prevKv?.value.length])).toEqual(
      names.map(() => [header.revision, 14_000]),
    );
  });

  test("two watches of the same keys are told the same, whenever they were opened", async () => {
    const prefix = freshPrefix();
    const start = await write(of(), `${prefix}0`);
    const early = follow(of(), { ...prefixRange(prefix), startRevision: start });
    await early.next();
    for (let round = 1; round < 20; round += 1) await write(of(), `${prefix}${round % 3}`, String(round));
    const late = follow(of(), { ...prefixRange(prefix), startRevision: start });
    await late.next();
    expect(summary(await late.events(20))).toEqual(summary(await early.events(20)));
    await early.end();
    await late.end();
  });

  test("a call that was given up before it was made ends with its caller's reason and does nothing", async () => {
    const key = toBytes(`${freshPrefix()}a`);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(of().put({ key, value: toBytes("") }, { signal })).rejects.toThrow("enough");
    await expect(of().range({ key }, { signal })).rejects.toThrow("enough");
    expect((await of().range({ key })).kvs).toEqual([]);
    const watch = follow(of(), { key });
    await watch.end();
  });

  test("a watch ends quietly when its signal is aborted", async () => {
    const watch = follow(of(), prefixRange(freshPrefix()));
    expect((await watch.next()).kind).toBe("created");
    await expect(watch.end()).resolves.toBeUndefined();
  });
}

export function describeLeases(of: () => Store, leaseMinS: number): void {
  test("a lease has at least the shortest time, and an ID can be had once", async () => {
    const { id, ttlS } = await of().leaseGrant({ ttlS: 1 });
    expect(ttlS).toBe(leaseMinS);
    const exists = ["failed-precondition", "etcdserver: lease already exists"];
    expect(await refusalOf(of().leaseGrant({ ttlS: 60, id }))).toEqual(exists);
    const tooLong = ["out-of-range", "etcdserver: too large lease TTL"];
    expect(await refusalOf(of().leaseGrant({ ttlS: 9_000_000_001 }))).toEqual(tooLong);
    await of().leaseRevoke(id);
  });

  test("revoking a lease deletes its keys in one revision and spares those moved elsewhere", async () => {
    const prefix = freshPrefix();
    const { id } = await of().leaseGrant({ ttlS: 60 });
    for (const name of ["a", "b", "moved"]) {
      await of().put({ key: toBytes(`${prefix}${name}`), value: toBytes(""), lease: id });
    }
    const before = await write(of(), `${prefix}moved`, "free");
    const left = await of().leaseTimeToLive(id, true);
    expect(left.keys.map((key) => toText(key)).sort()).toEqual([`${prefix}a`, `${prefix}b`]);
    expect([left.grantedTtlS, left.ttlS > 50]).toEqual([60, true]);
    expect(await of().leaseList()).toContain(id);
    expect((await of().leaseRevoke(id)).revision).toBe(before + 1n);
    expect(texts((await of().range(prefixRange(prefix))).kvs)).toEqual([`${prefix}moved=free`]);
  });

  test("an ID of a lease keeps all of its 63 bits", async () => {
    const id = 2n ** 62n + 12_345_678_901n;
    const key = toBytes(`${freshPrefix()}leased`);
    expect((await of().leaseGrant({ ttlS: 60, id })).id).toBe(id);
    await of().put({ key, value: toBytes(""), lease: id });
    expect((await of().range({ key })).kvs[0]?.lease).toBe(id);
    expect([await of().leaseKeepAlive(id), (await of().leaseTimeToLive(id, true)).keys.length]).toEqual([
      60, 1,
    ]);
    await of().leaseRevoke(id);
    expect((await of().range({ key })).kvs).toEqual([]);
  });

  test("a lease that is gone is told apart from one that never was by nobody", async () => {
    const id = 123_456_789n;
    expect(await of().leaseKeepAlive(id)).toBe(0);
    expect((await of().leaseTimeToLive(id, false)).ttlS).toBe(-1);
    const notFound = ["not-found", "etcdserver: requested lease not found"];
    expect(await refusalOf(of().leaseRevoke(id))).toEqual(notFound);
  });

  test("a lease that is not renewed ends with its keys; one that is lives on", async () => {
    const prefix = freshPrefix();
    const [short, renewed] = await Promise.all([of().leaseGrant({ ttlS: 1 }), of().leaseGrant({ ttlS: 1 })]);
    await of().put({ key: toBytes(`${prefix}short`), value: toBytes(""), lease: short.id });
    await of().put({ key: toBytes(`${prefix}renewed`), value: toBytes(""), lease: renewed.id });
    const watch = follow(of(), prefixRange(prefix));
    await watch.next();
    const renewal = setInterval(() => void of().leaseKeepAlive(renewed.id), 250);
    expect(summary(await watch.events(1))).toEqual([`delete ${prefix}short=`]);
    clearInterval(renewal);
    expect(await of().leaseKeepAlive(renewed.id)).toBe(leaseMinS);
    await watch.end();
    await of().leaseRevoke(renewed.id);
  });
}
