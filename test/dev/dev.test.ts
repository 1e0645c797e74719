/** Development clusters as a user runs them: real daemons, real networks, power cuts, and nothing left behind. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examples, flotilla, machinesOf, remains, startFlotilla } from "./flotilla.ts";

const asRoot = process.getuid?.() === 0;

/** Asks again until the answer is right; the test's own timeout ends it. */
async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    await delay(100);
  }
}

async function hostPid(directory: string): Promise<number> {
  const { askHost } = await import("#dev/control.ts");
  return (await askHost(directory, { do: "status" })).pid;
}

describe("a cluster that shares the computer's network", () => {
  let directory = "";
  let said = "";
  const dev = (...args: readonly string[]): ReturnType<typeof flotilla> => {
    const [verb = "", ...rest] = args;
    return flotilla("dev", verb, "--dir", directory, ...rest);
  };
  const up = (): ReturnType<typeof flotilla> => dev("up", "--machines", "2", "--no-netns", "--detach");

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-dev-"));
    const { code, stdout, stderr } = await up();
    if (code !== 0) throw new Error(stderr);
    said = stdout;
  });
  afterAll(async () => {
    await dev("down");
    await rm(directory, { recursive: true });
  });

  test("says how it is ended, not by Ctrl-C when it is detached", () => {
    expect(said).toMatch(/\nIt runs on by itself; end it with: \S+ dev down --dir \S+\n$/);
    expect(said).not.toContain("Ctrl-C");
  });

  test("is pointed at by what `dev env` prints", async () => {
    const { stdout } = await dev("env");
    const endpoint = /FLOTILLA_ENDPOINT=(.*)/.exec(stdout)?.[1] ?? "";
    const machines = await flotilla("--endpoint", endpoint, "list-machines", "-o", "json");
    expect(machines.stdout.match(/"name": "m\d"/g)).toEqual(['"name": "m1"', '"name": "m2"']);
    expect(stdout).toMatch(/ETCDCTL_ENDPOINTS=http:\/\/127\.0\.0\.1:\d+\n/);
  });

  test("is described in every form of output", async () => {
    const names = async (format: string): Promise<string> => (await dev("status", "-o", format)).stdout;
    expect(await names("name")).toBe("m1\nm2\n");
    expect(await names("yaml")).toMatch(/^machines:\n {2}- machine: m1\n[\s\S]*\n {2}- machine: m2\n/);
    expect(await names("table")).toMatch(/^MACHINE[\s\S]*\nm1 [\s\S]*\nm2 /);
  });

  test("is not started twice", async () => {
    const { code, stderr } = await up();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error\[state-dir-in-use\]: .* is up already/);
  });

  test.each([
    ["too deep for its sockets", join(tmpdir(), "d".repeat(120)), "bytes"],
    ["a file", import.meta.filename, "EEXIST"],
    ["where the system makes none", "/proc/flotilla/dev", "ENOENT"],
  ])("is refused a directory that is %s", async (_, unfit, why) => {
    for (const detached of [[], ["--detach"]]) {
      const { code, stderr } = await flotilla("dev", "up", "--dir", unfit, ...detached);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^error\[bad-config\]: /);
      expect(stderr).toContain(why);
    }
  });

  test("has no machine of another name", async () => {
    const { code, stderr } = await dev("kill", "m9");
    expect(code).toBe(4);
    expect(stderr).toContain("its machines are m1, m2");
  });

  test("starts a daemon again that died by itself, but not one whose power was cut", async () => {
    const [, before] = await machinesOf(directory);
    process.kill(before?.pid ?? 0, "SIGKILL");
    const again = await until(
      async () => (await machinesOf(directory))[1],
      (machine) => machine?.power === "on" && machine.pid !== before?.pid,
    );
    expect(again?.power).toBe("on");
    expect(await dev("kill", "m2")).toMatchObject({ code: 0 });
    expect(await machinesOf(directory)).toMatchObject([{ power: "on" }, { power: "off", pid: null }]);
    expect(await dev("restart", "m2")).toMatchObject({ code: 0 });
    expect(await machinesOf(directory)).toMatchObject([{ power: "on" }, { power: "on" }]);
  });

  test("says why a machine does not stay up that was switched on", async () => {
    const memory = join(directory, "m2", "agent.json");
    expect(await dev("kill", "m2")).toMatchObject({ code: 0 });
    await writeFile(memory, "{garbage");
    const { code, stderr } = await dev("restart", "m2");
    expect(code).toBe(8);
    expect(stderr).toMatch(
      /^error\[machine-gone\]: m2 does not stay up: its daemon ended \(exit code \d+\)\n/,
    );
    expect(stderr).toContain(`cause: error[bad-config]: ${memory} is damaged`);
    expect(stderr).toMatch(/hint: move the file away .*daemon\.log/);
    await rm(memory);
    expect(await dev("restart", "m2")).toMatchObject({ code: 0, stderr: "m2 is on.\n" });
  });

  test("warns when the machine with the store is switched off", async () => {
    expect((await dev("kill", "m1")).stderr).toContain("It holds the store");
    expect(await dev("restart", "m1")).toMatchObject({ code: 0 });
  });

  test("comes up again on what a killed dev host left running", async () => {
    process.kill(await hostPid(directory), "SIGKILL");
    expect(await up()).toMatchObject({ code: 0 });
    expect(await machinesOf(directory)).toMatchObject([{ power: "on" }, { power: "on" }]);
  });

  test("leaves nothing when it goes down, also after its host was killed", async () => {
    process.kill(await hostPid(directory), "SIGKILL");
    expect(await remains(directory)).not.toEqual([]);
    expect(await dev("down")).toMatchObject({ code: 0 });
    expect(await remains(directory)).toEqual([]);
    expect(await dev("status")).toMatchObject({ code: 8 });
  });
});

describe.runIf(asRoot)("a cluster with a network of its own and the examples", () => {
  let directory = "";
  let host: ReturnType<typeof startFlotilla>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "flotilla-dev-"));
    const units = ["--units", join(examples, "cluster.json"), "--env", `EXAMPLES=${examples}`];
    host = startFlotilla("dev", "up", "--dir", directory, ...units);
    await until(
      async () => host.said(),
      (said) => said.includes("Ctrl-C stops") || host.child.exitCode !== null,
    );
  });
  afterAll(async () => {
    await flotilla("dev", "down", "--dir", directory);
    await rm(directory, { recursive: true });
  });

  test("brings every example up and tells where each is", () => {
    const said = host.said();
    for (const unit of [
      "web@1",
      "web@2",
      "web@3",
      "web-sidekick@1",
      "cache",
      "primary",
      "replica",
      "shop.target",
      "echo.socket",
      "inbox.path",
      "sealed",
    ]) {
      expect(said).toMatch(new RegExp(`● ${unit} active on m[123]`));
    }
    expect(said).toMatch(/✓ migrate finished/);
    expect(said).not.toContain("×");
  });

  test("gives each machine an address of its own", async () => {
    const addresses = (await machinesOf(directory)).map((machine) => machine.address);
    expect(new Set(addresses).size).toBe(3);
    expect(addresses[0]).toMatch(/^10\.77\.\d+\.11$/);
  });

  test("moves the units of a machine whose power is cut, and tells so", async () => {
    expect(await flotilla("dev", "kill", "m2", "--dir", directory)).toMatchObject({ code: 0 });
    const told = await until(
      async () => host.said(),
      // Units need not wait for the lease, so that either may be told first.
      (said) => ["m2 is gone", " is active on m"].every((text) => said.split("Ctrl-C")[1]?.includes(text)),
    );
    expect(told).toMatch(/ is active on m[13]/);
  });

  test("ends everything on Ctrl-C, and says so", async () => {
    const ended = once(host.child, "exit");
    host.child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    expect(host.said()).toContain("Stopped: 3 machines and all they ran.");
    expect(await remains(directory)).toEqual([]);
  });
});
