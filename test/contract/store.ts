/**
 * What every store must do, checked on each implementation alike. Etcd's documented and measured behaviour is the
 * rule; where etcd itself runs the suite, the rule is checked too.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prefixRange, TO_THE_END, toBytes, toText } from "#store/keys.ts";
import { CompactedError, type RequestOp, type Store } from "#store/store.ts";
import { describeMany } from "./store-many.ts";
import type { OpenSubject, Subject } from "./store-subjects.ts";
import { del, follow, freshPrefix, get, put, refusalOf, summary, texts, write } from "./store-talk.ts";
import { describeLeases, describeWatches } from "./store-watches.ts";

export function describeStore(subject: Subject): void {
  describe(subject.name, () => {
    let opened: OpenSubject;
    let store: Store;
    beforeAll(async () => {
      opened = await subject.open();
      store = opened.store;
    });
    afterAll(() => opened.close());

    describeKeyValues(() => store);
    describeTransactions(() => store);
    describeCompaction(() => store);
    describeWatches(() => store);
    describeLeases(() => store, subject.leaseMinS);
    describeMany(() => store);
  });
}

function describeKeyValues(of: () => Store): void {
  test("each write raises the revision by one and the key's version", async () => {
    const key = `${freshPrefix()}key`;
    const first = await write(of(), key, "one");
    const second = await write(of(), key, "two");
    expect(second).toBe(first + 1n);
    const { kvs } = await of().range({ key: toBytes(key) });
    expect(texts(kvs)).toEqual([`${key}=two`]);
    const numbers = { createRevision: first, modRevision: second, version: 2n, lease: 0n };
    expect(kvs).toMatchObject([numbers]);
  });

  test("a range is half open, ordered by bytes, and read at any remembered revision", async () => {
    const prefix = freshPrefix();
    const revision = await write(of(), `${prefix}b`, "1");
    await write(of(), `${prefix}a`, "2");
    await write(of(), `${prefix}b`, "3");
    const range = prefixRange(prefix);
    expect(texts((await of().range(range)).kvs)).toEqual([`${prefix}a=2`, `${prefix}b=3`]);
    expect(texts((await of().range({ ...range, revision })).kvs)).toEqual([`${prefix}b=1`]);
    const half = { key: toBytes(`${prefix}a`), rangeEnd: toBytes(`${prefix}b`) };
    expect(texts((await of().range(half)).kvs)).toEqual([`${prefix}a=2`]);
  });

  test("limit, order, filters, keys only and count only", async () => {
    const prefix = freshPrefix();
    for (const [key, value] of ["c1", "a3", "b2"]) await write(of(), `${prefix}${key}`, value);
    await write(of(), `${prefix}a`, "4");
    const range = prefixRange(prefix);
    const limited = await of().range({ ...range, limit: 2 });
    expect([limited.more, limited.count, limited.kvs.length]).toEqual([true, 3, 2]);
    const sorted = await of().range({ ...range, sortOrder: "descend", sortTarget: "value", limit: 2 });
    expect(texts(sorted.kvs)).toEqual([`${prefix}a=4`, `${prefix}b=2`]);
    const newest = sorted.kvs[0]?.modRevision ?? 0n;
    const filtered = await of().range({ ...range, minModRevision: newest, keysOnly: true });
    expect([texts(filtered.kvs), filtered.count]).toEqual([[`${prefix}a=`], 3]);
    const counted = await of().range({ ...range, countOnly: true });
    expect([counted.kvs, counted.count, counted.more]).toEqual([[], 3, false]);
  });

  test("a single zero byte as end means every key from there on", async () => {
    const key = toBytes("\u007f-last");
    await of().put({ key, value: toBytes("x") });
    const { kvs } = await of().range({ key, rangeEnd: TO_THE_END });
    expect(texts(kvs)).toEqual(["\u007f-last=x"]);
    expect((await of().deleteRange({ key, rangeEnd: TO_THE_END })).deleted).toBe(1);
  });

  test("deleting nothing leaves the revision as it is; deleting many takes one", async () => {
    const prefix = freshPrefix();
    await write(of(), `${prefix}a`, "1");
    const revision = await write(of(), `${prefix}b`, "2");
    const nothing = await of().deleteRange({ key: toBytes(`${prefix}none`) });
    expect([nothing.deleted, nothing.header.revision]).toEqual([0, revision]);
    const both = await of().deleteRange({ ...prefixRange(prefix), prevKv: true });
    expect([both.deleted, both.header.revision]).toEqual([2, revision + 1n]);
    expect(texts(both.prevKvs)).toEqual([`${prefix}a=1`, `${prefix}b=2`]);
  });

  test("a put keeps the value or the lease when asked to, and answers with what it replaced", async () => {
    const key = toBytes(`${freshPrefix()}key`);
    const { id } = await of().leaseGrant({ ttlS: 60 });
    await of().put({ key, value: toBytes("kept"), lease: id });
    const replaced = await of().put({ key, value: toBytes("new"), ignoreLease: true, prevKv: true });
    expect(toText(replaced.prevKv?.value ?? new Uint8Array())).toBe("kept");
    await of().put({ key, value: new Uint8Array(), ignoreValue: true });
    const kv = (await of().range({ key })).kvs[0];
    expect([toText(kv?.value ?? new Uint8Array()), kv?.lease, kv?.version]).toEqual(["new", 0n, 3n]);
    await of().leaseRevoke(id);
  });

  test("bad requests are refused with etcd's status and text", async () => {
    const key = toBytes(`${freshPrefix()}key`);
    const value = toBytes("v");
    const future = { key, revision: 1_000_000_000n };
    const refused = [
      of().range({ key: new Uint8Array() }),
      of().put({ key: new Uint8Array(), value }),
      of().put({ key, value, ignoreValue: true }),
      of().put({ key, value: new Uint8Array(), ignoreValue: true }),
      of().put({ key, value, ignoreLease: true, lease: 1n }),
      of().put({ key, value, lease: 987_654_321n }),
      of().put({ key, value: new Uint8Array(1_600_000) }),
      of().range(future),
      of().compact(1_000_000_000n),
    ];
    expect(await Promise.all(refused.map(refusalOf))).toEqual([
      ["invalid-argument", "etcdserver: key is not provided"],
      ["invalid-argument", "etcdserver: key is not provided"],
      ["invalid-argument", "etcdserver: value is provided"],
      ["invalid-argument", "etcdserver: key not found"],
      ["invalid-argument", "etcdserver: lease is provided"],
      ["not-found", "etcdserver: requested lease not found"],
      ["invalid-argument", "etcdserver: request is too large"],
      ["out-of-range", "etcdserver: mvcc: required revision is a future revision"],
      ["out-of-range", "etcdserver: mvcc: required revision is a future revision"],
    ]);
  });
}

function describeTransactions(of: () => Store): void {
  test("all writes of a transaction share one revision, and its reads see its earlier writes", async () => {
    const prefix = freshPrefix();
    const before = await write(of(), `${prefix}a`, "1");
    const answer = await of().txn({
      compare: [{ key: toBytes(`${prefix}a`), target: "mod", result: "equal", value: before }],
      success: [put(`${prefix}b`, "2"), get(`${prefix}b`), put(`${prefix}c`, "3")],
      failure: [],
    });
    expect([answer.succeeded, answer.header.revision]).toEqual([true, before + 1n]);
    const read = answer.responses[1];
    expect(read?.kind === "range" && texts(read.response.kvs)).toEqual([`${prefix}b=2`]);
    const { kvs } = await of().range(prefixRange(prefix));
    expect(kvs.map((kv) => kv.modRevision)).toEqual([before, before + 1n, before + 1n]);
  });

  test("a failed guard runs the other branch; a transaction without changes takes no revision", async () => {
    const key = `${freshPrefix()}key`;
    const before = await write(of(), key, "1");
    const answer = await of().txn({
      compare: [{ key: toBytes(key), target: "version", result: "greater", value: 1n }],
      success: [put(key, "2")],
      failure: [get(key), del(`${key}/none`)],
    });
    expect([answer.succeeded, answer.header.revision]).toEqual([false, before]);
    expect(answer.responses.map((response) => response.kind)).toEqual(["range", "delete-range"]);
  });

  test("a missing key counts as 0, and no guard on its value holds", async () => {
    const key = toBytes(`${freshPrefix()}none`);
    const holds = async (guard: Parameters<Store["txn"]>[0]["compare"][number]): Promise<boolean> =>
      (await of().txn({ compare: [guard], success: [], failure: [] })).succeeded;
    expect(await holds({ key, target: "create", result: "equal", value: 0n })).toBe(true);
    expect(await holds({ key, target: "lease", result: "less", value: 1n })).toBe(true);
    expect(await holds({ key, target: "value", result: "not-equal", value: toBytes("x") })).toBe(false);
  });

  test("a guard on a range holds when it does for all its keys", async () => {
    const prefix = freshPrefix();
    await write(of(), `${prefix}a`, "1");
    await write(of(), `${prefix}b`, "2");
    const guard = { ...prefixRange(prefix), target: "value", value: toBytes("2") } as const;
    const less = await of().txn({ compare: [{ ...guard, result: "less" }], success: [], failure: [] });
    const upTo = { ...guard, value: toBytes("3"), result: "less" } as const;
    const all = await of().txn({ compare: [upTo], success: [], failure: [] });
    expect([less.succeeded, all.succeeded]).toEqual([false, true]);
  });

  test("guards of nested transactions are judged before anything has run", async () => {
    const prefix = freshPrefix();
    const nested: RequestOp = {
      kind: "txn",
      request: {
        compare: [{ key: toBytes(`${prefix}a`), target: "version", result: "equal", value: 0n }],
        success: [put(`${prefix}b`, "was missing")],
        failure: [put(`${prefix}b`, "was there")],
      },
    };
    const answer = await of().txn({ compare: [], success: [put(`${prefix}a`), nested], failure: [] });
    const inner = answer.responses[1];
    expect(inner?.kind === "txn" && [inner.response.succeeded, inner.response.header.revision]).toEqual([
      true,
      0n,
    ]);
    expect(texts((await of().range({ key: toBytes(`${prefix}b`) })).kvs)).toEqual([`${prefix}b=was missing`]);
  });

  test("a transaction that could write a key twice, or has too many operations, is refused whole", async () => {
    const prefix = freshPrefix();
    const nest = (success: RequestOp[], failure: RequestOp[]): RequestOp => ({
      kind: "txn",
      request: { compare: [], success, failure },
    });
    const attempt = (success: RequestOp[]) => of().txn({ compare: [], success, failure: [] });
    const many = Array.from({ length: 129 }, (_, at) => put(`${prefix}${at}`));
    const refused = [
      attempt([put(`${prefix}a`), put(`${prefix}a`)]),
      attempt([put(`${prefix}a`), del(prefix)]),
      attempt([put(`${prefix}a`), nest([put(`${prefix}a`)], [])]),
      attempt(many),
      attempt([nest(many.slice(1), [])]),
      attempt([
        put(`${prefix}a`),
        { kind: "put", request: { key: toBytes(`${prefix}b`), value: toBytes(""), lease: 99n } },
      ]),
    ];
    const duplicate = ["invalid-argument", "etcdserver: duplicate key given in txn request"];
    const tooMany = ["invalid-argument", "etcdserver: too many operations in txn request"];
    const noLease = ["not-found", "etcdserver: requested lease not found"];
    const expected = [duplicate, duplicate, duplicate, tooMany, tooMany, noLease];
    expect(await Promise.all(refused.map(refusalOf))).toEqual(expected);
    expect((await of().range({ ...prefixRange(prefix), countOnly: true })).count).toBe(0);
    // Only one branch of a nested transaction runs, so both may write the same key.
    await attempt([nest([put(`${prefix}a`)], [put(`${prefix}a`)])]);
  });
}

function describeCompaction(of: () => Store): void {
  test("compaction closes what is older, keeps the newest of each key, and is refused twice", async () => {
    const prefix = freshPrefix();
    await write(of(), `${prefix}kept`, "1");
    const old = await write(of(), `${prefix}changed`, "1");
    const revision = await write(of(), `${prefix}changed`, "2");
    await of().compact(revision);
    const compacted = ["out-of-range", "etcdserver: mvcc: required revision has been compacted"];
    expect(await refusalOf(of().range({ ...prefixRange(prefix), revision: old }))).toEqual(compacted);
    expect(await refusalOf(of().compact(revision))).toEqual(compacted);
    const at = await of().range({ ...prefixRange(prefix), revision });
    expect(texts(at.kvs)).toEqual([`${prefix}changed=2`, `${prefix}kept=1`]);
  });

  test("a watch from before the compaction is told from where it can go on", async () => {
    const key = `${freshPrefix()}key`;
    const old = await write(of(), key, "1");
    const revision = await write(of(), key, "2");
    await of().compact(revision);
    const watch = follow(of(), { key: toBytes(key), startRevision: old });
    expect((await watch.next()).kind).toBe("created");
    const error = await watch.next().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error instanceof CompactedError && error.compactRevision).toBe(revision);
    const resumed = follow(of(), { key: toBytes(key), startRevision: revision });
    expect(summary(await resumed.events(1))).toEqual([`put ${key}=2`]);
    await resumed.end();
  });
}
