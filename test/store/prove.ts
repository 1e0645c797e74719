/**
 * `npm run prove -- [--minutes N] [--seed N]`: the proofs of the store and of strict units at full length, which
 * `npm test` runs short: a catch-up cut at every place, histories checked for N minutes on each store, five unless given,
 * 300 kills, 30 faults of real machines, and a store that is away from 500 units for 60 s. It takes hours; a length that the environment sets is kept. It ends as `npm test` does, with what is left running and the count.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const root = dirname(dirname(import.meta.dirname));
const { values } = parseArgs({ options: { minutes: { type: "string" }, seed: { type: "string" } } });
const minutes = Number(values.minutes ?? 5);
const seed = Number(values.seed ?? randomInt(2 ** 31));

/** What the tests read; each has a short default. */
const LENGTHS = {
  FLOTILLA_TEST_CUTS: "1000000",
  FLOTILLA_TEST_LINEARIZABILITY_MS: String(minutes * 60_000),
  FLOTILLA_TEST_KILLS: "300",
  FLOTILLA_TEST_HARDSHIPS: "4",
  FLOTILLA_TEST_PROMOTIONS: "20",
  FLOTILLA_TEST_RUNS: "500",
  FLOTILLA_TEST_FAULTS: "30",
  FLOTILLA_TEST_FULL: "1",
  FLOTILLA_TEST_SEED: String(seed),
};
const PROOFS = [
  "test/store",
  "test/contract",
  "test/machines/strict.test.ts",
  "test/machines/store-away.test.ts",
];

process.stdout.write(`seed ${seed}\n`);
const { status } = spawnSync(
  process.execPath,
  [join(root, "scripts", "test.ts"), ...PROOFS, "--testTimeout=36000000"],
  { cwd: root, stdio: "inherit", env: { ...LENGTHS, ...process.env } },
);
process.exitCode = status ?? 1;
