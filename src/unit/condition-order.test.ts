import { describe, expect, test } from "vitest";
import { compareVersions, holdsNumber, holdsOsRelease, holdsVersion } from "./condition-order.ts";

describe("compareVersions orders as systemd-analyze compare-versions does", () => {
  test.each([
    ["1", "1", 0],
    ["1", "2", -1],
    ["1.10", "1.9", 1],
    ["1.01", "1.1", 0],
    ["1.0", "1", 1],
    ["1~rc1", "1", -1],
    ["1^post", "1", 1],
    ["1-1", "1", 1],
    ["1-1", "1.1", -1],
    ["1a", "1", 1],
    ["a", "1", -1],
    ["a", "b", -1],
    ["ab", "a", 1],
    ["6.1.0-18-amd64", "6.1.0-9-amd64", 1],
    ["1_2", "12", -1],
    ["", "", 0],
    ["", "1", -1],
    ["~", "", -1],
  ])("%j and %j", (a, b, order) => {
    expect(Math.sign(compareVersions(a, b))).toBe(order);
    expect(Math.sign(compareVersions(b, a))).toBe(order === 0 ? 0 : -order);
  });
});

describe("holdsNumber", () => {
  const read = (text: string) => (/^\d+$/.test(text) ? Number(text) : undefined);
  test.each<[string, boolean | undefined]>([
    ["5", true],
    ["6", false],
    ["<=5", true],
    ["< 5", false],
    ["=5", true],
    ["==5", true],
    ["!=5", false],
    ["<>5", false],
    [">4", true],
    ["x", undefined],
    [">", undefined],
  ])("5 against %s", (expression, holds) => {
    expect(holdsNumber(expression, 5, read)).toBe(holds);
  });
});

describe("holdsVersion", () => {
  const same = (pattern: string, text: string) => text.startsWith(pattern.replace("*", ""));
  test.each<[string, boolean | undefined]>([
    [">=6.1", true],
    [">= 6.1", true],
    [">=6.1 <7", true],
    [">=6.1 <6.2", false],
    [">=6.1 < 7", undefined],
    [">", undefined],
    ["6.*", true],
    ["5.* >1", false],
    ["", true],
    ['">=6', undefined],
  ])("6.5 against %s", (expression, holds) => {
    expect(holdsVersion(expression, "6.5", same)).toBe(holds);
  });
});

describe("holdsOsRelease", () => {
  test.each<[string, boolean | undefined]>([
    ["ID=debian", true],
    ["ID==debian", true],
    ["ID!=debian", false],
    ["ID=debian VERSION_ID>=12", true],
    ["VERSION_ID<12", false],
    ["VERSION_ID=12.0", false],
    ["NONE=x", false],
    ["NONE!=x", true],
    ["NONE<1", true],
    ["ID=", undefined],
    ["ID", undefined],
    ["1D=x", undefined],
    ["'ID= debian'", undefined],
  ])("Debian 12 against %s", (expression, holds) => {
    expect(holdsOsRelease(expression, { ID: "debian", VERSION_ID: "12" })).toBe(holds);
  });
});
