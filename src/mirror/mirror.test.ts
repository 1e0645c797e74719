import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { FaultyStore } from "./faulty-store.ts";
import { type MirrorBatch, startMirror } from "./mirror.ts";

function follow(prefix: string, excluded: readonly string[] = []) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const store = createMemoryStore({ clock, random });
  /** A store of the same kind that knows nothing of the first. */
  const another = () => createMemoryStore({ clock, random });
  const faults = new FaultyStore(store);
  const batches: MirrorBatch[] = [];
  const connections: boolean[] = [];
  const mirror = startMirror({
    ...{ store: faults.store, prefix, excluded, clock, random },
    onBatch: (batch) => batches.push(batch),
    onConnected: (connected) => connections.push(connected),
  });
  const put = (key: string, value = "") => store.put({ key: toBytes(key), value: toBytes(value) });
  return { clock, store, another, faults, mirror, batches, connections, put };
}

async function settle(): Promise<void> {
  for (let round = 0; round < 60; round += 1) await Promise.resolve();
}

async function advance(clock: VirtualClock, byMs: number): Promise<void> {
  const untilMs = clock.monotonic() + byMs;
  await settle();
  while (clock.fireNext(untilMs)) await settle();
  clock.skipTo(untilMs);
}

function reported(batches: readonly MirrorBatch[]): string[][] {
  return batches.map((batch) =>
    batch.changes.map(({ key, value }) => `${key}${value === undefined ? " gone" : `=${toText(value)}`}`),
  );
}

describe("a mirror", () => {
  test("lists what is there and then reports each change once", async () => {
    const { mirror, batches, put, store } = follow("a/");
    await mirror.ready();
    await put("a/1", "one");
    const { header } = await put("a/2", "two");
    await mirror.reached(header.revision);
    const deleted = await store.deleteRange(prefixRange("a/"));
    await mirror.reached(deleted.header.revision);
    expect(reported(batches).flat()).toEqual(["a/1=one", "a/2=two", "a/1 gone", "a/2 gone"]);
    expect([batches[0]?.listed, batches.at(-1)?.listed]).toEqual([true, false]);
    expect(batches.at(-1)?.revision).toBe(deleted.header.revision);
    await mirror.stop();
  });

  test("lists more keys than fit a page, and without those excluded", async () => {
    const { mirror, batches, store, clock, faults } = follow("a/", ["a/skip/", "a/b/"]);
    faults.rangesFail = true;
    for (let at = 0; at < 1_200; at += 1) {
      await store.put({ key: toBytes(`a/${at % 3 === 0 ? "skip" : "keep"}/${at}`), value: toBytes("") });
    }
    faults.rangesFail = false;
    await advance(clock, 10_000);
    await mirror.ready();
    expect(batches[0]?.changes.length).toBe(800);
    expect(batches[0]?.changes.filter(({ key }) => !key.startsWith("a/keep/"))).toEqual([]);
    await mirror.stop();
  });

  test("passes over changes of excluded keys but counts their revisions", async () => {
    const { mirror, batches, put } = follow("a/", ["a/skip/"]);
    await mirror.ready();
    const { header } = await put("a/skip/1");
    await mirror.reached(header.revision);
    expect([reported(batches), mirror.modRevision("a/skip/1")]).toEqual([[[]], undefined]);
    await mirror.stop();
  });

  test("knows the revision of each key's last change", async () => {
    const { mirror, put, store } = follow("a/");
    await mirror.ready();
    const { header } = await put("a/1");
    await mirror.reached(header.revision);
    expect(mirror.modRevision("a/1")).toBe(header.revision);
    const deleted = await store.deleteRange(prefixRange("a/"));
    await mirror.reached(deleted.header.revision);
    expect(mirror.modRevision("a/1")).toBeUndefined();
    await mirror.stop();
  });
});

describe("waiting for a revision", () => {
  test("that changed nothing under the prefix ends after asking the store", async () => {
    const { clock, mirror, put, batches } = follow("a/");
    await mirror.ready();
    const { header } = await put("b/1", "elsewhere");
    const reached = mirror.reached(header.revision);
    await advance(clock, 200);
    await reached;
    expect([mirror.revision, batches.length]).toEqual([header.revision, 1]);
    await mirror.stop();
  });

  test("ends with the caller's reason when aborted, and with the mirror", async () => {
    const { mirror } = follow("a/");
    await mirror.ready();
    const caller = new AbortController();
    const aborted = mirror.reached(1_000n, caller.signal);
    const stopped = mirror.reached(1_000n);
    caller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await Promise.all([expect(stopped).rejects.toThrow("stopped"), mirror.stop()]);
  });
});

describe("a lost store", () => {
  test("is told of, and what was missed is reported as if nothing had been", async () => {
    const { clock, mirror, batches, connections, put, faults } = follow("a/");
    await mirror.ready();
    await put("a/1", "before");
    await settle();
    faults.cut();
    await settle();
    expect(mirror.connected).toBe(false);
    await put("a/2", "away");
    await advance(clock, 5_000);
    expect(connections).toEqual([true, false, true]);
    expect(reported(batches)).toEqual([[], ["a/1=before"], ["a/2=away"]]);
    await mirror.stop();
  });

  test("whose past was compacted meanwhile is listed again, and only differences are reported", async () => {
    const { clock, mirror, batches, put, store, faults } = follow("a/");
    await mirror.ready();
    for (const key of ["a/1", "a/2", "a/3"]) await put(key, "old");
    await settle();
    faults.cut();
    await settle();
    await put("a/2", "new");
    await store.deleteRange({ key: toBytes("a/1") });
    await store.compact(store.revision);
    await advance(clock, 10_000);
    expect(reported(batches).at(-1)).toEqual(["a/2=new", "a/1 gone"]);
    expect(batches.at(-1)?.listed).toBe(true);
    await mirror.stop();
  });

  test("that says nothing any more is noticed within a minute of missing a change", async () => {
    const { clock, mirror, batches, put, faults } = follow("a/");
    await mirror.ready();
    faults.watchesAreSilent = true;
    await put("a/1", "unheard");
    await advance(clock, 20_000);
    expect(reported(batches)).toEqual([[]]);
    faults.watchesAreSilent = false;
    // The stream that was silent when the change came has swallowed it for good.
    await advance(clock, 40_000);
    expect(reported(batches)).toEqual([[], ["a/1=unheard"]]);
    await mirror.stop();
  });

  test("that is idle costs one question in half a minute and no new stream", async () => {
    const { clock, mirror, batches, faults, connections } = follow("a/");
    await mirror.ready();
    await advance(clock, 600_000);
    expect([faults.watches, batches.length, connections]).toEqual([1, 1, [true]]);
    await mirror.stop();
  });

  test("counts the store's keys once after changes, and while nothing changes asks for its revision alone", async () => {
    const { clock, mirror, put, faults } = follow("a/");
    await mirror.ready();
    const counts = () => faults.ranges.splice(0).map(({ rangeEnd }) => rangeEnd !== undefined);
    counts();
    await advance(clock, 100_000);
    expect(counts()).toEqual([false, false, false]);
    await put("a/1");
    await advance(clock, 100_000);
    expect(counts()).toEqual([true, false, false]);
    await put("elsewhere");
    await advance(clock, 100_000);
    expect(counts()).toEqual([false, true, false, false]);
    await mirror.stop();
  });

  test("finds a change that its watch has lost, though it was at rest before", async () => {
    const { clock, mirror, batches, put, faults } = follow("a/");
    await mirror.ready();
    await advance(clock, 100_000);
    faults.swallow = "a/1";
    await put("a/1", "unheard");
    await put("a/2", "heard");
    await settle();
    faults.swallow = undefined;
    await advance(clock, 40_000);
    expect(reported(batches)).toEqual([[], ["a/2=heard"], ["a/1=unheard"]]);
    await mirror.stop();
  });

  test("leaves no timer behind once the mirror is stopped", async () => {
    const { clock, mirror, faults } = follow("a/");
    await mirror.ready();
    faults.rangesFail = true;
    faults.cut();
    await advance(clock, 3_000);
    await mirror.stop();
    await settle();
    expect(clock.nextDueMs()).toBeUndefined();
  });
});

describe("another store behind the same connection", () => {
  test("is listed again though its revision is higher, and what it does not have is reported as gone", async () => {
    const { clock, mirror, batches, put, another, faults } = follow("a/");
    await mirror.ready();
    await put("a/1", "old");
    await put("a/2", "old");
    await settle();
    const other = another();
    for (const value of ["1", "2", "3", "4", "new"]) {
      await other.put({ key: toBytes("a/2"), value: toBytes(value) });
    }
    faults.replaceBy(other);
    await advance(clock, 5_000);
    expect(reported(batches).at(-1)).toEqual(["a/2=new", "a/1 gone"]);
    expect([batches.at(-1)?.listed, mirror.revision]).toEqual([true, other.revision]);
    await mirror.stop();
  });

  test("reports a key anew whose revision happens to be the same", async () => {
    const { clock, mirror, batches, put, another, faults } = follow("a/");
    await mirror.ready();
    await put("a/1", "old");
    await settle();
    const other = another();
    await other.put({ key: toBytes("a/1"), value: toBytes("new") });
    faults.replaceBy(other);
    await advance(clock, 5_000);
    expect(reported(batches).at(-1)).toEqual(["a/1=new"]);
    await mirror.stop();
  });

  test("is told to whoever waits for a revision of the first; who waits for the listing goes on waiting", async () => {
    const { clock, mirror, put, another, faults } = follow("a/");
    await mirror.ready();
    const { header } = await put("a/1");
    await settle();
    const waiting = mirror.reached(header.revision + 100n);
    waiting.catch(() => undefined);
    faults.replaceBy(another());
    await advance(clock, 5_000);
    await expect(waiting).rejects.toMatchObject({ status: "unavailable" });
    expect(mirror.connected).toBe(true);
    await mirror.stop();
  });

  test("is noticed by a check even when the stream stays open", async () => {
    const { clock, mirror, batches, put, another, faults } = follow("a/");
    await mirror.ready();
    await put("a/1", "old");
    await settle();
    faults.replaceBy(another(), { keepStreams: true });
    await advance(clock, 40_000);
    expect(reported(batches).at(-1)).toEqual(["a/1 gone"]);
    await mirror.stop();
  });
});

describe("a faulty watch", () => {
  test("of a member that has fallen behind is checked by listing, and nothing is reported twice", async () => {
    const { clock, mirror, batches, put, faults } = follow("a/");
    await mirror.ready();
    await put("a/1", "one");
    await settle();
    faults.createdRevision = 1n;
    faults.cut();
    await advance(clock, 3_000);
    faults.createdRevision = undefined;
    await advance(clock, 3_000);
    expect([mirror.connected, reported(batches).flat()]).toEqual([true, ["a/1=one"]]);
    await mirror.stop();
  });

  test.each(["put", "delete"])("that tells of a %s behind a later change is not believed", async (change) => {
    const { clock, mirror, batches, put, store, faults } = follow("a/");
    await mirror.ready();
    await put("a/late", "first");
    await settle();
    faults.delay = "a/late";
    if (change === "put") await put("a/late", "second");
    else await store.deleteRange({ key: toBytes("a/late") });
    const { header } = await put("a/next");
    await advance(clock, 1_000);
    await mirror.reached(header.revision);
    const late = change === "put" ? "a/late=second" : "a/late gone";
    expect(reported(batches).flat().sort()).toEqual(["a/late=first", late, "a/next="].sort());
    expect(reported(batches).flat()[0]).toBe("a/late=first");
    expect(faults.watches).toBe(2);
    await mirror.stop();
  });

  test("that loses one change among others is found out by comparing everything", async () => {
    const { clock, mirror, batches, put, faults } = follow("a/");
    await mirror.ready();
    await put("a/lost", "first");
    await settle();
    faults.swallow = "a/lost";
    await put("a/lost", "second");
    await settle();
    faults.swallow = undefined;
    await put("a/heard");
    await advance(clock, 100_000);
    expect(reported(batches).flat()).toEqual(["a/lost=first", "a/heard="]);
    await advance(clock, 900_000);
    expect(reported(batches).flat()).toEqual(["a/lost=first", "a/heard=", "a/lost=second"]);
    await mirror.stop();
  });

  test("is not suspected because the store has compacted the past that would prove it right", async () => {
    const { clock, mirror, put, store, faults } = follow("a/");
    await mirror.ready();
    await put("a/1");
    await settle();
    await put("b");
    await store.compact(store.revision);
    await advance(clock, 1_000_000);
    expect([faults.watches, mirror.connected]).toEqual([1, true]);
    await mirror.stop();
  });
});

test("whatever happens to store and connection, each change is reported once and the end is the store's", async () => {
  const step = fc.constantFrom("put", "put", "delete", "elsewhere", "compact", "cut", "wait");
  const steps = fc.array(fc.tuple(step, fc.integer({ min: 0, max: 4 })), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const { clock, mirror, batches, put, store, faults } = follow("a/");
      await mirror.ready();
      for (const [kind, which] of script) {
        if (kind === "put") await put(`a/${which}`, String(store.revision));
        else if (kind === "delete") await store.deleteRange({ key: toBytes(`a/${which}`) });
        else if (kind === "elsewhere") await put("b");
        else if (kind === "compact") await store.compact(store.revision).catch(() => undefined);
        else if (kind === "cut") faults.cut();
        else await advance(clock, which * 1_000);
      }
      await advance(clock, 60_000);
      const content = new Map<string, string>();
      const seen = new Map<string, bigint>();
      for (const { key, value, modRevision } of batches.flatMap((batch) => batch.changes)) {
        expect(modRevision).toBeGreaterThan(seen.get(key) ?? 0n);
        seen.set(key, modRevision);
        if (value === undefined) content.delete(key);
        else content.set(key, toText(value));
      }
      const { kvs } = await store.range(prefixRange("a/"));
      const expected = kvs.map((kv) => [toText(kv.key), toText(kv.value)] as const);
      expect([...content].sort()).toEqual(expected);
      await mirror.stop();
    }),
    { numRuns: 60 },
  );
});
