/** The daemon is killed at random moments; no service of any type notices. main.ts does the same for longer. */
import { expect, test } from "vitest";
import { killRounds } from "./kill-rounds.ts";

const ROUNDS = 20;
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

test(`${ROUNDS} kills leave nothing stopped, doubled or lost (SEED=${seed})`, {
  timeout: 240_000,
}, async () => {
  expect(await killRounds(ROUNDS, seed)).toEqual([]);
});
