import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeTrees } from "./remove.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-remove-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("removeTrees", () => {
  test("removes files and whole directories, and says nothing of what is not there", () => {
    mkdirSync(join(directory, "a/b"), { recursive: true });
    writeFileSync(join(directory, "c"), "");
    expect(removeTrees(["a", "c", "gone"].map((name) => join(directory, name)))).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("tells of what cannot be removed, and goes on with the rest", () => {
    writeFileSync(join(directory, "c"), "");
    expect(removeTrees(["/proc/self/status", join(directory, "c")])).toEqual([
      expect.stringMatching(/^cannot remove \/proc\/self\/status: \S/),
    ]);
    expect(readdirSync(directory)).toEqual([]);
  });
});
