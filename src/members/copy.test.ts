import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { TO_THE_END, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { copyStore } from "./copy.ts";

function newStore(seed: number): Store {
  return createMemoryStore({ clock: systemClock, random: seededRandom(seed) });
}

/** Key, value and lease of all there is. */
async function contentOf(store: Store): Promise<readonly (readonly [string, string, bigint])[]> {
  const { kvs } = await store.range({ key: TO_THE_END, rangeEnd: TO_THE_END });
  return kvs.map(({ key, value, lease }) => [toText(key), toText(value), lease]);
}

function put(store: Store, key: string, value: string, lease = 0n): Promise<unknown> {
  return store.put({ key: toBytes(key), value: toBytes(value), lease });
}

/** Copies all; `meanwhile` happens in the last moment before the source is frozen. */
async function copy(source: Store, target: Store, meanwhile: () => Promise<unknown> = async () => undefined) {
  const freeze = async (): Promise<void> => {
    await meanwhile();
  };
  const copied = await copyStore({ source, target, prefix: "", clock: systemClock, freeze });
  copied.release();
  return copied;
}

test("keys, values and leases are the same in both, leases by their IDs", async () => {
  const [source, target] = [newStore(1), newStore(2)];
  await source.leaseGrant({ id: 7n, ttlS: 60 });
  await put(source, "a", "1");
  await put(source, "b", "2", 7n);
  expect(await copy(source, target)).toMatchObject({ keys: 2, leases: 1 });
  expect(await contentOf(target)).toEqual(await contentOf(source));
  const lease = await target.leaseTimeToLive(7n, true);
  expect([lease.grantedTtlS, ...lease.keys.map(toText)]).toEqual([60, "b"]);
});

test("what changes until the source is frozen is in the copy", async () => {
  const [source, target] = [newStore(1), newStore(2)];
  await source.leaseGrant({ id: 7n, ttlS: 60 });
  for (const key of ["kept", "changed", "deleted", "leased"]) await put(source, key, "old");
  await copy(source, target, async () => {
    await put(source, "changed", "new");
    await put(source, "added", "new");
    await put(source, "leased", "old", 7n);
    await source.deleteRange({ key: toBytes("deleted") });
  });
  expect(await contentOf(target)).toEqual(await contentOf(source));
});

test("what an earlier copy that was cut short has left is put right", async () => {
  const [source, target] = [newStore(1), newStore(2)];
  await source.leaseGrant({ id: 7n, ttlS: 60 });
  await put(source, "a", "new", 7n);
  await target.leaseGrant({ id: 7n, ttlS: 5 });
  await put(target, "a", "old", 7n);
  await put(target, "z", "superfluous");
  await copy(source, target);
  expect(await contentOf(target)).toEqual([["a", "new", 7n]]);
});

test("a target that somebody else writes to is noticed", async () => {
  const [source, target] = [newStore(1), newStore(2)];
  await put(source, "a", "1");
  const meddled: Store = {
    ...target,
    leaseList: (options) => target.leaseList(options),
    leaseGrant: (request, options) => target.leaseGrant(request, options),
    txn: (request, options) => target.txn(request, options),
    range: async (request, options) => {
      await put(target, "a", "mine");
      return target.range(request, options);
    },
  };
  await expect(copy(source, meddled)).rejects.toThrow("the copy of the store is not what was copied");
});

test("any content is copied, however it changes before the freeze", async () => {
  const change = fc.record({
    key: fc.constantFrom(..."abcdefgh"),
    value: fc.option(fc.string()),
    leased: fc.boolean(),
  });
  const apply = async (
    store: Store,
    changes: readonly { key: string; value: string | null; leased: boolean }[],
  ) => {
    for (const { key, value, leased } of changes) {
      if (value === null) await store.deleteRange({ key: toBytes(key) });
      else await put(store, key, value, leased ? 9n : 0n);
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(change), fc.array(change), async (first, second) => {
      const [source, target] = [newStore(3), newStore(4)];
      await source.leaseGrant({ id: 9n, ttlS: 60 });
      await apply(source, first);
      await copy(source, target, () => apply(source, second));
      expect(await contentOf(target)).toEqual(await contentOf(source));
    }),
    { numRuns: 50 },
  );
});
