/** The journal of a machine on which real units write. */
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allFields } from "#supervisor/journal-fields.ts";
import type { JournalEntry, JournalQuery, Supervisor } from "#supervisor/supervisor.ts";
import { entries, entryWhere, machineWith, output, service, statusWhere, TestMachine } from "./machine.ts";

const perl = (program: string): string =>
  `ExecStart=/usr/bin/perl -e '${program.replaceAll("\\", "\\\\").replaceAll("$", "$$$$").replaceAll("%", "%%")}'`;
const oneshot = (name: string, ...lines: readonly string[]) => service(name, "Type=oneshot", ...lines);
const read = (supervisor: Supervisor, query: JournalQuery): Promise<JournalEntry[]> =>
  Array.fromAsync(supervisor.journal(query));

describe("a unit's line", () => {
  test("has systemd's fields, and the ones that the unit file adds", async () => {
    await using held = await machineWith([
      oneshot(
        "a.service",
        "ExecStart=/bin/sh -c 'echo hello; :'",
        "SyslogIdentifier=me",
        "SyslogFacility=local3",
        "LogExtraFields=COLOR=red TASTE=100%%",
      ),
    ]);
    await held.supervisor.start("a.service");
    const [line] = await read(held.supervisor, { units: ["a.service"], identifiers: ["me"] });
    if (line === undefined) throw new Error("no line");
    const { invocation } = held.supervisor.status("a.service") ?? {};
    expect(allFields(line)).toMatchObject({
      MESSAGE: "hello",
      PRIORITY: "6",
      SYSLOG_IDENTIFIER: "me",
      SYSLOG_FACILITY: "19",
      COLOR: "red",
      TASTE: "100%",
      _TRANSPORT: "stdout",
      _PID: expect.stringMatching(/^\d+$/),
      _UID: String(process.getuid?.()),
      _GID: String(process.getgid?.()),
      _COMM: "sh",
      _EXE: expect.stringMatching(/sh$/),
      _CMDLINE: "/bin/sh -c echo hello; :",
      _SYSTEMD_UNIT: "a.service",
      _SYSTEMD_SLICE: "system.slice",
      _SYSTEMD_INVOCATION_ID: invocation,
      _BOOT_ID: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().replaceAll("-", ""),
      __REALTIME_TIMESTAMP: expect.stringMatching(/^1\d{15}$/),
      __MONOTONIC_TIMESTAMP: expect.stringMatching(/^\d+$/),
    });
  });

  test("about it is the supervisor's, names it and its run, and is found by it", async () => {
    await using held = await machineWith([oneshot("a.service", "ExecStart=/bin/echo hello")]);
    await held.supervisor.start("a.service");
    const { invocation = "" } = held.supervisor.status("a.service") ?? {};
    const run = await read(held.supervisor, { invocation });
    expect(run.map(({ origin, message }) => [origin, message])).toContainEqual(["unit", "hello"]);
    const [about] = run.filter(({ origin }) => origin === "supervisor").map(allFields);
    expect(about).toMatchObject({
      MESSAGE_ID: "7d4958e842da4a758f6c1cdc7b36dcc5",
      JOB_TYPE: "start",
      UNIT: "a.service",
      _SYSTEMD_UNIT: "init.scope",
      SYSLOG_IDENTIFIER: "flotilla",
    });
    expect(await read(held.supervisor, { matches: ["UNIT=a.service"], units: ["b.service"] })).toEqual([]);
  });

  test("comes in the order of its writing, to whichever stream it was written", async () => {
    const program =
      '$| = 1; select STDERR; for (1 .. 300) { print STDOUT "$_ out\\n"; print STDERR "$_ err\\n" }';
    await using held = await machineWith([oneshot("a.service", perl(program))]);
    await held.supervisor.start("a.service");
    const wanted = Array.from({ length: 300 }, (_, index) => [`${index + 1} out`, `${index + 1} err`]).flat();
    const found = await output(held.supervisor, "a.service");
    expect(found.filter((text) => text.endsWith("err"))).toEqual(
      wanted.filter((text) => text.endsWith("err")),
    );
    expect(found.length).toBe(600);
  });

  test("ends at a newline, a NUL, at 48 KiB and with its writer; empty ones are left out", async () => {
    const program =
      '$| = 1; print "a\\0b\\n\\n\\nc\\n", "x" x 50000, "\\n<3>d\\n<42>e\\n<>f\\n", pack("C*", 255, 254), "\\nlast"';
    await using held = await machineWith([oneshot("a.service", perl(program))]);
    await held.supervisor.start("a.service");
    const found = (await entries(held.supervisor, "a.service")).filter(({ origin }) => origin === "unit");
    expect(found.map(({ message, priority }) => [message.slice(0, 9), message.length, priority])).toEqual([
      ["a", 1, 6],
      ["b", 1, 6],
      ["c", 1, 6],
      ["xxxxxxxxx", 48 * 1024, 6],
      ["xxxxxxxxx", 50_000 - 48 * 1024, 6],
      ["d", 1, 3],
      ["<42>e", 5, 6],
      ["<>f", 3, 6],
      ["\uFFFD\uFFFD", 2, 6],
      ["last", 4, 6],
    ]);
    expect(found.at(-2)?.fields.MESSAGE).toEqual([255, 254]);
  });

  test("is weighed and dropped as the unit file says", async () => {
    await using held = await machineWith([
      oneshot("max.service", perl('print "<4>kept\\n<5>dropped\\nplain\\n"'), "LogLevelMax=warning"),
      oneshot("raw.service", perl('print "<4>raw\\n"'), "SyslogLevelPrefix=no", "SyslogLevel=notice"),
      oneshot(
        "fast.service",
        perl('$| = 1; print "$_\\n" for 1 .. 50; sleep 1; print "later\\n"'),
        "LogRateLimitIntervalSec=500ms",
        "LogRateLimitBurst=20",
      ),
    ]);
    const { supervisor } = held;
    for (const name of ["max.service", "raw.service", "fast.service"]) await supervisor.start(name);
    expect(await output(supervisor, "max.service")).toEqual(["kept"]);
    const raw = (await entries(supervisor, "raw.service")).find(({ origin }) => origin === "unit");
    expect(raw).toMatchObject({ message: "<4>raw", priority: 5 });
    const fast = await entries(supervisor, "fast.service");
    const lines = fast.filter(({ origin, fields }) => origin === "unit" || fields.N_DROPPED !== undefined);
    expect(lines.map(({ message }) => message)).toEqual([
      ...Array.from({ length: 20 }, (_, index) => String(index + 1)),
      "Suppressed 30 messages from fast.service",
      "later",
    ]);
    expect(lines.at(-2)).toMatchObject({
      priority: 4,
      fields: { N_DROPPED: "30", MESSAGE_ID: "a596d6fe7bfa4994828e72309e95d61e", UNIT: "fast.service" },
    });
  });
});

describe("the journal of all units", () => {
  test("is in the order of writing, with the last lines of all together", async () => {
    const names = Array.from({ length: 5 }, (_, index) => `u${index}.service`);
    const program = '$| = 1; for (1 .. 30) { print "line $_\\n"; select undef, undef, undef, 0.004 }';
    await using held = await machineWith(names.map((name) => oneshot(name, perl(program))));
    const { supervisor } = held;
    await Promise.all(names.map((name) => supervisor.start(name)));
    const all = await read(supervisor, {});
    const times = all.map(({ monotonicUs }) => monotonicUs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const name of names) {
      const own = all.filter((entry) => entry.unit === name && entry.origin === "unit");
      expect(own.map(({ message }) => message)).toEqual(
        Array.from({ length: 30 }, (_, index) => `line ${index + 1}`),
      );
    }
    expect(await read(supervisor, { lines: 12 })).toEqual(all.slice(-12));
    expect(await read(supervisor, { lines: 12, reverse: true })).toEqual(all.slice(-12).reverse());
    for (const index of [0, 17, 90, all.length - 1]) {
      expect(await read(supervisor, { after: all[index]?.cursor })).toEqual(all.slice(index + 1));
    }
  });
});

describe("how much is kept", () => {
  const loud = (name: string) => oneshot(name, perl('print "$_ ", "x" x 100, "\\n" for 1 .. 30000'));

  function sizeOf(machine: { readonly directory: string }, name: string): number {
    const directory = join(machine.directory, "journal", name);
    return readdirSync(directory).reduce((sum, file) => sum + statSync(join(directory, file)).size, 0);
  }

  test("of one unit is its share, and a cursor into what was removed goes on behind it", async () => {
    await using held = await machineWith(
      [loud("loud.service"), oneshot("quiet.service", "ExecStart=/bin/echo quiet")],
      { journalLimits: { maxBytes: 8 * 2 ** 20 } },
    );
    const { supervisor, machine } = held;
    await supervisor.start("quiet.service");
    const [quiet] = await entries(supervisor, "quiet.service");
    await supervisor.start("loud.service");
    expect(sizeOf(machine, "loud.service")).toBeLessThan(1.3 * 2 ** 20);
    const kept = await output(supervisor, "loud.service");
    expect(Number.parseInt(kept.at(-1) ?? "", 10)).toBe(30_000);
    expect(kept.length).toBeLessThan(15_000);
    const rest = await read(supervisor, { after: quiet?.cursor, units: ["loud.service"] });
    expect(rest.filter(({ origin }) => origin === "unit").map(({ message }) => message)).toEqual(kept);
  });

  test("of all units is less than the whole, and what a quiet one wrote stays", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `loud${index}.service`);
    await using held = await machineWith(
      [...names.map(loud), oneshot("quiet.service", "ExecStart=/bin/echo quiet")],
      {
        journalLimits: { maxBytes: 4 * 2 ** 20 },
      },
    );
    const { supervisor, machine } = held;
    await supervisor.start("quiet.service");
    await Promise.all(names.map((name) => supervisor.start(name)));
    const total = (): number => names.reduce((sum, name) => sum + sizeOf(machine, name), 0);
    await expect.poll(total, { timeout: 5000, interval: 20 }).toBeLessThan(5 * 2 ** 20);
    expect(await output(supervisor, "quiet.service")).toEqual(["quiet"]);
  });

  test("is no more than its age allows, of units that are not loaded any more", async () => {
    await using held = await machineWith([oneshot("old.service", "ExecStart=/bin/echo old")], {
      journalLimits: { maxAgeMs: 1 },
    });
    await held.supervisor.start("old.service");
    await held.supervisor.unload(["old.service"]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const supervisor = await held.machine.boot();
    await expect.poll(() => read(supervisor, { units: ["old.service"] })).toEqual([]);
  });
});

describe("following", () => {
  test("goes on over new files, and with units that come later", async () => {
    await using held = await machineWith(
      [oneshot("first.service", perl('$| = 1; print "$_ ", "x" x 100, "\\n" for 1 .. 5000'))],
      { journalLimits: { maxBytes: 64 * 2 ** 20 } },
    );
    const { supervisor, machine } = held;
    const seen = new Map<string, string[]>();
    const stop = new AbortController();
    const following = (async () => {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(20_000)]);
      for await (const { unit: name, origin, message } of supervisor.journal({
        units: ["*.service"],
        follow: true,
        signal,
      })) {
        if (origin !== "unit") continue;
        seen.set(name, [...(seen.get(name) ?? []), message.split(" ")[0] ?? ""]);
        if (message === "done") stop.abort();
      }
    })();
    await supervisor.start("first.service");
    await supervisor.load([oneshot("second.service", "ExecStart=/bin/echo done")]);
    await supervisor.start("second.service");
    await following;
    expect(readdirSync(join(machine.directory, "journal/first.service")).length).toBeGreaterThan(0);
    expect(seen.get("second.service")).toEqual(["done"]);
    expect(seen.get("first.service")).toEqual(Array.from({ length: 5000 }, (_, index) => String(index + 1)));
  }, 30_000);

  test("goes on when the supervisor is replaced, without a line lost or shown twice", async () => {
    const program = '$| = 1; for (1 .. 200) { print "$_\\n"; select undef, undef, undef, 0.005 }';
    await using held = await machineWith([oneshot("a.service", perl(program))]);
    void held.supervisor.start("a.service");
    const first: JournalEntry[] = [];
    for await (const entry of held.supervisor.journal({ units: ["a.service"], follow: true })) {
      if (entry.origin === "unit") first.push(entry);
      if (first.length === 20) break;
    }
    const next = await held.machine.boot();
    const rest: string[] = [];
    for await (const entry of next.journal({
      units: ["a.service"],
      after: first.at(-1)?.cursor,
      follow: true,
    })) {
      if (entry.origin === "unit") rest.push(entry.message);
      if (entry.message === "200") break;
    }
    expect([...first.map(({ message }) => message), ...rest]).toEqual(
      Array.from({ length: 200 }, (_, index) => String(index + 1)),
    );
  });
});

test("a journal that cannot be opened keeps no unit from running, and is opened as soon as it can be", async () => {
  const program = '$| = 1; select undef, undef, undef, 0.02 until -d $ARGV[0]; print "there\\n"; sleep 1000';
  await using machine = new TestMachine();
  const path = join(machine.directory, "journal/a.service");
  mkdirSync(join(machine.directory, "journal"), { recursive: true });
  writeFileSync(path, "where a directory should be");
  const supervisor = await machine.boot();
  await supervisor.load([service("a.service", "ExecStartPre=/bin/echo lost", `${perl(program)} ${path}`)]);
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  expect(supervisor.status("a.service")).toMatchObject({ active: "active" });
  rmSync(path);
  mkdirSync(path);
  await entryWhere(supervisor, "a.service", /^there$/);
  const told = (await entries(supervisor, "a.service")).map(({ message }) => message);
  expect(told.some((message) => /^\d+ messages were lost: /.test(message))).toBe(true);
});

describe("what is killed", () => {
  test("leaves whole lines, and the next run goes on behind them", async () => {
    const program =
      '$| = 1; my $n = 0; while (1) { print ++$n, "\\n"; select undef, undef, undef, 0.002 if $n % 40 == 0 }';
    await using held = await machineWith([service("a.service", perl(program), "Restart=no")]);
    const { supervisor } = held;
    await supervisor.start("a.service");
    await entryWhere(supervisor, "a.service", /^2000$/);
    await held.machine.cutPower();
    const path = join(held.machine.directory, "journal/a.service");
    const newest = String(Math.max(...readdirSync(path).map(Number)));
    appendFileSync(join(path, newest), "1790000000000000 5 0 6 torn by the cu");
    const next = await held.machine.boot();
    const numbers = (await output(next, "a.service")).map(Number);
    const [start = 0] = numbers;
    expect(numbers).toEqual(numbers.map((_, index) => start + index));
    await next.start("a.service");
    await statusWhere(next, "a.service", ({ active }) => active === "active");
    await next.stop("a.service");
    const all = await entries(next, "a.service");
    expect(all.filter(({ message }) => message.includes("torn"))).toEqual([]);
    expect(all.at(-1)?.origin).toBe("supervisor");
  }, 30_000);

  test("a unit that never stops writing can be stopped", async () => {
    await using held = await machineWith(
      [service("yes.service", "ExecStart=/usr/bin/yes"), service("b.service", "ExecStart=/bin/sleep 1000")],
      {
        journalLimits: { maxBytes: 2 ** 20 },
      },
    );
    await held.supervisor.start("yes.service");
    await entryWhere(held.supervisor, "yes.service", /^y$/);
    expect(await held.supervisor.stop("yes.service")).toEqual({ result: "done" });
    rmSync(join(held.machine.directory, "journal/yes.service"), { recursive: true });
  });
});
