/** What a supervisor finds of the one before it, and what it drops. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RunDirectory } from "#supervisor/embedded/run-directory.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-run-directory-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("what is remembered stays for the same boot and is dropped in another", () => {
  new RunDirectory(directory, "boot1").remember("a.service", { sub: "running" });
  expect(new RunDirectory(directory, "boot1").recall("a.service")).toEqual({ sub: "running" });
  expect(new RunDirectory(directory, "boot2").recall("a.service")).toBeUndefined();
});

test("a supervisor of the same boot does not write the boot's marker again, which a kill could cut short", () => {
  const first = new RunDirectory(directory, "boot1");
  first.remember("a.service", 1);
  const before = statSync(join(directory, ".boot"), { bigint: true });
  expect(new RunDirectory(directory, "boot1").units()).toEqual(["a.service"]);
  const after = statSync(join(directory, ".boot"), { bigint: true });
  expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  expect(readdirSync(directory).filter((name) => name.endsWith(".new"))).toEqual([]);
});
