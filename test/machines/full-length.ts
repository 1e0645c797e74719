/** How long and how much: little in `npm test`, all of it with FLOTILLA_TEST_FULL=1. */

const isFull = process.env.FLOTILLA_TEST_FULL === "1";

/** Units on three machines. */
export const MANY_UNITS = isFull ? 500 : 100;

/** For how long the store is away. */
export const STORE_OUTAGE_MS = isFull ? 60_000 : 9_000;

/** How long one such test may take. */
export const LONG_TEST_MS = isFull ? 300_000 : 90_000;

/** Faults that strict units meet. */
export const FAULTS = Number(process.env.FLOTILLA_TEST_FAULTS ?? 3);

/** How long it may take until a unit is settled after each of them, and all of them together. */
export const FAULT_TEST_MS = FAULTS * 75_000;
