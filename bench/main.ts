/**
 * `npm run bench`: runs each benchmark in a process of its own and prints one JSON document.
 *
 * Usage: node bench/main.ts [NAME…]. Progress goes to standard error. The exit code says whether every benchmark ran;
 * whether it reached its target is in the document, because a busy computer is no fault of the program.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { BenchResult } from "./result.ts";

/** The benchmarks, each a program in this folder. */
const BENCHMARKS = [
  "start",
  "failover",
  "drain",
  "join",
  "scheduler",
  "idle",
  "machines-idle",
  "machines-start",
  "list-units",
  "store",
  "store-engine",
  "store-answers",
  "store-client",
  "promote",
  "supervisor",
  "systemd",
  "journal",
  "unit-file",
];

interface Ran {
  readonly benchmark: string;
  readonly loadAverage: number;
  readonly seconds: number;
  readonly results: readonly BenchResult[];
  readonly error?: string;
}

async function run(benchmark: string, signal: AbortSignal): Promise<Ran> {
  console.error(benchmark);
  const [loadAverage = 0] = loadavg();
  const startedMs = performance.now();
  // The benchmark removes what it has made when it is interrupted, so it is asked to end, not killed.
  const options = { stdio: ["ignore", "pipe", "inherit"] as ["ignore", "pipe", "inherit"] };
  const child = spawn(process.execPath, [join(import.meta.dirname, `${benchmark}.ts`)], options);
  const end = (): boolean => child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  const closed = once(child, "close");
  const output = await text(child.stdout);
  await closed;
  signal.removeEventListener("abort", end);
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const ran = { benchmark, loadAverage, seconds };
  if (child.exitCode !== 0) return { ...ran, results: [], error: `ended with exit code ${child.exitCode}` };
  const results = JSON.parse(output.trim().split("\n").at(-1) ?? "[]") as readonly BenchResult[];
  for (const row of results)
    console.error(`  ${row.pass ? "pass" : "MISS"} ${row.what}: ${row.value} ${row.unit}`);
  return { ...ran, results };
}

function computer(): Readonly<Record<string, unknown>> {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
  };
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !BENCHMARKS.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(", ")}; there are ${BENCHMARKS.join(", ")}`);
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
const ran: Ran[] = [];
for (const name of asked.length > 0 ? asked : BENCHMARKS) {
  if (!interrupted.signal.aborted) ran.push(await run(name, interrupted.signal));
}
const document = { date: new Date().toISOString(), computer: computer(), benchmarks: ran };
console.log(JSON.stringify(document, null, 2));
process.exitCode = ran.some(({ error }) => error !== undefined) || interrupted.signal.aborted ? 1 : 0;
