/** The daemon is killed at random moments; no service of any type notices. main.ts does the same for longer. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { killRounds } from "./kill-rounds.ts";

const ROUNDS = 20;
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

test(`${ROUNDS} kills leave nothing stopped, doubled or lost (SEED=${seed})`, {
  timeout: 240_000,
}, async () => {
  const keep = join(tmpdir(), `kill-rounds-${ROUNDS}-${seed}`);
  expect(await killRounds(ROUNDS, seed, keep), `what is left of it is in ${keep}`).toEqual([]);
});
