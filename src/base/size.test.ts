import { describe, expect, test } from "vitest";
import { formatSize, parsePercent, parseSize, readSize } from "./size.ts";

describe("parseSize", () => {
  test.each([
    ["0", 0],
    ["512", 512],
    ["512M", 536_870_912],
    ["1.5G", 1_610_612_736],
    ["1K", 1024],
    ["2 T", 2 * 1024 ** 4],
    ["1G 512M", 1_610_612_736],
    ["1M2K3B", 1_050_627],
    ["10.M", 10_485_760],
    ["+5", 5],
  ])("%s is %d bytes", (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test("rates count by thousands", () => {
    expect(parseSize("5M", 1000)).toBe(5_000_000);
  });

  test.each(["", "M", "-1", "1X", "1k", "50%", "infinity", "1K 2M", "1 2", "1KB 1", "1.5.5", "16E"])(
    "%j is none",
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );
});

test.each([
  ["x", "Invalid argument"],
  ["", "Invalid argument"],
  ["-1", "Numerical result out of range"],
  ["18446744073709551616", "Numerical result out of range"],
  ["99999P", "Numerical result out of range"],
])("%j is no size: %s", (text, fault) => {
  expect(readSize(text)).toBe(fault);
});

describe("parsePercent", () => {
  test.each([
    ["50%", 0.5],
    ["200%", 2],
    ["12.5%", 0.125],
    ["0%", 0],
    ["12.34%", 0.1234],
    ["125‰", 0.125],
    ["1250‱", 0.125],
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
