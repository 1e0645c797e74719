import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { prefixRange, toBytes, toText } from "../keys.ts";
import { CompactedError, type Store, type StoreEvent, type WatchRequest } from "../store.ts";
import type { Group } from "./change.ts";
import type { Journal } from "./journal.ts";
import { MvccStore, type MvccStoreOptions } from "./mvcc-store.ts";
import { RecordBytes, VersionRecord } from "./record.ts";

/** A journal in memory that fails when told to, and may take its time. */
class TestJournal implements Journal {
  readonly groups: Group[] = [];
  readonly syncs = { count: 0, seconds: 0 };
  sizeBytes = 0;
  sizeInUseBytes = 0;
  forgottenBytes = 0;
  failure: Error | undefined;
  /** What each group waits for. */
  disk: Promise<void> = Promise.resolve();

  isDue = false;
  preparations = 0;

  async prepare(): Promise<void> {
    this.preparations += 1;
    this.isDue = false;
  }

  async append(group: Group): Promise<void> {
    await this.disk;
    if (this.failure !== undefined) throw this.failure;
    this.groups.push({ ...group, changes: [...group.changes] });
  }

  seal(): void {}

  forgot(_revision: number, bytes: number): void {
    this.forgottenBytes += bytes;
  }

  async tidy(): Promise<void> {}
  async close(): Promise<void> {}
}

/** The keys that a group writes. */
function keysOf(group: Group | undefined): string[] {
  const keys: string[] = [];
  for (const buffer of group?.versions ?? []) {
    const bytes = new RecordBytes(buffer);
    for (let at = 0; at < buffer.length; ) {
      const record = new VersionRecord(bytes, at);
      keys.push(record.key);
      at += record.length;
    }
  }
  return keys;
}

function open(options: Partial<MvccStoreOptions> = {}) {
  const clock = new VirtualClock();
  const journal = new TestJournal();
  const store = new MvccStore({ clock, random: seededRandom(1), journal, ...options });
  return { clock, journal, store };
}

/** A store whose groups are carried out by hand. */
function openByHand() {
  const due: (() => void)[] = [];
  const opened = open({ gather: () => new Promise<void>((resolve) => void due.push(resolve)) });
  return { ...opened, due, flush: () => due.shift()?.() };
}

const put = (store: Store, key: string, value = "") =>
  store.put({ key: toBytes(key), value: toBytes(value) });
const read = async (store: Store): Promise<string[]> =>
  (await store.range(prefixRange(""))).kvs.map((kv) => `${toText(kv.key)}=${toText(kv.value)}`);

/** Runs the clock up to a moment, letting whatever a timer has caused happen before the next one fires. */
async function advanceTo(clock: VirtualClock, monotonicMs: number): Promise<void> {
  while (clock.fireNext(monotonicMs)) await settle();
  clock.skipTo(monotonicMs);
}

async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await Promise.resolve();
}

describe("a group of writes", () => {
  test("is one entry of the journal, and nobody sees any of it before", async () => {
    const { store, journal, flush, due } = openByHand();
    const writes = [put(store, "a", "1"), put(store, "b", "2"), put(store, "a", "3")];
    await settle();
    expect([await read(store), journal.groups.length, due.length]).toEqual([[], 0, 1]);
    flush();
    const revisions = (await Promise.all(writes)).map((answer) => answer.header.revision);
    expect([revisions, await read(store)]).toEqual([
      [2n, 3n, 4n],
      ["a=3", "b=2"],
    ]);
    expect(journal.groups.map(keysOf)).toEqual([["a", "b", "a"]]);
  });

  test("that the journal refuses fails whole and leaves no trace, and the next one goes on", async () => {
    const { store, journal, flush } = openByHand();
    journal.failure = new Error("disk");
    const outcomes = Promise.allSettled([
      put(store, "a"),
      put(store, "b"),
      store.leaseGrant({ ttlS: 5, id: 9n }),
    ]);
    await settle();
    flush();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    const leases = store.leaseList();
    await settle();
    flush();
    expect([store.revision, await read(store), await leases]).toEqual([1n, [], []]);
    journal.failure = undefined;
    const written = put(store, "a");
    await settle();
    flush();
    expect((await written).header.revision).toBe(2n);
  });

  test("is read by nobody while the disk works on it, and the next one gathers meanwhile", async () => {
    const { store, journal } = open();
    const disk = Promise.withResolvers<void>();
    journal.disk = disk.promise;
    const granted = store.leaseGrant({ ttlS: 60, id: 7n });
    await settle();
    const writes = [put(store, "a"), put(store, "b"), put(store, "a")];
    const leases = store.leaseList();
    await settle();
    expect([await read(store), store.revision, journal.groups.length]).toEqual([[], 1n, 0]);
    disk.resolve();
    expect((await granted).id).toBe(7n);
    await Promise.all(writes);
    expect([await leases, await read(store)]).toEqual([[7n], ["a=", "b="]]);
    expect(journal.groups.map(keysOf)).toEqual([[], ["a", "b", "a"]]);
  });

  test("that is refused takes the one behind it along, which had been carried out on top of it", async () => {
    const { store, journal } = open();
    const disk = Promise.withResolvers<void>();
    journal.disk = disk.promise;
    const first = put(store, "a", "1");
    await settle();
    const outcomes = Promise.allSettled([first, put(store, "a", "2"), put(store, "b")]);
    await settle();
    journal.failure = new Error("disk");
    disk.resolve();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect([await read(store), store.revision]).toEqual([[], 1n]);
    journal.failure = undefined;
    await put(store, "c");
    expect([await read(store), journal.groups.map(keysOf)]).toEqual([["c="], [["c"]]]);
  });

  test("is not carried out before the journal is prepared, when that is due", async () => {
    const { store, journal } = open();
    const disk = Promise.withResolvers<void>();
    journal.disk = disk.promise;
    const first = put(store, "a");
    await settle();
    journal.isDue = true;
    const second = put(store, "b");
    await settle();
    expect(journal.preparations).toBe(1);
    disk.resolve();
    await Promise.all([first, second]);
    expect([journal.preparations, journal.groups.map(keysOf)]).toEqual([2, [["a"], ["b"]]]);
  });

  test("has no more writes than it may, however many come while the disk is busy", async () => {
    const { store, journal } = open();
    const disk = Promise.withResolvers<void>();
    journal.disk = disk.promise;
    const writes = Array.from({ length: 1_200 }, (_, at) => put(store, `key${at}`));
    await settle();
    disk.resolve();
    await Promise.all(writes);
    expect(Math.max(...journal.groups.map((group) => keysOf(group).length))).toBe(512);
    expect(journal.groups.flatMap(keysOf)).toEqual(writes.map((_, at) => `key${at}`));
  });

  test("goes on without those of its writes that are refused", async () => {
    const { store, flush } = openByHand();
    const refused = store.leaseRevoke(5n);
    const written = put(store, "a");
    await settle();
    flush();
    await expect(refused).rejects.toThrow("lease not found");
    expect((await written).header.revision).toBe(2n);
  });

  test("that changes nothing costs no entry", async () => {
    const { store, journal } = open();
    await store.deleteRange({ key: toBytes("none") });
    await store.leaseKeepAlive(5n);
    expect(journal.groups).toEqual([]);
  });

  test("is carried out on closing, and nothing is taken afterwards", async () => {
    const { store, journal, flush } = openByHand();
    const written = put(store, "a");
    await settle();
    const closed = store.close();
    flush();
    await closed;
    await expect(written).resolves.toMatchObject({ header: { revision: 2n } });
    expect(journal.groups.length).toBe(1);
    await expect(put(store, "b")).rejects.toMatchObject({ status: "unavailable" });
  });
});

describe("leases", () => {
  test("end on time, with all their keys in one revision", async () => {
    const { store, clock } = open();
    const { id } = await store.leaseGrant({ ttlS: 5 });
    for (const key of ["a", "b"]) await store.put({ key: toBytes(key), value: toBytes(""), lease: id });
    await advanceTo(clock, 4_999);
    expect((await read(store)).length).toBe(2);
    await advanceTo(clock, 5_000);
    expect([await read(store), store.revision, await store.leaseList()]).toEqual([[], 4n, []]);
  });

  test("live on while they are renewed, without any write", async () => {
    const { store, clock, journal } = open();
    const { id } = await store.leaseGrant({ ttlS: 5 });
    for (let atMs = 2_000; atMs <= 60_000; atMs += 2_000) {
      await advanceTo(clock, atMs);
      expect(await store.leaseKeepAlive(id)).toBe(5);
    }
    expect(journal.groups.length).toBe(1);
    await advanceTo(clock, 65_000);
    expect(await store.leaseList()).toEqual([]);
  });

  test("whose end cannot be stored end as soon as it can", async () => {
    const { store, clock, journal } = open();
    await store.leaseGrant({ ttlS: 5 });
    journal.failure = new Error("disk");
    await advanceTo(clock, 8_500);
    expect((await store.leaseList()).length).toBe(1);
    journal.failure = undefined;
    await advanceTo(clock, 10_000);
    expect(await store.leaseList()).toEqual([]);
  });

  test("get their full time again when the process stood still", async () => {
    const { store, clock } = open();
    const { id } = await store.leaseGrant({ ttlS: 5 });
    clock.skipTo(60_000);
    await advanceTo(clock, 60_001);
    expect((await store.leaseTimeToLive(id, false)).ttlS).toBe(4);
    await advanceTo(clock, 65_001);
    expect(await store.leaseList()).toEqual([]);
  });
});

describe("watches", () => {
  /** Collects until the signal ends it; `take` says how much was asked for so far. */
  function follow(store: Store, request: WatchRequest) {
    const stop = new AbortController();
    const watch = store.watch(request, { signal: stop.signal })[Symbol.asyncIterator]();
    const events = async (): Promise<readonly StoreEvent[]> => {
      const step = await watch.next();
      return step.done !== true && step.value.kind === "events" ? step.value.events : [];
    };
    return { events, watch, stop };
  }

  test("of a slow reader hold nothing: it catches up in batches of bounded size", async () => {
    const { store } = open();
    const { events } = follow(store, prefixRange("a/"));
    expect(await events()).toEqual([]);
    for (let count = 0; count < 2_500; count += 1) await put(store, `a/${count}`);
    const batches = [await events(), await events(), await events()];
    expect(batches.map((batch) => batch.length)).toEqual([1_000, 1_000, 500]);
  });

  test("of a reader that compaction has overtaken are told so", async () => {
    const { store } = open();
    const { events } = follow(store, prefixRange("a/"));
    await events();
    for (let count = 0; count < 10; count += 1) await put(store, `a/${count}`);
    await store.compact(8n);
    await expect(events()).rejects.toBeInstanceOf(CompactedError);
  });

  test("tell of progress after ten idle minutes when asked to", async () => {
    const { store, clock } = open();
    const { watch, events } = follow(store, { ...prefixRange("a/"), progressNotify: true });
    await events();
    const next = watch.next();
    await put(store, "elsewhere");
    await advanceTo(clock, 600_000);
    expect(await next).toMatchObject({ value: { kind: "progress", header: { revision: 2n } } });
  });

  test("end with an error when the store closes, and without one when aborted", async () => {
    const { store } = open();
    const [first, second] = [follow(store, prefixRange("a/")), follow(store, prefixRange("a/"))];
    await Promise.all([first.events(), second.events()]);
    const ended = first.watch.next();
    first.stop.abort();
    expect((await ended).done).toBe(true);
    const failed = second.watch.next();
    await store.close();
    await expect(failed).rejects.toMatchObject({ status: "unavailable" });
  });
});

describe("retention", () => {
  test("forgets what is older than its period, once, and then rests", async () => {
    const { store, clock, journal } = open();
    await put(store, "a", "1");
    await put(store, "a", "2");
    await advanceTo(clock, 299_999);
    expect((await store.range({ key: toBytes("a"), revision: 2n })).count).toBe(1);
    await put(store, "a", "3");
    await advanceTo(clock, 700_000);
    await expect(store.range({ key: toBytes("a"), revision: 3n })).rejects.toThrow("compacted");
    expect([await read(store), clock.nextDueMs()]).toEqual([["a=3"], undefined]);
    const changes = journal.groups.flatMap((group) => group.changes);
    const compactions = changes.filter(({ kind }) => kind === "compact");
    expect(compactions.length).toBeLessThanOrEqual(2);
  });

  test("bounds the number of revisions under load", async () => {
    const { store } = open({ retention: { periodMs: 300_000, revisionsMax: 100 } });
    for (let count = 0; count < 1_000; count += 1) await put(store, "a", String(count));
    await expect(store.range({ key: toBytes("a"), revision: store.revision - 250n })).rejects.toThrow(
      "compacted",
    );
    const kept = await store.range({ key: toBytes("a"), revision: store.revision - 99n });
    expect(kept.count).toBe(1);
  });
});
