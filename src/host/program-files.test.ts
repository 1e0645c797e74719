import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { assetText, executablePath, programFolder, writeOut } from "./program-files.ts";

let parent = "";
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "flotilla-programs-"));
});
afterEach(() => rmSync(parent, { recursive: true }));

const FILES = [
  ["one.pl", Buffer.from("1;")],
  ["two.pl", Buffer.from("2;")],
] as const;

test("a checkout has its programs beside its code, and nothing inside an executable", () => {
  expect(programFolder("/beside", parent)).toBe("/beside");
  expect(readdirSync(parent)).toEqual([]);
  expect(assetText("licences.txt")).toBeUndefined();
  expect(executablePath()).toBeUndefined();
});

test("files are written whole into one folder", () => {
  const folder = writeOut(FILES, join(parent, "programs"));
  expect(readdirSync(folder).sort()).toEqual(["one.pl", "two.pl"]);
  expect(readFileSync(join(folder, "two.pl"), "utf8")).toBe("2;");
});

test("the same files have the same folder, others another, and what is there stays for who still uses it", () => {
  const folder = writeOut(FILES, parent);
  expect(writeOut(FILES, parent)).toBe(folder);
  const changed = writeOut([["one.pl", Buffer.from("other")]], parent);
  expect(changed).not.toBe(folder);
  expect(readFileSync(join(folder, "one.pl"), "utf8")).toBe("1;");
});

test("a name moved into the content is another folder", () => {
  const joined = writeOut([["a", Buffer.from("bc")]], parent);
  expect(writeOut([["ab", Buffer.from("c")]], parent)).not.toBe(joined);
});

test("what a power cut has left in part is written again", () => {
  const folder = writeOut(FILES, parent);
  writeFileSync(join(folder, "one.pl"), "");
  rmSync(join(folder, "two.pl"));
  expect(writeOut(FILES, parent)).toBe(folder);
  expect(readFileSync(join(folder, "one.pl"), "utf8")).toBe("1;");
  expect(readFileSync(join(folder, "two.pl"), "utf8")).toBe("2;");
});
