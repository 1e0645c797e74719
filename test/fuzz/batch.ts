/**
 * A worker of the fuzzer: makes the inputs of one seed after the other and hands each to every subject.
 *
 * It is told a batch by a message, answers with its findings by another, and in between counts in shared memory where it
 * is, so that whoever waits can tell which input it is that does not come to an end.
 */
import { parentPort, workerData } from "node:worker_threads";
import { seededRandom } from "#base/random.ts";
import { readCorpus } from "./corpus.ts";
import { makeInput } from "./inputs.ts";
import { SUBJECTS } from "./subjects.ts";

/** A seed makes so many inputs, so that one of them is soon made again. */
export const INPUTS_PER_SEED = 1_000;

/** An input may cost a subject so much of the processor; how busy the machine is does not count. */
const SLOW_MS = 1_000;

export interface Batch {
  readonly seed: number;
  readonly inputs: number;
}

/** An input and what it did wrong. */
export interface Finding {
  readonly input: string;
  readonly faults: readonly string[];
}

function run({ seed, inputs }: Batch, corpus: readonly string[], progress: Int32Array): readonly Finding[] {
  const random = seededRandom(seed);
  const findings: Finding[] = [];
  for (let count = 0; count < inputs; count++) {
    Atomics.store(progress, 0, count);
    const input = makeInput(random, corpus);
    const faults = faultsOf(input);
    if (faults.length > 0) findings.push({ input, faults });
  }
  return findings;
}

/** What is wrong with an input, by subject. */
function faultsOf(input: string): readonly string[] {
  return Object.entries(SUBJECTS).flatMap(([name, check]) => {
    const start = process.threadCpuUsage();
    try {
      check(input);
    } catch (error) {
      return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
    }
    const { user, system } = process.threadCpuUsage(start);
    const tookMs = (user + system) / 1000;
    return tookMs > SLOW_MS ? [`${name}: took ${Math.round(tookMs)} ms`] : [];
  });
}

if (parentPort !== null && workerData instanceof Int32Array) {
  // Refusals are exceptions, and nobody looks at where they come from.
  Error.stackTraceLimit = 0;
  const port = parentPort;
  const progress = workerData;
  const corpus = readCorpus();
  port.on("message", (batch: Batch) => port.postMessage(run(batch, corpus, progress)));
}
