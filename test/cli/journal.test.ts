/** `flotilla journal` over the journals of several machines. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createAskPeer } from "#api/peer.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { FakeJournal } from "#supervisor/fake-journal.ts";
import type { JournalEntry, JournalQuery } from "#supervisor/supervisor.ts";
import { journalEntry, M1, M2, TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand, type TerminalOptions } from "./terminal.ts";

/** A machine whose journal is these entries, as a real one answers: those that are selected, then what is added. */
class Machine {
  readonly #entries: JournalEntry[];
  #wake = Promise.withResolvers<void>();

  constructor(...entries: readonly Partial<JournalEntry>[]) {
    this.#entries = entries.map((entry, index) => journalEntry({ cursor: `c${index}`, ...entry }));
  }

  write(entry: Partial<JournalEntry>): void {
    this.#entries.push(journalEntry({ cursor: `c${this.#entries.length}`, ...entry }));
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  readonly journal = async function* (
    this: Machine,
    query: JournalQuery,
  ): AsyncGenerator<JournalEntry, void> {
    let next = query.after === undefined ? 0 : Number(query.after.slice(1)) + 1;
    const { sinceUs = 0, lines = Number.POSITIVE_INFINITY, signal, follow } = query;
    const kept = this.#entries.slice(next).filter(({ timeUs }) => timeUs >= sinceUs);
    next = this.#entries.length;
    const last = kept.slice(Math.max(0, kept.length - lines));
    yield* query.reverse ? last.reverse() : last;
    while (follow && !signal?.aborted) {
      for (const entry of this.#entries.slice(next)) yield entry;
      next = this.#entries.length;
      const gone = new Promise((resolve) => signal?.addEventListener("abort", resolve, { once: true }));
      await Promise.race([this.#wake.promise, gone]);
    }
  }.bind(this);
}

let here: TestCluster;
let there: TestCluster;
let endpoint: string;
let first: Machine;
let second: Machine;

beforeEach(async () => {
  first = new Machine(
    { timeUs: 1_000_001, message: "one", pid: 7 },
    { timeUs: 3_000_000, message: "three", priority: 3 },
  );
  second = new Machine({ timeUs: 2_000_000, message: "two" }, { timeUs: 4_000_000, message: "four" });
  here = await TestCluster.start({ journal: first.journal, askPeer: createAskPeer(() => undefined) });
  there = await TestCluster.start({ journal: second.journal, machineId: M2 });
  const { http } = await there.serve();
  ({ unix: endpoint } = await here.serve());
  await here.addMachine(M1, "m1");
  await here.addMachine(M2, "m2", { api: http });
  await there.addMachine(M2, "m2");
});
afterEach(async () => {
  await here.close();
  await there.close();
});

function run(line: string | readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  return runCommand(line, { endpoint, env: { TZ: "UTC" }, ...options });
}

const messages = ({ stdout }: Ran): string[] => stdout.trimEnd().split("\n");

describe("the journals of all machines", () => {
  test("are shown in the order of their times, as journalctl shows lines", async () => {
    const { stdout, stderr, exit } = await run("journal");
    expect(stdout.split("\n")[0]).toMatch(/^Jan 01 \d\d:00:01 m1 a\[7\]: one$/);
    expect(stdout.match(/m\d a(?:\[7\])?: \w+/g)).toEqual([
      "m1 a[7]: one",
      "m2 a: two",
      "m1 a: three",
      "m2 a: four",
    ]);
    expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 });
  });

  test("give the last lines of all of them together", async () => {
    expect(messages(await run("journal -n 3 -o cat"))).toEqual(["two", "three", "four"]);
    expect(messages(await run("journal -n 3 -r -o cat"))).toEqual(["four", "three", "two"]);
    expect((await run("journal -n 0 -o cat")).stdout).toBe("");
  });

  test("can be read of one machine only", async () => {
    expect(messages(await run("journal --machine m2 -o cat"))).toEqual(["two", "four"]);
    expect((await run("journal --machine m7")).exit).toBe(4);
  });

  test("go on behind a cursor of either machine", async () => {
    const shown = messages(await run("journal -n 3 -o cat --show-cursor"));
    expect(shown.at(-1)).toMatch(/^-- cursor: t=/);
    for (const [from, rest] of [
      ["one", ["two", "three", "four"]],
      ["two", ["three", "four"]],
      ["three", ["four"]],
    ] as const) {
      const lines = messages(await run("journal -o json")).map(
        (text) => JSON.parse(text) as Record<string, string>,
      );
      const cursor = lines.find(({ MESSAGE }) => MESSAGE === from)?.__CURSOR ?? "";
      expect(messages(await run(["journal", "-o", "cat", "--after-cursor", cursor]))).toEqual(rest);
    }
    expect(await run("journal --after-cursor nonsense")).toMatchObject({ exit: 2, stdout: "" });
  });

  test("leave out a machine that is away, and say so once", async () => {
    await there.close();
    const ran = await run("journal -o cat");
    expect(messages(ran)).toEqual(["one", "three"]);
    expect(ran).toMatchObject({ stderr: "m2 does not answer; what its journal has is left out\n", exit: 0 });
    expect((await run("journal --machine m2")).exit).toBe(8);
  });

  test("say that there is nothing, and that a unit is not there at all", async () => {
    first = new Machine();
    expect(
      (await run(["journal", "--after-cursor", `t=${(9e6).toString(16)};m=${"f".repeat(32)};x`])).stderr,
    ).toBe("-- No entries --\n");
  });

  test("are told apart by colour on a terminal", async () => {
    const { stdout } = await run("journal -n 2", { isTTY: true });
    expect(stdout).toContain("\u001B[36mm1\u001B[39m");
    expect(stdout).toContain("\u001B[32mm2\u001B[39m");
  });
});

describe("following", () => {
  /** Runs until the text has been written as often as it is wanted, then presses Ctrl-C. */
  async function follow(line: string, until: string, act: (shown: string) => void): Promise<Ran> {
    const stop = new AbortController();
    let shown = "";
    const onOutput = (text: string): void => {
      shown += text;
      if (shown.includes(until)) stop.abort();
      else act(shown);
    };
    return run(line, { signal: AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]), onOutput });
  }

  test("goes on with new lines of every machine behind the last that were there", async () => {
    const written = new Set<string>();
    const ran = await follow("journal -f -n 1 -o cat", "six", () => {
      if (written.has("five")) return;
      written.add("five");
      second.write({ timeUs: 6_000_000, message: "six" });
      first.write({ timeUs: 5_000_000, message: "five" });
    });
    expect(messages(ran)).toEqual(["four", "five", "six"]);
    expect(ran.exit).toBe(0);
  });

  test("goes on with a unit on the machine that it moves to, and says so", async () => {
    let step = 0;
    const ran = await follow("journal -f -n 1 -o cat web", "moved", () => {
      step += 1;
      if (step === 1) second.write({ timeUs: 5_000_000, unit: "web.service", message: "from m2" });
      if (step === 2)
        void there
          .close()
          .then(() =>
            setTimeout(() => first.write({ timeUs: 6e6, unit: "web.service", message: "moved" }), 50),
          );
    });
    expect(messages(ran)).toEqual(["four", "from m2", "moved"]);
    expect(ran.stderr).toBe(
      "m2 does not answer; what it has follows when it is back\nweb.service goes on on m1; it was on m2\n",
    );
  });
});

describe("what is asked for", () => {
  let asked: JournalQuery | undefined;
  let cluster: TestCluster;
  beforeEach(async () => {
    const journal = async function* (query: JournalQuery): AsyncGenerator<JournalEntry, void> {
      asked = query;
      yield journalEntry();
    };
    cluster = await TestCluster.start({ journal });
    ({ unix: endpoint } = await cluster.serve());
    await cluster.addMachine(M1, "m1");
  });
  afterEach(() => cluster.close());

  test.each<[string, Partial<JournalQuery>]>([
    ["web", { units: ["web.service"], lines: 10 }],
    ["web@* x.timer", { units: ["web@*", "x.timer"] }],
    ["-n all", { lines: undefined }],
    ["-p err", { priority: { from: 0, to: 3 } }],
    ["-p 4", { priority: { from: 0, to: 4 } }],
    ["-p warning..err", { priority: { from: 3, to: 4 } }],
    ["--since @5 --until @6.5", { sinceUs: 5_000_000, untilUs: 6_500_000, lines: undefined }],
    ["--since -100s", { sinceUs: 900_000_000 }],
    ["-g error", { grep: { pattern: "error", ignoreCase: true } }],
    ["-g Error", { grep: { pattern: "Error", ignoreCase: false } }],
    ["-g error --case-sensitive", { grep: { pattern: "error", ignoreCase: false } }],
    ["-g Error --case-sensitive=no", { grep: { pattern: "Error", ignoreCase: true } }],
    ["-t nginx", { identifiers: ["nginx"] }],
    ["-b", { boot: "0" }],
    ["-b -1", { boot: "-1" }],
    ["--boot=2", { boot: "2" }],
    ["_PID=7 + _UID=0", { matches: ["_PID=7", "+", "_UID=0"], units: undefined }],
    [`--invocation ${"a".repeat(32)}`, { invocation: "a".repeat(32) }],
  ])("with %s is the query", async (line, query) => {
    expect((await run(`journal ${line}`)).stderr).toBe("");
    expect(asked).toMatchObject(query);
  });

  test.each([
    ["-n x", "--lines takes"],
    ["-p loud", "--priority takes one of emerg"],
    ["-p err..", "--priority takes one of emerg"],
    ["--since later", "--since takes a point in time"],
    ["-b last", "--boot takes"],
    ["-o shirt", "-o takes short"],
  ])("with %s is refused with what it takes", async (line, text) => {
    const ran = await run(`journal ${line}`);
    expect(ran.exit).toBe(2);
    expect(ran.stderr).toContain(text);
  });
});

test("the journal of a fake machine is read by the same queries", async () => {
  const clock = new VirtualClock();
  const journal = new FakeJournal(clock);
  journal.append("a.service", "Started a.service.");
  journal.append("b.timer", "Started b.timer.");
  const read = async (query: JournalQuery): Promise<string[]> =>
    (await Array.fromAsync(journal.read(query))).map(({ unit }) => unit);
  expect(await read({})).toEqual(["a.service", "b.timer"]);
  expect(await read({ reverse: true, lines: 1 })).toEqual(["b.timer"]);
  expect(await read({ units: ["*.timer"] })).toEqual(["b.timer"]);
  expect(await read({ boot: "-1" })).toEqual([]);
});
