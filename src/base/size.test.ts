import { describe, expect, test } from "vitest";
import { formatSize, parsePercent, parseSize } from "./size.ts";

describe("parseSize", () => {
  test.each([
    ["0", 0],
    ["512", 512],
    ["512M", 536_870_912],
    ["1.5G", 1_610_612_736],
    ["1K", 1024],
    ["2 T", 2 * 1024 ** 4],
    ["1KB", 1024],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test("rates count by thousands", () => {
    expect(parseSize("5M", 1000)).toBe(5_000_000);
  });

  test.each(["", "M", "-1", "1X", "1k", "50%", "infinity", "1M 2"])("%j is none", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe("parsePercent", () => {
  test.each([
    ["50%", 0.5],
    ["200%", 2],
    ["12.5%", 0.125],
    ["0%", 0],
  ])("%s is the share %d", (text, share) => {
    expect(parsePercent(text)).toBeCloseTo(share, 10);
  });

  test.each(["50", "50%%", "%", "-5%", "12.345%", "5 %"])("%j is none", (text) => {
    expect(parsePercent(text)).toBeUndefined();
  });
});

test.each([
  [0, "0B"],
  [1023, "1023B"],
  [1536, "1.5K"],
  [536_870_912, "512M"],
  [2 * 1024 ** 6, "2E"],
  [Number.POSITIVE_INFINITY, "infinity"],
])("%d bytes are printed as %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});
