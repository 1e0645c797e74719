/**
 * The embedded store with 100,000 keys of 1 kB, in a process of its own that runs as a daemon does: memory after writing
 * them and after opening them again, how long opening takes, and how long anything holds up the event loop.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { progress, report, toResult } from "./result.ts";
import { bundle, DAEMON_FLAGS } from "./served-store.ts";

const OPENINGS = 5;
const run = promisify(execFile);

interface Figures {
  readonly openMs: number;
  readonly rssMiB: number;
  /** The longest turn of the event loop, in ms of processor time, by what was done. */
  readonly turns: Readonly<Record<string, number>>;
}

const directory = await mkdtemp(join(tmpdir(), "flotilla-bench-engine-"));
const program = join(directory, "process.mjs");

async function measure(task: "fill" | "open" | "load"): Promise<Figures> {
  progress(task);
  const { stdout } = await run(process.execPath, [...DAEMON_FLAGS, program, task, join(directory, "store")]);
  return JSON.parse(stdout) as Figures;
}

try {
  await bundle("store-engine-process.ts", program);
  const filled = await measure("fill");
  const opened: Figures[] = [];
  for (let at = 0; at < OPENINGS; at += 1) opened.push(await measure("open"));
  const loaded = await measure("load");
  report(
    toResult({
      name: "store-engine-memory",
      what: "resident memory of a process with a store of 100,000 keys of 1 kB, after writing or opening it",
      unit: "MiB",
      target: { atMost: 250 },
      samples: [Math.max(filled.rssMiB, ...opened.map(({ rssMiB }) => rssMiB))],
      details: { afterWriting: filled.rssMiB, afterOpening: opened[0]?.rssMiB },
    }),
    toResult({
      name: "store-engine-open",
      what: "opening a store of 100,000 keys of 1 kB",
      unit: "ms",
      target: { atMost: 1_500 },
      samples: opened.map(({ openMs }) => openMs),
    }),
    toResult({
      name: "store-engine-stall",
      what: "processor time of the longest turn of the event loop while the store works at full load",
      unit: "ms",
      target: { atMost: 20 },
      samples: [Math.max(...Object.values(loaded.turns))],
      details: { turns: loaded.turns },
    }),
  );
} finally {
  await rm(directory, { recursive: true });
}
