import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { M1, SERVICE, TestCluster } from "../api/served-cluster.ts";
import { runCommand } from "./terminal.ts";

let cluster: TestCluster;
let directory: string;
let endpoint: string;

beforeEach(async () => {
  cluster = await TestCluster.start();
  ({ directory, unix: endpoint } = await cluster.serve());
  await cluster.addMachine(M1, "m1");
  const units = [{ unit: "web@1.service", text: SERVICE }];
  await cluster.call("POST", "/v1/units", { units, desired: "launched" });
});
afterEach(() => cluster.close());

async function complete(...words: string[]): Promise<string[]> {
  const ran = await runCommand(["complete", "--", ...words], { endpoint, cwd: directory });
  expect(ran).toMatchObject({ exit: 0, stderr: "" });
  return ran.stdout.split("\n").filter(Boolean);
}

describe("complete", () => {
  test("knows commands, inner commands and options", async () => {
    expect(await complete("list-")).toEqual(["list-units", "list-unit-files", "list-machines"]);
    expect(await complete("machine", "")).toEqual([
      "cordon",
      "uncordon",
      "drain",
      "undrain",
      "metadata",
      "remove",
    ]);
    expect(await complete("list-units", "--no")).toEqual(["--no-legend"]);
    expect(await complete("comp")).toEqual(["completion"]);
  });

  test("knows live names of units and machines", async () => {
    expect(await complete("stop", "w")).toEqual(["web@1.service"]);
    expect(await complete("machine", "cordon", "")).toEqual(["m1"]);
    expect(await complete("list-units", "--machine", "")).toEqual(["m1"]);
    expect(await complete("-o", "json", "status", "w")).toEqual(["web@1.service"]);
  });

  test("knows unit files and folders beside submitted units", async () => {
    await writeFile(join(directory, "api.service"), SERVICE);
    await writeFile(join(directory, "notes.txt"), "");
    await mkdir(join(directory, "apps"));
    expect((await complete("start", "ap")).sort()).toEqual(["api.service", "apps/"]);
    expect(await complete("start", "./api")).toEqual(["./api.service"]);
  });

  test("says nothing when the daemon does not answer", async () => {
    const ran = await runCommand(["complete", "--", "stop", ""], { endpoint: "unix:/nonexistent" });
    expect(ran).toEqual({ exit: 0, stdout: "", stderr: "" });
  });
});

describe("the script for bash", () => {
  test("replaces only what stands behind the last end of a word", async () => {
    const { stdout: script } = await runCommand("completion bash");
    const line = "flotilla stop web@";
    const program = [
      'flotilla() { [[ "$*" == "complete -- stop web@" ]] && echo web@1.service; }',
      script,
      `COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:' COMP_LINE=${JSON.stringify(line)} COMP_POINT=${line.length}`,
      "_flotilla; printf '%s\\n' $COMPREPLY",
    ].join("\n");
    const { stdout } = await promisify(execFile)("bash", ["-c", program]);
    expect(stdout).toBe("1.service\n");
  });

  test("is there for zsh and fish too, and for no other shell", async () => {
    for (const shell of ["zsh", "fish"]) expect((await runCommand(`completion ${shell}`)).exit).toBe(0);
    expect((await runCommand("completion tcsh")).stderr).toContain(
      "error[usage]: there is no completion for tcsh",
    );
  });
});
