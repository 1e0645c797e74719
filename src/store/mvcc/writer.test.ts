import { expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { toBytes } from "../keys.ts";
import type { Journal } from "./journal.ts";
import { MvccState } from "./state.ts";
import { Writer } from "./writer.ts";

const CARRY_MS = 1;

/** A writer on a clock that runs only while a write is carried out and while the disk works. */
function openWriter(syncMs: number) {
  const clock = new VirtualClock();
  const state = new MvccState();
  const told: string[] = [];
  const sizes: number[] = [];
  const journal: Journal = {
    sizeBytes: 0,
    sizeInUseBytes: 0,
    syncs: { count: 0, seconds: 0 },
    isDue: false,
    prepare: async () => undefined,
    append: async () => {
      told.push("disk begins");
      await Promise.resolve();
      clock.skipTo(clock.monotonic() + syncMs);
    },
    seal: () => undefined,
    forgot: () => undefined,
    tidy: async () => undefined,
    close: async () => undefined,
  };
  let before = 1;
  const writer = new Writer({
    state,
    journal,
    clock,
    gather: undefined,
    turns: undefined,
    settled: () => {
      sizes.push(state.settledRevision - before);
      before = state.settledRevision;
      told.push("told");
    },
  });
  const write = (key: string): Promise<void> =>
    writer.write(1, () => {
      clock.skipTo(clock.monotonic() + CARRY_MS);
      state.put(toBytes(key), toBytes(""), 0n);
    });
  const writeMany = (count: number) => Promise.all(Array.from({ length: count }, (_, at) => write(`${at}`)));
  return { write, writeMany, told, sizes };
}

test("writers that wait for one another are written in two halves where the disk is the faster part", async () => {
  const { write, writeMany, sizes } = openWriter(20);
  await write("first");
  await writeMany(64);
  expect(sizes).toEqual([1, 32, 32]);
});

test("they are one group where the disk is the slower part", async () => {
  const { write, writeMany, sizes } = openWriter(1_000);
  await write("first");
  await writeMany(64);
  expect(sizes).toEqual([1, 64]);
});

test("the disk has the next group before anybody is told of the one before", async () => {
  const { write, writeMany, told } = openWriter(20);
  await write("first");
  told.length = 0;
  await writeMany(64);
  expect(told).toEqual(["disk begins", "disk begins", "told", "told"]);
});
