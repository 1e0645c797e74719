import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "#host/system.ts";
import { allFields } from "../../journal-fields.ts";
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import { Journal, SUPERVISOR_UNIT } from "./journal.ts";

const BOOT = "b".repeat(32);
let directory: string;
/** How far the wall clock has been set. */
let shiftMs: number;
let journal: Journal;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-journal-"));
  shiftMs = 0;
  // The machine's own clock may be set while the test runs, which begins a new file.
  const startMs = Date.now() - performance.now();
  const clock = { ...systemClock, now: () => Math.floor(startMs + performance.now()) + shiftMs };
  journal = new Journal({
    directory,
    clock,
    boot: BOOT,
    machine: "f".repeat(32),
    host: "m1",
    limits: { maxBytes: 2 ** 20 },
  });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const read = (query: JournalQuery = {}): Promise<JournalEntry[]> => Array.fromAsync(journal.read(query));
const messages = async (query?: JournalQuery): Promise<string[]> =>
  (await read(query)).map(({ message }) => message);
const files = (unit: string): string[] => readdirSync(join(directory, unit)).sort();

describe("a line of the supervisor's", () => {
  test("about a unit stands in the unit's journal, and one about itself in its own", async () => {
    journal.append("a.timer", 6, "Started a.timer.", { JOB_RESULT: "done" });
    journal.append(SUPERVISOR_UNIT, 4, "something is wrong\nin two lines");
    const [about, own] = await read();
    expect(allFields(about as JournalEntry)).toMatchObject({
      UNIT: "a.timer",
      JOB_RESULT: "done",
      MESSAGE: "Started a.timer.",
      PRIORITY: "6",
      SYSLOG_IDENTIFIER: "flotilla",
      _SYSTEMD_UNIT: "init.scope",
      _TRANSPORT: "journal",
      _MACHINE_ID: "f".repeat(32),
      _HOSTNAME: "m1",
      _PID: String(process.pid),
      __REALTIME_TIMESTAMP: expect.stringMatching(/^\d{16}$/),
    });
    expect(own).toMatchObject({
      unit: "init.scope",
      message: "something is wrong in two lines",
      priority: 4,
    });
    expect(own?.fields.UNIT).toBeUndefined();
  });

  test("closes one that a power cut has torn, which is then none", async () => {
    journal.append("a.service", 6, "first");
    appendFileSync(join(directory, "a.service/1"), `${Date.now() * 1000} 5 0 6 half a li`);
    journal.append("a.service", 6, "second");
    expect(await messages()).toEqual(["first", "second"]);
  });

  test("begins a new file where the last is full, and where the clock has gone back", async () => {
    for (let count = 0; count < 200; count++) journal.append("a.service", 6, `${count} ${"x".repeat(400)}`);
    expect(files("a.service")).toEqual(["1", "2", "3"]);
    journal.append("b.service", 6, "before");
    shiftMs = -3_600_000;
    journal.append("b.service", 6, "after");
    expect(files("b.service")).toEqual(["1", "2"]);
    expect(await messages({ units: ["b.service"] })).toEqual(["before", "after"]);
    expect(await messages({ units: ["b.service"], untilUs: (Date.now() - 1_800_000) * 1000 })).toEqual([
      "after",
    ]);
  });

  test("that could not be written is counted, and told of as soon as one can be", async () => {
    writeFileSync(join(directory, "a.service"), "where a directory should be");
    journal.append("a.service", 6, "lost");
    journal.append("a.service", 6, "lost too");
    rmSync(join(directory, "a.service"));
    journal.append("a.service", 6, "there");
    expect(await messages()).toEqual(["2 messages were lost: the disk was full", "there"]);
  });
});

describe("sweeping", () => {
  /** A turn of the event loop: a sweep waits for one, so that many are one. */
  const swept = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  function fill(unit: string, count: number): void {
    mkdirSync(join(directory, unit), { recursive: true });
    for (let file = 1; file <= count; file++)
      writeFileSync(join(directory, unit, String(file)), "x".repeat(200_000));
  }

  test("takes from the unit that has most, and leaves the file that is written to", async () => {
    fill("loud.service", 6);
    fill("quiet.service", 1);
    journal.sweep((unit) => unit === "loud.service");
    await swept();
    expect(files("quiet.service")).toEqual(["1"]);
    expect(files("loud.service").length).toBeLessThanOrEqual(4);
    expect(files("loud.service").at(-1)).toBe("6");
  });

  test("removes what is too old, with the directory of a unit that is not there any more", async () => {
    journal.append("gone.service", 6, "long ago");
    journal.append("here.service", 6, "long ago");
    shiftMs = 100 * 24 * 3_600_000;
    journal.sweep((unit) => unit === "here.service");
    await swept();
    expect(readdirSync(directory).sort()).toEqual(["boots", "here.service"]);
  });
});
