/**
 * The journal of a machine: lines taken in from twenty services at once, counted in the files afterwards, and the last
 * hundred lines of a gigabyte. Beside it the same lines by way of `cat` into files, which is the floor.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#host/system.ts";
import { Journal } from "#supervisor/embedded/journal/journal.ts";
import { formatFields } from "#supervisor/embedded/journal/record.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { service, TestMachine } from "../test/supervisor/machine.ts";
import { processesTitled, proportionalMiB } from "./proc.ts";
import { type BenchResult, median, progress, report, toResult } from "./result.ts";

const ROUNDS = 5;
const SERVICES = 20;
const LINES = 25_000;
const WRITER = `$| = 0; printf "%s line %07d\\n", "x" x 80, $_ for 1 .. ${LINES}`;

const UNITS = 100;
const JOURNAL_BYTES = 2 ** 30;
const READS = 21;

/** Lines a second that have come to be in the files, from the start of twenty services to their end. */
async function takeIn(supervisor: Supervisor, round: number): Promise<number> {
  const names = Array.from({ length: SERVICES }, (_, index) => `writer${round}-${index}.service`);
  const exec = `ExecStart=/usr/bin/perl -e '${WRITER.replaceAll("\\", "\\\\").replaceAll("$", "$$$$").replaceAll("%", "%%")}'`;
  await supervisor.load(names.map((name) => service(name, "Type=oneshot", exec)));
  const startedMs = performance.now();
  const outcomes = await Promise.all(names.map((name) => supervisor.start(name)));
  const seconds = (performance.now() - startedMs) / 1000;
  const failed = outcomes.find(({ result }) => result !== "done");
  if (failed !== undefined) throw new Error(`a writer failed: ${failed.message}`);
  await checkAll(supervisor, names);
  await supervisor.unload(names);
  return (SERVICES * LINES) / seconds;
}

/** Every line of every service is there, once and in its order. */
async function checkAll(supervisor: Supervisor, names: readonly string[]): Promise<void> {
  const next = new Map(names.map((name) => [name, 1]));
  for await (const { unit, origin, message } of supervisor.journal({ units: names })) {
    if (origin !== "unit") continue;
    const wanted = next.get(unit) ?? 0;
    if (Number(message.slice(-7)) !== wanted) throw new Error(`${unit}: line ${wanted} is missing`);
    next.set(unit, wanted + 1);
  }
  for (const [unit, count] of next)
    if (count !== LINES + 1) throw new Error(`${unit} has ${count - 1} lines`);
}

/** The same writers, each through a `cat` into a file of its own. */
async function throughCat(directory: string): Promise<number> {
  const startedMs = performance.now();
  const ends = Array.from({ length: SERVICES }, async (_, index) => {
    const script = `/usr/bin/perl -e "$1" | cat > "$2"`;
    const args = ["-c", script, "sh", WRITER, join(directory, `cat-${index}`)];
    await once(spawn("/bin/sh", args, { stdio: "ignore" }), "close");
  });
  await Promise.all(ends);
  return (SERVICES * LINES) / ((performance.now() - startedMs) / 1000);
}

async function benchIntake(): Promise<readonly BenchResult[]> {
  await using machine = new TestMachine({ journalLimits: { maxBytes: 16 * 2 ** 30 } });
  const supervisor = await machine.boot();
  // Shims share the memory of their program, so what one weighs depends on how many there are.
  const idle = Array.from({ length: SERVICES }, (_, index) => `idle${index}.service`);
  await supervisor.load(idle.map((name) => service(name, "ExecStart=/bin/sleep infinity")));
  await Promise.all(idle.map((name) => supervisor.start(name)));
  const [samples, peers]: number[][] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    samples?.push(await takeIn(supervisor, round));
    peers?.push(await throughCat(machine.directory));
    progress(`${Math.round(samples?.at(-1) ?? 0)} lines/s; cat ${Math.round(peers?.at(-1) ?? 0)}`);
  }
  return [
    toResult({
      name: "journal-intake",
      what: `lines of 94 bytes taken into the journal from ${SERVICES} services, none lost`,
      unit: "lines/s",
      target: { atLeast: 100_000 },
      samples: samples ?? [],
      peers: { "cat into files": peers ?? [], "journald (20,000 lines in 2.0 s, systemd 252)": [10_000] },
    }),
    await benchShim(supervisor),
  ];
}

/** What a shim weighs that has taken in a lot. */
async function benchShim(supervisor: Supervisor): Promise<BenchResult> {
  const shell = `/usr/bin/perl -e '${"$$| = 1; print qq(line $$_\\\\n) for 1 .. 100000; sleep 1000"}'`;
  await supervisor.load([service("busy.service", `ExecStart=${shell}`)]);
  await supervisor.start("busy.service");
  const follow = supervisor.journal({
    units: ["busy.service"],
    follow: true,
    signal: AbortSignal.timeout(30_000),
  });
  for await (const { message } of follow) if (message === "line 100000") break;
  const pids = (await processesTitled("flotilla-shim: busy.service")).slice(-1);
  const sizes = await Promise.all(pids.map((pid) => proportionalMiB(pid)));
  return toResult({
    name: "journal-shim-memory",
    what: `memory (PSS) of a shim that has taken in 100,000 lines, beside ${SERVICES} others`,
    unit: "MiB",
    target: { atMost: 1.5 },
    samples: sizes,
  });
}

/** A gigabyte of lines of a hundred units, as their shims would have written them. */
function writeGigabyte(directory: string): void {
  const startUs = (Date.now() - 3_600_000) * 1000;
  const unitBytes = JOURNAL_BYTES / UNITS;
  for (let index = 0; index < UNITS; index += 1) {
    const unit = `unit-${index}.service`;
    mkdirSync(join(directory, unit));
    const fields = formatFields({
      _BOOT_ID: "b".repeat(32),
      _TRANSPORT: "stdout",
      _SYSTEMD_UNIT: unit,
      _PID: 7,
    });
    const lines: string[] = [];
    for (let bytes = 0, number = 0; bytes < unitBytes; number += 1) {
      const us = startUs + number * 50_000 + index;
      const line = `${us} ${us - startUs + 1} 0 6 line ${number} of ${unit} ${"x".repeat(60)}\n`;
      bytes += line.length;
      lines.push(line);
    }
    writeFileSync(join(directory, unit, "1"), `@${startUs} ${fields}\n${lines.join("")}`);
  }
}

async function benchTail(): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-bench-journal-"));
  try {
    writeGigabyte(directory);
    const samples: number[] = [];
    for (let read = 0; read < READS; read += 1) {
      const journal = new Journal({
        directory,
        clock: systemClock,
        boot: "b".repeat(32),
        machine: "",
        host: "m",
      });
      const startedMs = performance.now();
      const entries = await Array.fromAsync(journal.read({ lines: 100 }));
      samples.push(performance.now() - startedMs);
      if (entries.length !== 100) throw new Error(`only ${entries.length} entries`);
    }
    progress(`-n 100 in ${median(samples).toFixed(1)} ms`);
    return toResult({
      name: "journal-last-100",
      what: `the last 100 lines of a journal of 1 GiB over ${UNITS} units`,
      unit: "ms",
      target: { atMost: 100 },
      samples,
      peers: { "journalctl -n 1000 -o json (systemd 252)": [94] },
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

report(...(await benchIntake()), await benchTail());
