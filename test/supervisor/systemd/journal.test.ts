/** The journal of a real systemd, as each kind of query selects of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JournalEntry, JournalQuery, Supervisor } from "#supervisor/supervisor.ts";
import { whyNoContainer } from "../../conformance/supervisor/systemd/container.ts";
import { service } from "../machine.ts";
import { SystemdMachine } from "./machine.ts";

const SAYS = ["<3>Grave", "<6>plain one", "<6>plain two", "<7>detail"];

describe.runIf(whyNoContainer() === undefined)("the journal of a real systemd", () => {
  let machine: SystemdMachine;
  let supervisor: Supervisor;
  let entries: readonly JournalEntry[];

  beforeAll(async () => {
    machine = await SystemdMachine.boot();
    supervisor = await machine.supervisor();
    // It lives until journald has looked up whose lines they are: of a run that is over it no longer finds the ID.
    const echo = `ExecStart=/bin/sh -c 'printf "${SAYS.join("\\n")}\\n"; sleep 0.5'`;
    const units = ["says-a.service", "says-b.service"].map((name) => {
      return service(name, "Type=oneshot", "SyslogIdentifier=%p", echo);
    });
    await supervisor.load(units);
    for (const { name } of units) await supervisor.start(name);
    await machine.run("journalctl", "--sync");
    entries = await read({ units: units.map(({ name }) => name) });
  }, 60_000);
  afterAll(() => machine[Symbol.asyncDispose]());

  async function read(query: JournalQuery): Promise<JournalEntry[]> {
    const found: JournalEntry[] = [];
    for await (const entry of supervisor.journal(query)) found.push(entry);
    return found;
  }

  const said = (found: readonly JournalEntry[]): readonly string[] =>
    found.filter(({ origin }) => origin === "unit").map(({ message }) => message);
  const plain = SAYS.map((line) => line.slice(3));
  const both = [...plain, ...plain];

  test("has what units write, and what systemd writes about them, in order", () => {
    expect(said(entries)).toEqual(both);
    const about = entries.filter(({ origin, unit }) => origin === "supervisor" && unit === "says-a.service");
    expect(about.map(({ message }) => message)).toContain("Finished says-a.service.");
    const times = entries.map(({ monotonicUs }) => monotonicUs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  test.each<[string, () => JournalQuery, readonly string[]]>([
    ["a pattern", () => ({ units: ["says-*"] }), both],
    ["one unit", () => ({ units: ["says-b.service"] }), plain],
    ["no unit", () => ({ units: [] }), []],
    ["priorities", () => ({ units: ["says-*"], priority: { from: 0, to: 3 } }), ["Grave", "Grave"]],
    ["a range of them", () => ({ units: ["says-a.service"], priority: { from: 7, to: 7 } }), ["detail"]],
    ["an identifier", () => ({ identifiers: ["says-b"] }), plain],
    ["this boot", () => ({ units: ["says-a.service"], boot: "0" }), plain],
    ["a text", () => grep("plain", false), ["plain one", "plain two"]],
    ["a text in other letters", () => grep("GRAVE", true), ["Grave"]],
    ["a text in other letters where they count", () => grep("GRAVE", false), []],
    ["a text and the last line", () => ({ ...grep("plain", false), lines: 1 }), ["plain two"]],
    ["matches", () => ({ matches: ["SYSLOG_IDENTIFIER=says-a", "PRIORITY=3"] }), ["Grave"]],
    [
      "groups of them",
      () => ({ matches: ["PRIORITY=7", "SYSLOG_IDENTIFIER=says-a", "+", "UNIT=no"] }),
      ["detail"],
    ],
    ["a run", () => ({ invocation: supervisor.status("says-b.service")?.invocation ?? "" }), plain],
    ["a time", () => ({ units: ["says-*"], sinceUs: entries.at(-1)?.timeUs ?? 0 }), []],
    ["an end", () => ({ units: ["says-*"], untilUs: (entries[0]?.timeUs ?? 0) - 1 }), []],
  ])("selects by %s", async (_, query, expected) => {
    expect(said(await read(query()))).toEqual(expected);
  });

  function grep(pattern: string, ignoreCase: boolean): JournalQuery {
    return { units: ["says-a.service"], grep: { pattern, ignoreCase } };
  }

  test("gives the last lines, the newest first, and those behind a cursor", async () => {
    const units = ["says-*"];
    expect(await read({ units, lines: 3 })).toEqual(entries.slice(-3));
    expect(await read({ units, reverse: true })).toEqual(entries.toReversed());
    const { cursor = "" } = entries[2] ?? {};
    expect(await read({ units, after: cursor })).toEqual(entries.slice(3));
  });

  test("says what it cannot make sense of", async () => {
    await expect(read(grep("(", false))).rejects.toMatchObject({ code: "bad-request" });
    await expect(read({ after: "nonsense" })).rejects.toMatchObject({ code: "bad-request" });
  });

  test.each<[string, JournalQuery]>([
    ["a unit", { units: ["later.service"] }],
    ["a pattern that a unit comes to match", { units: ["late?.service"] }],
    ["a text", { units: ["later.service"], grep: { pattern: "new", ignoreCase: false } }],
  ])(
    "follows %s",
    async (_, query) => {
      const line = `new ${Math.random()}`;
      // journalctl does not say when it has begun, so that the unit says its line until it is heard.
      const repeat = `ExecStart=/bin/sh -c 'while :; do echo "${line}"; sleep 0.1; done'`;
      await supervisor.load([service("later.service", repeat)]);
      const seen = firstOf({ ...query, lines: 0, follow: true, signal: AbortSignal.timeout(20_000) }, line);
      await supervisor.start("later.service");
      expect(await seen).toBe(line);
      await supervisor.stop("later.service");
    },
    30_000,
  );

  async function firstOf(query: JournalQuery, line: string): Promise<string | undefined> {
    for await (const { message } of supervisor.journal(query)) if (message === line) return message;
    return undefined;
  }

  test("ends when nobody wants it any more", async () => {
    const gone = new AbortController();
    const following = read({ units: ["says-a.service"], follow: true, signal: gone.signal });
    gone.abort();
    expect((await following).length).toBeLessThanOrEqual(entries.length);
    for await (const { unit } of supervisor.journal({ units: ["says-a.service"], follow: true })) {
      expect(unit).toBe("says-a.service");
      break;
    }
  });
});
