import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AuditLog } from "#api/audit.ts";
import type { AuditEntry } from "#api/bodies.ts";
import { silentLogger } from "#base/log.ts";
import { systemClock } from "#host/system.ts";
import { LIMITS } from "#model/limits.ts";
import { Book, openAuditLog } from "./audit-log.ts";

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "flotilla-audit-")), "audit");
});
afterEach(() => rm(join(directory, ".."), { recursive: true, force: true }));

let nowMs = 1_000;
function tick(): number {
  nowMs += 1;
  return nowMs;
}
const clock = { ...systemClock, now: tick };

function entry(timeMs: number, caller = "alice"): AuditEntry {
  return { timeMs, caller, address: "10.0.0.9", route: "POST /v1/units", what: ["a.service"], outcome: "ok" };
}

async function all(source: AsyncIterable<AuditEntry>): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for await (const one of source) entries.push(one);
  return entries;
}

describe("the audit log", () => {
  test("keeps what it was told, in order, for its owner only", async () => {
    const log = openAuditLog(directory, { clock, log: silentLogger });
    await log.note(entry(1), false);
    await log.note(entry(2, "nobody"), true);
    await log.note(entry(3), false);
    expect(await all(log.read(0))).toEqual([entry(1), entry(2, "nobody"), entry(3)]);
    expect(await all(log.read(2))).toEqual([entry(2, "nobody"), entry(3)]);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(directory))
      expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  });

  test("has nothing before anything was changed, and makes no files", async () => {
    expect(await all(openAuditLog(directory, { clock, log: silentLogger }).read(0))).toEqual([]);
    await expect(readdir(directory)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("goes on behind what a daemon before it has written, and leaves out a line that was cut off", async () => {
    await openAuditLog(directory, { clock, log: silentLogger }).note(entry(1), false);
    const path = join(directory, "changes.ndjson");
    await writeFile(path, `${await readFile(path, "utf8")}{"timeMs":2,"call\n`);
    const log = openAuditLog(directory, { clock, log: silentLogger });
    await log.note(entry(3), false);
    expect(await all(log.read(0))).toEqual([entry(1), entry(3)]);
  });
});

describe("following the audit log", () => {
  /** What a follower has got, and more of it on demand. */
  function follow(log: AuditLog, afterMs: number, signal = new AbortController().signal) {
    const entries = log.follow(afterMs, signal)[Symbol.asyncIterator]();
    return {
      take: async (count: number): Promise<readonly number[]> => {
        const times: number[] = [];
        while (times.length < count) {
          const next = await entries.next();
          times.push(next.done === true ? Number.NaN : next.value.timeMs);
        }
        return times;
      },
      end: () => entries.return?.(),
    };
  }

  test("tells what is kept behind a time, and then what is noted, whoever it was by", async () => {
    const log = openAuditLog(directory, { clock, log: silentLogger });
    for (const timeMs of [1, 2, 3]) await log.note(entry(timeMs), timeMs === 2);
    const follower = follow(log, 1);
    expect(await follower.take(2)).toEqual([2, 3]);
    await log.note(entry(4, "nobody"), true);
    await log.note(entry(5), false);
    expect(await follower.take(2)).toEqual([4, 5]);
    await follower.end();
  });

  test("gives each entry once, also those that are noted while it begins", async () => {
    const log = openAuditLog(directory, { clock, log: silentLogger });
    const noting = Array.from({ length: 200 }, (_, index) => log.note(entry(index + 1), false));
    const follower = follow(log, 0);
    const first = follower.take(1);
    const more = Array.from({ length: 200 }, (_, index) => log.note(entry(index + 201), index % 3 === 0));
    await Promise.all([...noting, ...more]);
    const times = [...(await first), ...(await follower.take(399))];
    expect(times.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
    await log.note(entry(401), false);
    expect(await follower.take(1)).toEqual([401]);
    await follower.end();
  });

  test("tells entries of one millisecond apart, so that each time is one to go on behind", async () => {
    const log = openAuditLog(directory, { clock, log: silentLogger });
    for (const name of ["a", "b", "c"]) await log.note(entry(7, name), false);
    const kept = await all(log.read(0));
    expect(kept.map(({ caller }) => caller)).toEqual(["a", "b", "c"]);
    expect(new Set(kept.map(({ timeMs }) => timeMs)).size).toBe(3);
    const follower = follow(log, kept[1]?.timeMs ?? 0);
    expect(await follower.take(1)).toEqual([kept[2]?.timeMs]);
    await follower.end();
  });

  test("ends when nobody reads any more", async () => {
    const log = openAuditLog(directory, { clock, log: silentLogger });
    const gone = new AbortController();
    const ended = all(log.follow(0, gone.signal));
    gone.abort();
    expect(await ended).toEqual([]);
  });

  test("cuts off a reader that falls too far behind, and tells it so", async () => {
    const log = openAuditLog(directory, { clock, log: silentLogger });
    await log.note(entry(1), false);
    const entries = log.follow(0, new AbortController().signal)[Symbol.asyncIterator]();
    expect((await entries.next()).value).toEqual(entry(1));
    // It is waited for the last only: what a disk may lose does not matter here.
    const noted = Array.from({ length: LIMITS.watchBacklogEvents + 1 }, (_, index) =>
      log.note(entry(index + 2), false),
    );
    await expect(entries.next()).rejects.toMatchObject({ code: "limit-exceeded" });
    await Promise.all(noted);
  });
});

describe("a book", () => {
  const limits = { fileBytes: 300, files: 2 };

  test("turns over at its size and keeps so many full files", async () => {
    const book = new Book(directory, "changes", limits, { clock, log: silentLogger });
    for (let number = 0; number < 40; number += 1) await book.note(entry(tick()));
    const names = await readdir(directory);
    expect(names).toHaveLength(3);
    for (const name of names) expect((await stat(join(directory, name))).size).toBeLessThan(600);
    const kept = await all(book.read(0));
    expect(kept.length).toBeGreaterThan(3);
    expect(kept.map(({ timeMs }) => timeMs)).toEqual(
      kept.map(({ timeMs }) => timeMs).toSorted((a, b) => a - b),
    );
  });

  test("takes many at once, each once and in order", async () => {
    const book = new Book(directory, "changes", { fileBytes: 1e6, files: 1 }, { clock, log: silentLogger });
    await Promise.all(Array.from({ length: 500 }, (_, index) => book.note(entry(index + 1))));
    expect((await all(book.read(0))).map(({ timeMs }) => timeMs)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
  });

  test("that cannot be written stops nobody, says so once, and tells later how many were lost", async () => {
    const told: unknown[] = [];
    const log = { ...silentLogger, error: (...what: unknown[]) => told.push(what) };
    await rm(join(directory, ".."), { recursive: true });
    // Where the directory should be stands a file.
    await writeFile(join(directory, ".."), "");
    const book = new Book(directory, "changes", limits, { clock, log });
    await book.note(entry(1));
    await book.note(entry(2));
    expect(told).toHaveLength(1);
    await rm(join(directory, ".."));
    await book.note(entry(3));
    const kept = await all(book.read(0));
    expect(kept.map(({ outcome }) => outcome)).toEqual(["lost", "ok"]);
    expect(kept[0]?.what).toEqual(["2 entries could not be written"]);
  });

  test("on a disk that is full stops nobody", async () => {
    const told: unknown[] = [];
    const log = { ...silentLogger, error: (...what: unknown[]) => told.push(what) };
    await mkdir(directory);
    await symlink("/dev/full", join(directory, "changes.ndjson"));
    const book = new Book(directory, "changes", limits, { clock, log });
    await book.note(entry(1));
    expect(JSON.stringify(told)).toContain("ENOSPC");
    await rm(join(directory, "changes.ndjson"));
    await book.note(entry(2));
    expect((await all(book.read(0))).map(({ outcome }) => outcome)).toEqual(["lost", "ok"]);
  });
});
