/**
 * `npm run simulate -- [--seeds N] [--seed N] [--verbose]`: many runs from consecutive seeds, or one run.
 * `npm run simulate -- --strict N [--seed N]`: runs for strict units until there were N faults.
 *
 * A seed that fails is printed with what did not hold and the command that replays it; one run prints the last lines
 * of what happened, with --verbose all of them.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { type SimulationResult, simulate } from "./simulation.ts";
import { simulateStrict } from "./strict.ts";

const PROGRESS_EVERY_MS = 5_000;
const TAIL_LINES = 60;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new TypeError(`"${text}" is not a whole number`);
}

function describe({ seed, failure, virtualMs, revisions, digest }: SimulationResult): string {
  const outcome = failure === undefined ? "ok" : `FAILED ${failure.message}`;
  const seconds = (virtualMs / 1000).toFixed(1);
  return `seed ${seed}: ${outcome} (${seconds} virtual seconds, ${revisions} revisions, trace ${digest.slice(0, 12)})`;
}

async function replay(seed: number, verbose: boolean): Promise<number> {
  const result = await simulate(seed);
  const lines = verbose ? result.trace : result.trace.slice(-TAIL_LINES);
  for (const line of lines) print(line);
  if (result.failure !== undefined && result.failure.name !== "Violation") print(result.failure.stack ?? "");
  print(describe(result));
  return result.failure === undefined ? 0 : 1;
}

async function runMany(first: number, count: number): Promise<number> {
  let failed = 0;
  let virtualMs = 0;
  let toldMs = performance.now();
  const startMs = toldMs;
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await simulate(seed);
    virtualMs += result.virtualMs;
    if (result.failure !== undefined) {
      failed += 1;
      print(`${describe(result)}\n  replay: npm run simulate -- --seed ${seed} --verbose`);
    }
    if (performance.now() - toldMs < PROGRESS_EVERY_MS) continue;
    toldMs = performance.now();
    print(`${seed - first + 1} of ${count} seeds, ${failed} failed`);
  }
  const hours = (virtualMs / 3_600_000).toFixed(1);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  print(
    `${count} seeds from ${first}: ${count - failed} passed, ${failed} failed; ${hours} virtual hours in ${seconds} s`,
  );
  return failed === 0 ? 0 : 1;
}

/** Runs from consecutive seeds until there were `count` faults. */
async function runStrict(first: number, count: number, verbose: boolean): Promise<number> {
  const faults = new Map<string, number>();
  let [runs, virtualMs, total, seed] = [0, 0, 0, first];
  for (; total < count; seed += 1) {
    const result = await simulateStrict(seed);
    for (const [name, times] of result.faults) faults.set(name, (faults.get(name) ?? 0) + times);
    total = [...faults.values()].reduce((sum, times) => sum + times, 0);
    runs += result.runs;
    virtualMs += result.virtualMs;
    if (result.failure === undefined) continue;
    for (const line of verbose ? result.trace : result.trace.slice(-TAIL_LINES)) print(line);
    print(
      `FAILED ${result.failure.message}\n  replay: npm run simulate -- --strict 1 --seed ${seed} --verbose`,
    );
    return 1;
  }
  for (const [name, times] of faults) print(`${String(times).padStart(6)} ${name}`);
  const minutes = (virtualMs / 60_000).toFixed(0);
  print(
    `${total} faults over ${seed - first} clusters in ${minutes} virtual minutes from seed ${first}: strict units ran ${runs} times, never two copies`,
  );
  return 0;
}

const { values } = parseArgs({
  options: {
    strict: { type: "string" },
    seeds: { type: "string" },
    seed: { type: "string" },
    verbose: { type: "boolean" },
  },
});
const seed = readNumber(values.seed);
const count = readNumber(values.seeds);
const strict = readNumber(values.strict);
process.exitCode =
  strict !== undefined
    ? await runStrict(seed ?? randomInt(2 ** 31), strict, values.verbose ?? false)
    : seed !== undefined && count === undefined
      ? await replay(seed, values.verbose ?? false)
      : await runMany(seed ?? randomInt(2 ** 31), count ?? 100);
