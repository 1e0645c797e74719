import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { daemonLogOf, lastWords, readLastWords } from "./daemon-log.ts";

const ERROR =
  "error[bad-config]: a.json is damaged\n  cause: no object\n  cause: at 1:1\n  hint: move it away\n";

describe("the last words of a daemon", () => {
  test("are its last error with the causes and the hint that follow", () => {
    const log = `{"level":"info"}\nerror[internal]: old\n  hint: old\n${ERROR}`;
    expect(readLastWords(log)).toEqual({
      message: "error[bad-config]: a.json is damaged",
      causes: ["no object", "at 1:1"],
      hint: "move it away",
    });
  });

  test("are the last line where no error of ours stands", () => {
    const log = "node: bad option: --x\nSegmentation fault\n\n";
    expect(readLastWords(log)).toEqual({ message: "Segmentation fault", causes: [], hint: undefined });
  });

  test("are none where nothing is written", async () => {
    expect(readLastWords("\n")).toBeUndefined();
    expect(await lastWords({ directory: "/nowhere" })).toBeUndefined();
  });

  test("are read from the end of a long log", async () => {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-log-"));
    await writeFile(daemonLogOf({ directory }), `${"error[internal]: old\n".repeat(5_000)}${ERROR}`);
    expect((await lastWords({ directory }))?.causes).toEqual(["no object", "at 1:1"]);
    await rm(directory, { recursive: true });
  });
});
