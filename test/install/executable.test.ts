/** The single executable at work: alone in a folder, without the checkout, its Node or its packages. */
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "#base/version.ts";
import { FlotillaClient } from "#client/client.ts";
import { cutPower } from "#supervisor/embedded/power-cut.ts";
import { untilActive } from "../cluster/following.ts";
import { builtExecutable } from "../machines/installation.ts";
import { until } from "../machines/machines.ts";
import { type Foreground, startForeground } from "./foreground.ts";

const CHECKOUT = join(import.meta.dirname, "../../bin/flotilla");
/** What only some units ask for is compiled by the shim when one does, from the folder that the daemon wrote it to. */
const CONFINED =
  "[Service]\nExecStart=/bin/sleep infinity\nCapabilityBoundingSet=CAP_CHOWN\nPrivateTmp=yes\n";
const PLAIN = "[Service]\nExecStart=/bin/sleep infinity\n";

let folder = "";
let program = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flotilla-executable-"));
  program = join(folder, "flotilla");
  await copyFile(await builtExecutable(), program);
  await chmod(program, 0o755);
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

interface Said {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it with an environment that has nothing of this test's. */
function run(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(
      path,
      args,
      { cwd: "/", env: { PATH: "/usr/bin:/bin", ...env } },
      (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? 1, stdout, stderr }),
    );
  });
}

describe("as a command", () => {
  test("it says its version, and nothing else", async () => {
    expect(await run(program, ["--version"])).toEqual({
      exitCode: 0,
      stdout: `flotilla ${VERSION}\n`,
      stderr: "",
    });
  });

  test("it runs under another name, through a link", async () => {
    const link = join(folder, "link");
    await symlink("flotilla", link);
    expect((await run(link, ["--version"])).stdout).toBe(`flotilla ${VERSION}\n`);
  });

  test("options of Node are its own to judge, and the environment's are not taken", async () => {
    expect((await run(program, ["--inspect"])).stderr).toContain("error[usage]");
    expect((await run(program, ["--version"], { NODE_OPTIONS: "--no-such-option" })).exitCode).toBe(0);
  });

  test("it ends with the exit code of what went wrong", async () => {
    const said = await run(program, ["list-units", "--endpoint", "unix:/nonexistent"]);
    expect(said.exitCode).toBe(8);
    expect(said.stderr).toContain("error[unreachable]: no daemon answers at unix:/nonexistent");
  });

  test("it loads what only one command needs", async () => {
    await writeFile(join(folder, "a.service"), PLAIN);
    const said = await run(program, ["verify", "-o", "yaml", join(folder, "a.service")]);
    expect([said.exitCode, said.stderr]).toEqual([0, ""]);
  });

  test("it has the licence texts of all that is in it", async () => {
    const { stdout } = await run(program, ["version", "--licences"]);
    const titles = [...stdout.matchAll(/^={80}\n(\S+)/gm)].map(([, title]) => title);
    const { dependencies } = JSON.parse(
      await readFile(join(import.meta.dirname, "../../package.json"), "utf8"),
    ) as { dependencies: Record<string, string> };
    expect(titles).toEqual(expect.arrayContaining(["Flotilla", "Node.js", ...Object.keys(dependencies)]));
    expect(stdout).toContain("V8");
  });
});

describe("as a daemon", () => {
  let state = "";
  let daemon: Foreground | undefined;

  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), "flotilla-executable-state-"));
  });
  afterAll(async () => {
    await daemon?.kill();
    await cutPower({ directory: state, runDirectory: join(state, "run"), cgroupName: undefined });
    await rm(state, { recursive: true });
  });

  async function start(path: string): Promise<FlotillaClient> {
    await daemon?.kill();
    daemon = startForeground(path, [
      ...["daemon", "--insecure", "--supervisor", "embedded", "--dir", state, "--cgroup", "none"],
      ...["--api-port", "0", "--store-port", "0"],
    ]);
    const client = new FlotillaClient({ endpoint: `unix:${join(state, "run/flotilla.sock")}` });
    await until("the daemon answers", async () => (await client.machines()).machines.length === 1);
    return client;
  }

  async function pidsOf(client: FlotillaClient): Promise<readonly unknown[]> {
    const rows = await untilActive(client, ["confined.service", "plain.service"]);
    return [...rows.values()].flat().map(({ unit, mainPid }) => [unit, mainPid]);
  }

  test("it is one process with a small heap, which runs units of every kind", async () => {
    const client = await start(program);
    const units = [
      { unit: "confined.service", text: CONFINED },
      { unit: "plain.service", text: PLAIN },
    ];
    expect((await client.submit({ units, desired: "launched" })).map(({ error }) => error)).toEqual([
      null,
      null,
    ]);
    expect(await pidsOf(client)).toHaveLength(2);
    const commandLine = await readFile(`/proc/${daemon?.pid}/cmdline`, "utf8");
    expect(commandLine).toContain("--max-semi-space-size=1");
    expect(daemon?.output()).not.toContain("Warning");
  });

  test("another build takes over what runs, and this one takes it back", async () => {
    const client = await start(program);
    const pids = await pidsOf(client);
    expect(await pidsOf(await start(CHECKOUT))).toEqual(pids);
    expect(await pidsOf(await start(program))).toEqual(pids);
  });

  test("what its shims may still need stays where the daemon has written it", async () => {
    const [version = ""] = await readdir(join(state, "run/programs"));
    expect(await readdir(join(state, "run/programs", version))).toContain("namespaces.pl");
  });
});
