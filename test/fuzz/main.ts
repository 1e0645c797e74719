/**
 * `npm run fuzz -- [--inputs N] [--seed N] [--workers N]`: N inputs, a million unless given, through every subject.
 *
 * Then as many hundreds of peers send requests and frames of every kind to a store.
 *
 * An input that breaks a promise, or takes longer than a second, is printed with the seed that makes it again, and so is
 * one that does not come to an end. Exit code 1 then. A run that was interrupted goes on from the seed it told last.
 */
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { seededRandom } from "#base/random.ts";
import { type Batch, type Finding, INPUTS_PER_SEED } from "./batch.ts";
import { fuzzStore } from "./store-peers.ts";
import { SUBJECTS } from "./subjects.ts";

/** A batch takes seconds; one that is not done by now hangs, however busy the machine is. */
const HANG_MS = 10 * 60_000;
/** A peer of the store sends dozens of requests, each answered. */
const INPUTS_PER_PEER = 100;
const PROGRESS_EVERY_MS = 10_000;
/** Nearly all that an input makes is garbage when the next one comes; with room it is seldom swept. */
const YOUNG_MIB = 64;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Hands out batches, and knows which of them are done. */
class Run {
  failed = 0;
  #done = 0;
  #toldMs = performance.now();
  #next: number;
  readonly #first: number;
  readonly #inputs: number;
  readonly #running = new Set<number>();

  constructor(first: number, inputs: number) {
    this.#first = first;
    this.#next = first;
    this.#inputs = inputs;
  }

  /** The next batch, or undefined when all have been handed out. */
  take(): Batch | undefined {
    const seed = this.#next;
    const left = this.#inputs - (seed - this.#first) * INPUTS_PER_SEED;
    if (left <= 0) return undefined;
    this.#next++;
    this.#running.add(seed);
    return { seed, inputs: Math.min(left, INPUTS_PER_SEED) };
  }

  finish({ seed, inputs }: Batch, findings: readonly Finding[]): void {
    this.#running.delete(seed);
    this.#done += inputs;
    this.failed += findings.length;
    for (const { input, faults } of findings) {
      print(`seed ${seed}: ${JSON.stringify(input)}`);
      for (const fault of faults) print(`  ${fault}`);
    }
    if (performance.now() - this.#toldMs < PROGRESS_EVERY_MS) return;
    this.#toldMs = performance.now();
    const unfinished = Math.min(this.#next, ...this.#running);
    const left = this.#inputs - (unfinished - this.#first) * INPUTS_PER_SEED;
    print(
      `${this.#done} inputs, ${this.failed} failed; to go on from here: --seed ${unfinished} --inputs ${left}`,
    );
  }
}

/** Works on batches in a thread until there are none. */
async function work(run: Run): Promise<void> {
  const progress = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("batch.ts", import.meta.url), {
    workerData: progress,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });
  for (let batch = run.take(); batch !== undefined; batch = run.take()) {
    run.finish(batch, await resultOf(worker, batch, progress));
  }
  await worker.terminate();
}

/** What a worker finds in a batch. One that hangs ends the whole run: nothing behind it would be looked at. */
async function resultOf(worker: Worker, batch: Batch, progress: Int32Array): Promise<readonly Finding[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly Finding[]>();
  const hang = (): void => {
    const input = Atomics.load(progress, 0) + 1;
    reject(new Error(`seed ${batch.seed}: input ${input} does not come to an end`));
  };
  const timer = setTimeout(hang, HANG_MS);
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.postMessage(batch);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    worker.removeListener("error", reject);
  }
}

const { values } = parseArgs({
  options: { inputs: { type: "string" }, seed: { type: "string" }, workers: { type: "string" } },
});
const inputs = Number(values.inputs ?? 1_000_000);
const seed = Number(values.seed ?? randomInt(2 ** 31));
const workers = Number(values.workers ?? availableParallelism());
const startedMs = performance.now();
const run = new Run(seed, inputs);
try {
  await Promise.all(Array.from({ length: workers }, () => work(run)));
  await fuzzStore(seededRandom(seed), Math.ceil(inputs / INPUTS_PER_PEER));
} catch (error) {
  print(error instanceof Error ? error.message : String(error));
  process.exit(1);
}
const seconds = Math.round((performance.now() - startedMs) / 1000);
print(
  `${inputs} inputs from seed ${seed} through ${Object.keys(SUBJECTS).length} subjects in ${seconds} s: ${run.failed} failed`,
);
process.exitCode = run.failed === 0 ? 0 : 1;
