import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { prefixRange, toBytes, toText } from "../keys.ts";
import type { LocalStore, SnapshotItem } from "../local-store.ts";
import { createMemoryStore } from "../memory.ts";
import { CompactedError, type KeyValue } from "../store.ts";
import { ownEntriesOf } from "./database-file.ts";
import { type CopiedStore, EtcdCopy } from "./etcd-copy.ts";
import { readEtcdSnapshot } from "./etcd-snapshot.ts";

type Step = (store: LocalStore) => Promise<unknown>;

let directory: string;
let store: LocalStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-copy-"));
  store = createMemoryStore({ clock: systemClock, random: seededRandom(1) });
});
afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

/** The store, which goes through these steps while its keys are copied. */
function changing(steps: readonly Step[]): CopiedStore {
  let isBefore = true;
  return {
    get revision() {
      return store.revision;
    },
    watch: (request, options) => store.watch(request, options),
    async *snapshot() {
      for await (const piece of store.snapshot()) {
        yield piece;
        if (isBefore) for (const step of steps) await step(store);
        isBefore = false;
      }
    },
  };
}

async function copy(source: CopiedStore, behind: readonly Step[] = []): Promise<string> {
  const path = join(directory, "db");
  const copying = await EtcdCopy.begin(source, path);
  try {
    for (const step of behind) await step(store);
    // From here on the store stays as it is.
    expect(await copying.finish([])).toBe(store.revision);
    return path;
  } finally {
    await copying.close();
  }
}

async function itemsOf(path: string): Promise<readonly SnapshotItem[]> {
  const items: SnapshotItem[] = [];
  for await (const piece of readEtcdSnapshot(path)) items.push(...piece);
  return items;
}

const show = ({ key, value, createRevision, modRevision, version, lease }: KeyValue) => ({
  ...{ createRevision, modRevision, version, lease },
  key: toText(key),
  value: toText(value),
});
const put =
  (key: string, value = "v", lease = 0n): Step =>
  (of) =>
    of.put({ key: toBytes(key), value: toBytes(value), lease });
const drop =
  (prefix: string): Step =>
  (of) =>
    of.deleteRange(prefixRange(prefix));

async function expectCopied(path: string): Promise<void> {
  const items = await itemsOf(path);
  const keys = items.flatMap((item) => (item.kind === "key" ? [show(item.kv)] : []));
  const { kvs } = await store.range(prefixRange(""));
  expect(keys.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual(kvs.map(show));
  expect(items[0]).toMatchObject({ kind: "head", revision: store.revision, identity: store.identity });
}

describe("a copy of a store that works on", () => {
  test("has what was there, what came meanwhile and what came last, and nothing that went", async () => {
    for (const key of ["a", "b", "c", "d"]) await put(key)(store);
    await drop("d")(store);
    const path = await copy(changing([put("a", "new"), put("e"), drop("b")]), [put("f"), drop("e")]);
    await expectCopied(path);
  });

  test("is the store as it is at the end, whatever changes when", async () => {
    const key = fc.constantFrom("a", "aa", "ab", "b", "ba");
    const step = fc.oneof(
      fc.tuple(key, fc.string()).map(([name, value]) => put(name, value)),
      key.map((prefix) => drop(prefix)),
      fc.uniqueArray(key, { minLength: 1 }).map(
        (names): Step =>
          (of) =>
            of.txn({
              compare: [],
              success: names.map((name) => ({
                kind: "put",
                request: { key: toBytes(name), value: toBytes("txn") },
              })),
              failure: [],
            }),
      ),
    );
    const steps = fc.array(step, { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(steps, steps, steps, async (before, meanwhile, behind) => {
        for (const one of before) await one(store);
        const path = await copy(changing(meanwhile), behind);
        await expectCopied(path);
        await rm(path);
      }),
      { numRuns: 60 },
    );
  });

  test("has the leases and records of the end", async () => {
    for (const id of [1n, 2n]) await store.leaseGrant({ ttlS: 60, id });
    await put("one", "v", 1n)(store);
    await store.records.write(() => [{ bucket: "authUsers", name: "root", value: toBytes("before") }]);
    const path = await copy(changing([]), [
      (of) => of.leaseRevoke(1n),
      (of) => of.leaseGrant({ ttlS: 90, id: 3n }),
      put("three", "v", 3n),
      (of) => of.records.write(() => [{ bucket: "authUsers", name: "root", value: toBytes("behind") }]),
    ]);
    const items = await itemsOf(path);
    expect(items.filter(({ kind }) => kind === "lease")).toEqual([
      { kind: "lease", id: 2n, ttlS: 60 },
      { kind: "lease", id: 3n, ttlS: 90 },
    ]);
    const records = items.flatMap((item) => (item.kind === "record" ? [toText(item.value)] : []));
    expect(records).toEqual(["behind"]);
    await expectCopied(path);
  });

  test("of many changes leaves few for the moment in which it has to stand still", async () => {
    for (let at = 0; at < 300; at += 1) await put(`k${at}`)(store);
    const many = Array.from({ length: 3_000 }, (_, at) => put(`k${at % 400}`, String(at)));
    const source = changing(many);
    const taken: number[] = [];
    const counting: CopiedStore = {
      ...source,
      get revision() {
        return store.revision;
      },
      async *watch(request, options) {
        for await (const response of store.watch(request, options)) {
          if (response.kind === "events") taken.push(response.events.length);
          yield response;
        }
      },
    };
    const copying = await EtcdCopy.begin(counting, join(directory, "db"));
    const before = taken.reduce((sum, count) => sum + count, 0);
    await copying.finish([]);
    await copying.close();
    expect(before).toBeGreaterThanOrEqual(2_900);
    await expectCopied(join(directory, "db"));
  });

  test("is given up where somebody has compacted what it lacks", async () => {
    await put("a")(store);
    const meanwhile = [put("b"), put("c"), (of: LocalStore) => of.compact(of.revision)];
    await expect(copy(changing(meanwhile))).rejects.toThrow(CompactedError);
  });

  test("holds what the member has written about itself", async () => {
    const own = [
      { bucket: "members", key: Buffer.from("8e9e"), value: Buffer.from("me") },
      { bucket: "meta", key: Buffer.from("consistent_index"), value: Buffer.alloc(8, 1) },
    ];
    const copying = await EtcdCopy.begin(store, join(directory, "db"));
    await copying.finish(own);
    await copying.close();
    const read = ownEntriesOf(join(directory, "db"));
    expect(read).toEqual(own);
  });
});
