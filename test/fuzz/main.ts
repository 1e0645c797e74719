/**
 * `npm run fuzz -- [--inputs N] [--seed N]`: N inputs, a million unless given, through every subject. An input that
 * breaks a promise, or takes longer than a second, is printed with the seed that makes it again. Exit code 1 then.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { seededRandom } from "#base/random.ts";
import { readCorpus } from "./corpus.ts";
import { makeInput } from "./inputs.ts";
import { SUBJECTS } from "./subjects.ts";

const PROGRESS_EVERY_MS = 10_000;
const SLOW_MS = 1_000;
/** A seed makes so many inputs, so that one of them is soon made again. */
const INPUTS_PER_SEED = 1_000;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is wrong with an input, by subject. */
function faultsOf(input: string): readonly string[] {
  return Object.entries(SUBJECTS).flatMap(([name, check]) => {
    const startMs = performance.now();
    try {
      check(input);
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
    }
    const tookMs = performance.now() - startMs;
    return tookMs > SLOW_MS ? [`${name}: took ${Math.round(tookMs)} ms`] : [];
  });
}

/** @returns how many inputs had faults */
function run(firstSeed: number, inputs: number): number {
  const corpus = readCorpus();
  let failed = 0;
  let toldMs = performance.now();
  let random = seededRandom(firstSeed);
  for (let count = 0; count < inputs; count++) {
    const seed = firstSeed + Math.floor(count / INPUTS_PER_SEED);
    if (count % INPUTS_PER_SEED === 0) random = seededRandom(seed);
    const input = makeInput(random, corpus);
    const faults = faultsOf(input);
    if (faults.length > 0) {
      failed += 1;
      print(`seed ${seed}: ${JSON.stringify(input)}`);
      for (const fault of faults) print(`  ${fault}`);
    }
    if (performance.now() - toldMs < PROGRESS_EVERY_MS) continue;
    toldMs = performance.now();
    print(`${count + 1} of ${inputs} inputs, ${failed} failed`);
  }
  return failed;
}

// Refusals are exceptions, and nobody looks at where they come from.
Error.stackTraceLimit = 0;

const { values } = parseArgs({ options: { inputs: { type: "string" }, seed: { type: "string" } } });
const inputs = Number(values.inputs ?? 1_000_000);
const seed = Number(values.seed ?? randomInt(2 ** 31));
const failed = run(seed, inputs);
print(
  `${inputs} inputs from seed ${seed} through ${Object.keys(SUBJECTS).length} subjects: ${failed} failed`,
);
process.exitCode = failed === 0 ? 0 : 1;
