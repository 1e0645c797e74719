/** Failure rule 4 in simulation; `npm run simulate -- --strict 500` is the long form. */
import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { simulateStrict } from "./strict.ts";

/** Seeds that once found a fault. */
const FIXED_SEEDS = [29225820];
const RANDOM_RUNS = 2;

const random = Array.from({ length: RANDOM_RUNS }, () => randomInt(2 ** 31));

test.each([...FIXED_SEEDS, ...random])("strict units never run twice with seed %i", async (seed) => {
  const { failure, faults, runs } = await simulateStrict(seed);
  expect(failure?.message, `replay with: npm run simulate -- --strict 1 --seed ${seed} --verbose`).toBe(
    undefined,
  );
  expect(faults.size).toBeGreaterThan(0);
  expect(runs).toBeGreaterThan(0);
});
