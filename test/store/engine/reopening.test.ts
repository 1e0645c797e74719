/**
 * Generated lives of a store: writes, leases, records, compaction and defragmentation, with the store opened again now
 * and then, from files as a crash at that moment would leave them. Whatever happens, it is like a store in memory that
 * nothing ever happened to. Its files are short, so that they are begun, packed and merged all the time.
 */
import { rmSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock, systemRandom } from "#host/system.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { createMemoryStore } from "#store/memory.ts";
import type { StoreEvent } from "#store/store.ts";
import { told } from "../../contract/store-talk.ts";
import { copyStore, makeFastDirectory, openStore } from "./directories.ts";

type Step = (store: LocalStore) => Promise<unknown>;
type Happening =
  | { readonly kind: "step"; readonly step: Step; readonly text: string }
  | { readonly kind: "close" | "crash" | "defragment"; readonly text: string };

const key = fc.constantFrom("a", "b", "c", "d", "e");
const small = fc.integer({ min: 0, max: 3 });

function step(text: string, run: Step): Happening {
  return { kind: "step", step: run, text };
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(key, small)
      .map(([name, size]) =>
        step(`put ${name}`, (store) =>
          store.put({ key: toBytes(name), value: Buffer.alloc(size * 40, name) }),
        ),
      ),
  },
  {
    weight: 4,
    arbitrary: key.map((name) =>
      step(`delete ${name}`, (store) => store.deleteRange({ key: toBytes(name) })),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(key, small)
      .map(([name, id]) =>
        step(`put ${name} on lease ${id}`, (store) =>
          store.put({ key: toBytes(name), value: toBytes(""), lease: BigInt(id) }),
        ),
      ),
  },
  small.map((id) => step(`grant ${id}`, (store) => store.leaseGrant({ id: BigInt(id + 1), ttlS: 1_000 }))),
  small.map((id) => step(`revoke ${id}`, (store) => store.leaseRevoke(BigInt(id)))),
  fc
    .tuple(key, fc.option(small))
    .map(([name, value]) =>
      step(`record ${name}`, (store) =>
        store.records.write(() => [
          { bucket: "b", name, value: value === null ? undefined : toBytes(String(value)) },
        ]),
      ),
    ),
  { weight: 2, arbitrary: small.map((back) => step(`compact ${back}`, compactTo(back))) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("close", "crash", "defragment").map((kind) => ({ kind, text: kind }) as const),
  },
);

function compactTo(back: number): Step {
  return (store) => store.compact(store.revision - BigInt(back));
}

/** The answer, without what differs by nature. */
async function answerOf(step: Step, store: LocalStore): Promise<unknown> {
  try {
    return JSON.stringify(await step(store), (name, value: unknown) => {
      if (name === "clusterId") return undefined;
      return typeof value === "bigint" ? String(value) : value;
    });
  } catch (error) {
    return String(error);
  }
}

async function eventsSince(store: LocalStore, startRevision: bigint): Promise<string[]> {
  // Where nothing was ever written a watch would wait for ever.
  if (store.revision === 1n) return [];
  const stop = new AbortController();
  const line = ({ type, kv }: StoreEvent): string => `${kv.modRevision} ${type} ${toText(kv.key)}`;
  const request = { ...prefixRange(""), startRevision };
  for await (const response of store.watch(request, { signal: stop.signal })) {
    if (response.kind === "events") return response.events.map(line);
  }
  return [];
}

/** All that can be read of a store. */
async function everythingOf(store: LocalStore): Promise<unknown> {
  const { revision, compactRevision } = store.status();
  const first = compactRevision > 1n ? compactRevision : 1n;
  const reads: unknown[] = [];
  for (let at = first; at <= revision; at += 1n) {
    const { kvs } = await store.range({ ...prefixRange(""), revision: at });
    reads.push(kvs.map(told));
  }
  const leases = (await store.leaseList()).toSorted();
  const attached = await Promise.all(leases.map((id) => store.leaseTimeToLive(id, true)));
  return {
    revision,
    compactRevision,
    reads,
    leases: attached.map(({ id, grantedTtlS, keys }) => [id, grantedTtlS, keys.map(toText)]),
    records: [...store.records.list("b")].map(([name, value]) => [name, toText(value)]).sort(),
    events: await eventsSince(store, first),
    hash: (await store.hash()).hash,
  };
}

test("a store that is closed, crashes and is defragmented is as one to which nothing happens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 40 }), async (life) => {
      const open = (at: string): Promise<LocalStore> => openStore(at, { fileBytes: 600 });
      const model = createMemoryStore({ clock: systemClock, random: systemRandom });
      let directory = makeFastDirectory();
      let store = await open(directory);
      try {
        for (const one of life) {
          if (one.kind === "step") {
            expect(await answerOf(one.step, store)).toEqual(await answerOf(one.step, model));
          } else if (one.kind === "defragment") {
            await store.defragment();
            const { sizeBytes, sizeInUseBytes } = store.status();
            expect(sizeInUseBytes).toBe(sizeBytes);
          } else {
            const left = one.kind === "crash" ? copyStore(directory) : directory;
            await store.close();
            if (left !== directory) rmSync(directory, { recursive: true });
            directory = left;
            store = await open(directory);
          }
        }
        await store.close();
        store = await open(directory);
        await store.defragment();
        await model.defragment();
        expect(await everythingOf(store)).toEqual(await everythingOf(model));
      } finally {
        await store.close();
        await model.close();
        rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: Number(process.env.FLOTILLA_TEST_LIVES ?? 25) },
  );
});
