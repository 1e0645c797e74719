import { expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { prefixRange, toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { type MirrorBatch, startMirror } from "./mirror.ts";

function follow(prefix: string, excluded: readonly string[] = []) {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const store = createMemoryStore({ clock, random });
  const batches: MirrorBatch[] = [];
  const connected: boolean[] = [];
  const mirror = startMirror({
    store,
    prefix,
    excluded,
    clock,
    random,
    onBatch: (batch) => batches.push(batch),
    onConnected: (now) => connected.push(now),
  });
  const put = (key: string, value: string) => store.put({ key: toBytes(key), value: toBytes(value) });
  return { clock, store, mirror, batches, connected, put };
}

test("a mirror lists what is there and then reports each change once", async () => {
  const { mirror, batches, put, store } = follow("a/");
  await mirror.ready();
  await put("a/1", "one");
  const { header } = await put("a/2", "two");
  await mirror.reached(header.revision);
  const deleted = await store.deleteRange(prefixRange("a/"));
  await mirror.reached(deleted.header.revision);
  const keys = batches.map((batch) => batch.changes.map(({ key, value }) => [key, value !== undefined]));
  expect(keys).toEqual([
    [],
    [["a/1", true]],
    [["a/2", true]],
    [
      ["a/1", false],
      ["a/2", false],
    ],
  ]);
  await mirror.stop();
});

test("a revision that changed nothing under the prefix is reached after asking the store", async () => {
  const { clock, mirror, put } = follow("a/");
  await mirror.ready();
  const { header } = await put("b/1", "elsewhere");
  const reached = mirror.reached(header.revision);
  await Promise.resolve();
  for (let round = 0; round < 10; round += 1) await Promise.resolve();
  clock.fireNext();
  await reached;
  expect(mirror.revision).toBe(header.revision);
  await mirror.stop();
});
