import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Clock, Timer } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { nameAt, startBackups } from "./backups.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.parse("2026-11-23T10:00:00Z");

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-backups-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Hours that pass as soon as somebody waits for them, each backup told by the log. */
function scene(backup: () => AsyncIterable<Uint8Array>, rounds: number) {
  const told: string[] = [];
  const over = Promise.withResolvers<void>();
  let nowMs = START_MS;
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    boottime: () => nowMs,
    setTimer: (delayMs, fire): Timer => {
      nowMs += delayMs;
      if (told.length < rounds) setImmediate(fire);
      else over.resolve();
      return { cancel: () => undefined };
    },
  };
  const note = (_: object, message: string): number => told.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  const config = { everyMs: HOUR_MS, directory, keep: 2 };
  return { told, over: over.promise, start: () => startBackups({ config, backup, clock, log }) };
}

async function* sealed(): AsyncGenerator<Uint8Array, void> {
  const content = Buffer.from("content");
  yield Buffer.concat([content, createHash("sha256").update(content).digest()]);
}

test("one is made at once, then one each hour, and the last two are kept", async () => {
  await writeFile(join(directory, "notes.txt"), "of the operator's");
  const { told, over, start } = scene(sealed, 4);
  const stop = start();
  await over;
  await stop();
  expect(told).toEqual(Array.from({ length: 4 }, () => "the store is backed up"));
  const names = [START_MS + 2 * HOUR_MS, START_MS + 3 * HOUR_MS].map(nameAt);
  expect((await readdir(directory)).sort()).toEqual([...names, "notes.txt"]);
});

test("a recent one of an earlier daemon counts", async () => {
  await writeFile(join(directory, nameAt(START_MS - HOUR_MS / 2)), "");
  const { over, start } = scene(sealed, 1);
  const stop = start();
  await over;
  await stop();
  expect(await readdir(directory)).toContain(nameAt(START_MS + HOUR_MS / 2));
});

test("one that fails is told of and tried again, and takes away none that is there", async () => {
  const old = [START_MS - 9 * HOUR_MS, START_MS - 8 * HOUR_MS].map(nameAt);
  for (const name of old) await writeFile(join(directory, name), "");
  async function* broken(): AsyncGenerator<Uint8Array, void> {
    yield Buffer.from("half");
    throw new Error("the store is away");
  }
  const { told, over, start } = scene(broken, 2);
  const stop = start();
  await over;
  await stop();
  expect(told).toEqual(Array.from({ length: 2 }, () => "the store could not be backed up"));
  expect((await readdir(directory)).sort()).toEqual(old);
});
