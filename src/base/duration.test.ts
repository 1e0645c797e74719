import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

describe("parseDuration", () => {
  test.each([
    ["90", 90_000],
    ["0", 0],
    ["100ms", 100],
    ["500us", 0.5],
    ["1min 30", 90_000],
    ["2h 3.5s", 7_203_500],
    ["1h30min", 5_400_000],
    ["5 minutes 20 seconds", 320_000],
    ["1d", 86_400_000],
    ["2w", 1_209_600_000],
    ["1M", 30.4375 * 86_400_000],
    ["1m", 60_000],
    ["1y", 365.25 * 86_400_000],
    [".5s", 500],
    ["+5", 5_000],
    ["  7 s ", 7_000],
    ["infinity", Number.POSITIVE_INFINITY],
  ])("%s is %d ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test("what is below a microsecond is cut off, digit by digit", () => {
    expect(parseDuration("1.0000019s")).toBe(1000.001);
    expect(parseDuration("0.5us")).toBe(0);
    expect(parseDuration("1.99999999ms")).toBe(1.999);
  });

  test("a unit below a microsecond counts nanoseconds", () => {
    expect(parseDuration("500", 1e-6)).toBeCloseTo(0.0005, 10);
    expect(parseDuration("2ms", 1e-6)).toBe(2);
  });

  test("numbers and spans have systemd's limits", () => {
    expect(parseDuration("9223372036854775806us")).toBeDefined();
    expect(parseDuration("9223372036854775808us")).toBeUndefined();
    expect(parseDuration("584541y")).toBeDefined();
    expect(parseDuration("584542y")).toBeUndefined();
  });

  test.each([
    "",
    " ",
    "abc",
    "5x",
    "-5",
    "1.",
    "1.s",
    "5. 5",
    "1.5.5",
    "5+5",
    "+ 5",
    "+.5",
    ".",
    "1..5",
    "5Ms",
    "5s x",
    "1:30",
    "s",
    "infinity 5",
    "5,5s",
  ])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test("a bare number counts the unit the key gives", () => {
    expect(parseDuration("5", 60_000)).toBe(300_000);
    expect(parseDuration("5s", 60_000)).toBe(5_000);
  });

  test("never throws and never gives less than nothing", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || ms >= 0).toBe(true);
      }),
    );
  });
});

describe("formatDuration", () => {
  test.each([
    [0, "0ms"],
    [100, "100ms"],
    [1_500, "1.5s"],
    [5_000, "5s"],
    [90_000, "1min 30s"],
    [3_600_000, "1h"],
    [7_203_500, "2h"],
    [93_600_000, "1d 2h"],
    [Number.POSITIVE_INFINITY, "infinity"],
  ])("%d ms is printed as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test("whole seconds below an hour are read back as they were", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3_599 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });
});
