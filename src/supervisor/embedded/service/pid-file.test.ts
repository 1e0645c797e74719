import { chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPidFile } from "./pid-file.ts";

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
let directory = "";

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "flotilla-pid-file-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const at = (...parts: readonly string[]): string => join(directory, ...parts);

describe("a PID file", () => {
  test.each([
    ["12", 12],
    [" 12 \n", 12],
    ["0", undefined],
    ["", undefined],
    ["-1", undefined],
    ["12 13", undefined],
    ["0x10", undefined],
  ])("with %j names %s", (text, pid) => {
    writeFileSync(at("pid"), text);
    expect(readPidFile(at("pid"))?.pid).toBe(pid);
  });

  test("that is not there names none", () => {
    expect(readPidFile(at("missing"))).toBeUndefined();
    expect(readPidFile(at())).toBeUndefined();
  });
});

describe.runIf(isRoot)("what a PID file says of others' processes", () => {
  test("counts where it is root's", () => {
    writeFileSync(at("root"), "7");
    expect(readPidFile(at("root"))).toEqual({ pid: 7 });
  });

  test("does not where it is somebody else's", () => {
    writeFileSync(at("user"), "7");
    chownSync(at("user"), NOBODY, NOBODY);
    expect(readPidFile(at("user"))).toEqual({ pid: 7, distrust: "owner" });
  });

  test("does not where somebody else can replace it", () => {
    mkdirSync(at("theirs"));
    writeFileSync(at("theirs", "pid"), "7");
    chownSync(at("theirs"), NOBODY, NOBODY);
    expect(readPidFile(at("theirs", "pid"))).toEqual({ pid: 7, distrust: "path" });
  });

  test.each(["root", "../pid"])("does not where somebody else's link leads to it: %s", (target) => {
    mkdirSync(at("links"), { recursive: true });
    writeFileSync(at("pid"), "7");
    const link = at("links", target === "root" ? "absolute" : "relative");
    symlinkSync(target === "root" ? at("root") : target, link);
    expect(readPidFile(link)).toEqual({ pid: 7 });
    lchownSync(link, NOBODY, NOBODY);
    expect(readPidFile(link)).toEqual({ pid: 7, distrust: "path" });
  });
});
