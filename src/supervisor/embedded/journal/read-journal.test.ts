/** Reading against a model: the same selections from a list in memory of everything that was written. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileFilter, selectsUnit } from "../../journal-filter.ts";
import type { JournalEntry, JournalQuery } from "../../supervisor.ts";
import { Boots } from "./boots.ts";
import { JournalReader } from "./read-journal.ts";
import { formatFields } from "./record.ts";

const BOOTS = ["a".repeat(32), "b".repeat(32), "c".repeat(32)];
const UNITS = ["a.service", "b.service", "c@1.timer"];

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flotilla-read-journal-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A line before it is written: boots come one after the other, and within one the time since boot only grows. */
interface Planned {
  readonly unit: number;
  readonly boot: number;
  readonly monotonicUs: number;
  readonly priority: number;
  readonly words: string;
  /** The unit goes on in a new file. */
  readonly rotates: boolean;
  /** The wall clock was set by so much. */
  readonly stepUs: number;
}

/** Writes files as shims do: what is planned in the order of the list, a new file where the clock goes back. */
class Writer {
  readonly #state = new Map<
    string,
    { file: number; offset: number; timeUs: number; sources: Map<string, number> }
  >();
  readonly #root: string;
  #clockUs = 1_700_000_000_000_000;

  constructor(directory: string) {
    this.#root = directory;
  }

  write({ unit: index, boot, monotonicUs, priority, words, rotates, stepUs }: Planned): void {
    const unit = UNITS[index] ?? "";
    this.#clockUs += stepUs;
    const timeUs = this.#clockUs + boot * 1e9 + monotonicUs;
    const known = this.#state.get(unit);
    const isNew = known === undefined || rotates || timeUs < known.timeUs;
    const state = isNew ? { file: (known?.file ?? 0) + 1, offset: 0, timeUs, sources: new Map() } : known;
    const fields = formatFields({
      _BOOT_ID: BOOTS[boot],
      _TRANSPORT: "stdout",
      _SYSTEMD_UNIT: unit,
      _PID: 7,
    });
    const source = state.sources.get(fields) ?? state.offset;
    const head = state.sources.has(fields) ? "" : `@${timeUs} ${fields}\n`;
    const text = `${head}${timeUs} ${monotonicUs} ${source} ${priority} ${words}\n`;
    mkdirSync(join(this.#root, unit), { recursive: true });
    const path = join(this.#root, unit, String(state.file));
    appendFileSync(path, text);
    utimesSync(path, timeUs / 1e6, timeUs / 1e6);
    state.sources.set(fields, source);
    this.#state.set(unit, { ...state, offset: state.offset + Buffer.byteLength(text), timeUs });
  }
}

const planned: fc.Arbitrary<readonly Planned[]> = fc
  .array(
    fc.record({
      unit: fc.nat(UNITS.length - 1),
      boots: fc.constantFrom(0, 0, 0, 0, 0, 1),
      passes: fc.nat(3),
      priority: fc.integer({ min: 0, max: 7 }),
      words: fc.constantFrom("one", "two", "Three", "häßlich", ""),
      rotates: fc.constantFrom(false, false, false, true),
      stepUs: fc.constantFrom(0, 0, 0, 0, 50_000_000, -30_000_000),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((steps) => {
    let [boot, monotonicUs] = [0, 0];
    return steps.map(({ boots, passes, ...step }) => {
      const next = Math.min(boot + boots, BOOTS.length - 1);
      monotonicUs = next === boot ? monotonicUs + passes * 1000 : passes;
      boot = next;
      return { ...step, boot, monotonicUs };
    });
  });

const query: fc.Arbitrary<JournalQuery> = fc.record(
  {
    units: fc.constantFrom(["a.service"], ["*.service"], ["b.service", "c@1.timer"], ["nothing.service"]),
    priority: fc.constantFrom({ from: 0, to: 3 }, { from: 4, to: 6 }),
    boot: fc.constantFrom("0", "-1", "1", BOOTS[0] ?? ""),
    grep: fc.constantFrom({ pattern: "t", ignoreCase: true }, { pattern: "T", ignoreCase: false }),
    lines: fc.nat(8),
    reverse: fc.boolean(),
  },
  { requiredKeys: [] },
);

function reader(): JournalReader {
  writeFileSync(join(root, "boots"), `${BOOTS.join("\n")}\n`);
  return new JournalReader(root, new Boots(join(root, "boots"), BOOTS[2] ?? ""));
}

const all = (wanted: JournalQuery): Promise<JournalEntry[]> => Array.fromAsync(reader().read(wanted));

/** The same of a list: everything in the order of writing, then what the query says. */
function model(written: readonly JournalEntry[], wanted: JournalQuery): readonly JournalEntry[] {
  const select = compileFilter(wanted);
  const behind = wanted.after === undefined ? -1 : written.findIndex(({ cursor }) => cursor === wanted.after);
  const boot = { "0": 2, "-1": 1, "1": 0 }[wanted.boot ?? ""] ?? 0;
  const found = select(written.slice(behind + 1))
    .filter((entry) => selectsUnit(wanted, entry.unit))
    .filter((entry) => wanted.boot === undefined || entry.boot === BOOTS[boot]);
  const last = wanted.lines === undefined ? found : found.slice(Math.max(0, found.length - wanted.lines));
  return wanted.reverse ? last.toReversed() : last;
}

test("everything is read in the order it was written in, whatever the clock did", async () => {
  await fc.assert(
    fc.asyncProperty(planned, async (lines) => {
      rmSync(root, { recursive: true });
      mkdirSync(root);
      const writer = new Writer(root);
      for (const line of lines) writer.write(line);
      const read = await all({});
      const order = lines.map((line, place) => ({ ...line, place }));
      order.sort(
        (a, b) => a.boot - b.boot || a.monotonicUs - b.monotonicUs || a.unit - b.unit || a.place - b.place,
      );
      expect(read.map(({ unit, message }) => [unit, message])).toEqual(
        order.map(({ unit, words }) => [UNITS[unit], words]),
      );
    }),
    { numRuns: 40 },
  );
});

test("every query selects what it selects from a list", async () => {
  await fc.assert(
    fc.asyncProperty(
      planned,
      fc.array(fc.tuple(query, fc.option(fc.nat(39)), fc.option(fc.nat(39)), fc.option(fc.nat(39))), {
        minLength: 1,
        maxLength: 8,
      }),
      async (lines, queries) => {
        rmSync(root, { recursive: true });
        mkdirSync(root);
        const writer = new Writer(root);
        for (const line of lines) writer.write(line);
        const written = await all({});
        for (const [base, after, since, until] of queries) {
          const wanted = {
            ...base,
            after: after === null ? undefined : written[after]?.cursor,
            sinceUs: since === null ? undefined : written[since]?.timeUs,
            untilUs: until === null ? undefined : written[until]?.timeUs,
          };
          expect(await all(wanted)).toEqual(model(written, wanted));
        }
      },
    ),
    { numRuns: 40 },
  );
});

describe("a cursor", () => {
  test("goes on behind its entry when its file has been removed", async () => {
    const writer = new Writer(root);
    const line = { boot: 0, priority: 6, words: "x", stepUs: 0, rotates: false };
    for (let count = 1; count <= 9; count++) {
      writer.write({ ...line, unit: count % 2, monotonicUs: count * 10, rotates: count % 4 === 0 });
    }
    const written = await all({});
    rmSync(join(root, "a.service/1"));
    for (const [index, { cursor, monotonicUs }] of written.entries()) {
      const rest = await all({ after: cursor });
      const left = written
        .slice(index + 1)
        .filter(({ unit, cursor: one }) => unit !== "a.service" || !one.includes(";f=1;"));
      expect(rest.map((entry) => entry.monotonicUs)).toEqual(left.map((entry) => entry.monotonicUs));
      expect(monotonicUs).toBe((index + 1) * 10);
    }
  });

  test("of a unit's earlier files is not taken for a place in what has come in their stead", async () => {
    const writer = new Writer(root);
    const line = { unit: 0, boot: 0, priority: 6, stepUs: 0, rotates: false };
    writer.write({ ...line, monotonicUs: 10, words: "long ago" });
    const [old] = await all({});
    writeFileSync(join(root, "a.service/1"), "");
    new Writer(root).write({
      ...line,
      monotonicUs: 20,
      words: "a longer text that has no line where the other ended",
    });
    expect(await all({ after: old?.cursor ?? "" })).toMatchObject([{ monotonicUs: 20 }]);
  });
});

describe("damage", () => {
  const line = { unit: 0, boot: 0, priority: 6, stepUs: 0, rotates: false };

  test("of any kind costs the damaged lines only", async () => {
    const writer = new Writer(root);
    writer.write({ ...line, monotonicUs: 1, words: "before" });
    const path = join(root, "a.service/1");
    const hurt = [
      "rubbish\n",
      "1 2 3\n",
      "\0\0\0\0\n",
      "@5 nothing\n",
      "1700 1 99999 6 of no source\n",
      "17 1 0 6 torn\0\n",
    ];
    for (const text of hurt) appendFileSync(path, text);
    appendFileSync(path, "1900000000000000 9 0 6 after\n1900000000000000 9 0 6 unfin");
    expect((await all({})).map(({ message }) => message)).toEqual(["before", "after"]);
    expect((await all({ lines: 1 })).map(({ message }) => message)).toEqual(["after"]);
  });

  test("by random bytes never keeps the rest from being read", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const directory = join(root, "a.service");
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory);
        writeFileSync(join(directory, "1"), Buffer.concat([bytes, Buffer.from("\0\n")]));
        const writer = new Writer(root);
        writer.write({ ...line, unit: 1, monotonicUs: 5, words: "whole" });
        const read = await all({ units: ["b.service", "a.service"], reverse: true });
        expect(read.map(({ message }) => message)).toContain("whole");
        rmSync(join(root, "b.service"), { recursive: true });
      }),
      { numRuns: 50 },
    );
  });

  test("a line longer than what is read at a time is read whole, from both ends", async () => {
    const writer = new Writer(root);
    const words = "y".repeat(600_000);
    writer.write({ ...line, monotonicUs: 1, words });
    writer.write({ ...line, monotonicUs: 2, words: "short" });
    expect((await all({})).map(({ message }) => message.length)).toEqual([600_000, 5]);
    expect((await all({ reverse: true })).map(({ message }) => message.length)).toEqual([5, 600_000]);
  });
});

describe("a large file", () => {
  test("is entered at the time, the boot and the cursor that are asked for", async () => {
    const writer = new Writer(root);
    const line = { unit: 0, priority: 6, stepUs: 0, rotates: false, words: "z".repeat(2000) };
    for (let count = 0; count < 600; count++) {
      writer.write({ ...line, boot: count < 400 ? 0 : 1, monotonicUs: count * 10 });
    }
    const written = await all({});
    for (const at of [0, 1, 199, 399, 400, 598, 599]) {
      const { timeUs = 0, cursor = "" } = written[at] ?? {};
      expect(await all({ sinceUs: timeUs })).toEqual(written.slice(at));
      expect(await all({ untilUs: timeUs })).toEqual(written.slice(0, at + 1));
      expect(await all({ after: cursor })).toEqual(written.slice(at + 1));
    }
    expect(await all({ boot: "-1" })).toEqual(written.slice(400));
    expect(await all({ boot: "1" })).toEqual(written.slice(0, 400));
    expect((await all({ boot: "0" })).length).toBe(0);
    expect((await all({ boot: "-7" })).length).toBe(0);
  });
});

test("names that are no units' are never opened", async () => {
  mkdirSync(join(root, "not a unit"));
  writeFileSync(join(root, "not a unit/1"), "x");
  expect(await all({ units: ["../../etc", "not a unit", "*"] })).toEqual([]);
});
