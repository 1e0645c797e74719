import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Boots } from "./boots.ts";

const id = (letter: string): string => letter.repeat(32);
let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-boots-"));
  path = join(directory, "boots");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("boots are counted in the order they came in, a boot once however often its daemon starts", () => {
  for (const letter of ["a", "a", "b", "c"]) new Boots(path, id(letter));
  const boots = new Boots(path, id("c"));
  expect(["a", "b", "c", "d"].map((letter) => boots.rank(id(letter)))).toEqual([0, 1, 2, -1]);
  expect(readFileSync(path, "utf8")).toBe(`${id("a")}\n${id("b")}\n${id("c")}\n`);
});

test.each([
  ["0", "c"],
  ["-0", "c"],
  ["-1", "b"],
  ["-2", "a"],
  ["1", "a"],
  ["+2", "b"],
  ["3", "c"],
])("-b %s is the boot that journalctl means", (wanted, letter) => {
  writeFileSync(path, `${id("a")}\ndamaged by a power cut\n${id("b")}\n`);
  expect(new Boots(path, id("c")).resolve(wanted)).toBe(id(letter));
});

test("an ID is a boot with and without dashes, and what is neither ID nor number is none", () => {
  const boots = new Boots(path, id("a"));
  expect(boots.resolve(id("7"))).toBe(id("7"));
  expect(boots.resolve(`${"7".repeat(8)}-7777-7777-7777-${"7".repeat(12)}`)).toBe(id("7"));
  for (const wanted of ["-1", "2", "last", ""]) expect(boots.resolve(wanted)).toBeUndefined();
});

test("a directory that cannot be written costs the order of later starts only", () => {
  const boots = new Boots(join(directory, "nowhere/boots"), id("a"));
  expect(boots.rank(id("a"))).toBe(0);
});
