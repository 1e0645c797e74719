import { expect, test } from "vitest";
import { describeSpan } from "./texts.ts";

test.each([
  [0, "0"],
  [200, "200ms"],
  [3000, "3s"],
  [90_000, "1min 30s"],
  [86_400_000 + 3_600_000 + 1, "1d 1h 1ms"],
  [Number.POSITIVE_INFINITY, "infinity"],
])("%d ms are %s", (ms, text) => {
  expect(describeSpan(ms)).toBe(text);
});
