import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { prefixRange, TO_THE_END, toBytes, toText } from "../keys.ts";
import { createMemoryStore } from "../memory.ts";
import {
  CompactedError,
  type Revision,
  type Store,
  StoreError,
  type WatchRequest,
  type WatchResponse,
} from "../store.ts";
import { SharedWatch } from "./shared-watch.ts";

let store: Store & { readonly revision: Revision };
let shared: SharedWatch;
/** What was asked of the store itself. */
let opened: WatchRequest[];
let cut: AbortController;
let stops: AbortController[];

beforeEach(() => {
  store = createMemoryStore({ clock: new VirtualClock(), random: seededRandom(1) });
  opened = [];
  stops = [];
  cut = new AbortController();
  shared = new SharedWatch(prefixRange("p/"), (request, signal) => open(request, signal));
});
afterEach(async () => {
  for (const stop of stops) stop.abort();
  await store.close();
});

async function* open(
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchResponse, void, undefined> {
  opened.push(request);
  const connection = cut.signal;
  yield* store.watch(request, { signal: AbortSignal.any([signal, connection]) });
  if (connection.aborted) throw new StoreError("unavailable", "cut");
}

async function put(key: string): Promise<Revision> {
  return (await store.put({ key: toBytes(key), value: toBytes("") })).header.revision;
}

/** Follows a part, and answers what it hears as texts. */
function follow(request: WatchRequest) {
  const stop = new AbortController();
  stops.push(stop);
  const watch = shared.watch(request, stop.signal);
  const next = async (): Promise<string> => {
    const step = await watch.next();
    return step.done === true ? "end" : textOf(step.value);
  };
  return { next, stop: () => stop.abort() };
}

function textOf(response: WatchResponse): string {
  if (response.kind !== "events") return `${response.kind} ${response.header.revision}`;
  return response.events.map(({ type, kv }) => `${type} ${toText(kv.key)}@${kv.modRevision}`).join(" ");
}

describe("a shared watch", () => {
  test("is opened once, and each follower hears of its own part and how far the store is", async () => {
    const [a, b] = [follow(prefixRange("p/a")), follow({ key: toBytes("p/b") })];
    expect([await a.next(), await b.next()]).toEqual(["created 1", "created 1"]);
    await put("p/a1");
    await put("p/b");
    expect([await a.next(), await a.next()]).toEqual(["put p/a1@2", "progress 3"]);
    expect([await b.next(), await b.next()]).toEqual(["progress 2", "put p/b@3"]);
    expect(opened.length).toBe(1);
  });

  test("tells one that joins later what it has missed since its listing", async () => {
    const first = follow({ ...prefixRange("p/"), startRevision: 2n });
    await first.next();
    const listed = await put("p/1");
    await put("p/2");
    await put("p/3");
    expect([await first.next(), await first.next(), await first.next()]).toEqual([
      "put p/1@2",
      "put p/2@3",
      "put p/3@4",
    ]);
    const late = follow({ ...prefixRange("p/"), startRevision: listed + 1n });
    expect([await late.next(), await late.next(), await late.next()]).toEqual([
      "created 4",
      "put p/2@3",
      "put p/3@4",
    ]);
    expect(opened.length).toBe(1);
  });

  test("begins where the listing of a follower was, though nothing under the prefix has changed for long", async () => {
    const first = follow(prefixRange("p/"));
    await first.next();
    await put("elsewhere");
    const late = follow({ ...prefixRange("p/"), startRevision: store.revision + 1n });
    expect(await late.next()).toBe(`created ${store.revision}`);
  });

  test("leaves the past that it does not remember to a watch of its own", async () => {
    const old = await put("p/old");
    const first = follow(prefixRange("p/"));
    await first.next();
    const late = follow({ ...prefixRange("p/"), startRevision: old });
    expect([await late.next(), await late.next()]).toEqual(["created 2", "put p/old@2"]);
    expect(opened.length).toBe(2);
  });

  test("ends for all with its connection, after all that had come", async () => {
    const [a, b] = [follow(prefixRange("p/")), follow(prefixRange("p/"))];
    expect([await a.next(), await b.next()]).toEqual(["created 1", "created 1"]);
    await put("p/1");
    expect(await a.next()).toBe("put p/1@2");
    cut.abort();
    await expect(a.next()).rejects.toThrow("cut");
    expect(await b.next()).toBe("put p/1@2");
    await expect(b.next()).rejects.toThrow("cut");
  });

  test("is closed with its last follower, and opened again by the next", async () => {
    const first = follow(prefixRange("p/"));
    await first.next();
    const ended = first.next();
    first.stop();
    expect(await ended).toBe("end");
    const next = follow(prefixRange("p/"));
    expect([await next.next(), opened.length]).toEqual(["created 1", 2]);
  });

  test("leaves out what a follower's filters leave out", async () => {
    const puts = follow({ ...prefixRange("p/"), filters: ["no-delete"] });
    await puts.next();
    await put("p/1");
    await store.deleteRange({ key: toBytes("p/1") });
    expect([await puts.next(), await puts.next()]).toEqual(["put p/1@2", "progress 3"]);
  });

  test("tells of a compaction only whoever wanted what was forgotten", async () => {
    for (const key of ["p/1", "p/2", "p/3"]) await put(key);
    await store.compact(4n);
    const [old, recent] = [
      follow({ ...prefixRange("p/"), startRevision: 2n }),
      follow({ ...prefixRange("p/"), startRevision: 5n }),
    ];
    await Promise.all([old.next(), recent.next()]);
    await expect(old.next()).rejects.toBeInstanceOf(CompactedError);
    await expect(recent.next()).rejects.toMatchObject({ status: "unavailable" });
  });

  test("sends away a follower that does not read, and no other", async () => {
    const [idle, busy] = [follow(prefixRange("p/")), follow(prefixRange("p/none"))];
    await Promise.all([idle.next(), busy.next()]);
    const many = Array.from({ length: 100 }, (_, at) => ({
      kind: "put" as const,
      request: { key: toBytes(`p/${at}`), value: toBytes("") },
    }));
    for (let round = 0; round < 101; round += 1) await store.txn({ compare: [], success: many, failure: [] });
    let heard = await busy.next();
    while (heard !== "progress 102" && heard !== "end") heard = await busy.next();
    expect(heard).toBe("progress 102");
    const drain = async (): Promise<void> => {
      while ((await idle.next()) !== "end");
    };
    await expect(drain()).rejects.toThrow("not read");
  });
});

test.each<[string, WatchRequest, boolean]>([
  ["the prefix", prefixRange("p/"), true],
  ["a part", prefixRange("p/a/"), true],
  ["one key of it", { key: toBytes("p/a") }, true],
  ["one key before it", { key: toBytes("a") }, false],
  ["one key after it", { key: toBytes("q") }, false],
  ["more than it", prefixRange("p"), false],
  ["everything after a key of it", { key: toBytes("p/a"), rangeEnd: TO_THE_END }, false],
  ["what was there before as well", { ...prefixRange("p/"), prevKv: true }, false],
])("whether %s is covered is told", (_, request, expected) => {
  expect(shared.covers(request)).toBe(expected);
});

test("whatever is written and cut, a follower that resumes hears of each change of its part once and in order", async () => {
  const step = fc.constantFrom("p/a/1", "p/a/2", "p/b/1", "q", "cut", "wait");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const stop = new AbortController();
      const parts = ["p/a/", "p/b/", "p/"].map((part) => ({
        part,
        heard: [] as string[],
        next: store.revision + 1n,
      }));
      const following = parts.map(async (follower) => {
        while (!stop.signal.aborted) {
          const request = { ...prefixRange(follower.part), startRevision: follower.next };
          try {
            for await (const response of shared.watch(request, stop.signal)) {
              if (response.kind === "events") {
                follower.heard.push(
                  ...response.events.map(({ kv }) => `${toText(kv.key)}@${kv.modRevision}`),
                );
              }
              const last = response.kind === "events" ? response.events.at(-1)?.kv.modRevision : undefined;
              if (response.kind !== "created") follower.next = (last ?? response.header.revision) + 1n;
            }
          } catch {
            await new Promise((resolve) => setImmediate(resolve));
          }
        }
      });
      const written: string[] = [];
      for (const what of steps) {
        if (what === "cut") {
          cut.abort();
          cut = new AbortController();
        } else if (what === "wait") await new Promise((resolve) => setImmediate(resolve));
        else written.push(`${what}@${await put(what)}`);
      }
      // A watch of its own hears nothing of others' ends, so each part has one.
      for (const { part } of parts) written.push(`${part}end@${await put(`${part}end`)}`);
      while (parts.some(({ part, heard }) => !heard.at(-1)?.startsWith(`${part}end`)))
        await new Promise((resolve) => setImmediate(resolve));
      stop.abort();
      await Promise.all(following);
      for (const { part, heard } of parts) {
        expect(heard).toEqual(written.filter((change) => change.startsWith(part)));
      }
    }),
    { numRuns: 60 },
  );
});
