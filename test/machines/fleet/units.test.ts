/** fleet's functional cases on what is done with units (unit_action_test.go, fleetctl_test.go, systemd), by command. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { CommandResult } from "../../cluster/cluster.ts";
import { SLEEPER } from "../../cluster/units.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines } from "../machines.ts";

const HELLO = `[Unit]
Description=Says hello

[Service]
ExecStart=/bin/sh -c 'echo Hello, World!; exec sleep infinity'
`;
const GOODBYE = HELLO.replace("Hello, World!", "Goodbye, World!");

/** What init has given the cluster's first admin. */
const CONTEXTS = "/root/.config/flotilla/contexts.json";

const batch = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}@${index + 1}.service`);

describe.runIf(canBootMachines)("two machines", () => {
  let machines: Machines;

  beforeAll(async () => {
    machines = await Machines.start({ count: 2 });
    const home = machines.get("m1");
    await home.must("mkdir", "-p", "/root/units");
    await home.write("/root/units/hello.service", HELLO);
    await home.write("/root/units/hello@.service", HELLO);
  }, BOOT_TIMEOUT_MS);
  afterEach(() => machines.reset());
  afterAll(() => machines.stop());

  const flotilla = (...args: readonly string[]): Promise<CommandResult> => machines.get("m1").flotilla(args);
  /** Runs a command that has to succeed. @returns what it printed */
  const must = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await flotilla(...args);
    expect({ args, exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({
      args,
      exitCode: 0,
      stderr: "",
    });
    return stdout;
  };
  const files = (names: readonly string[]): readonly string[] => names.map((name) => `/root/units/${name}`);
  const column = async (command: string, field: string): Promise<readonly string[]> =>
    (await must(command, "--no-legend", `--fields=${field}`)).split("\n").filter((line) => line !== "");
  const known = (): Promise<readonly string[]> => column("list-unit-files", "unit");
  const states = (): Promise<readonly string[]> => column("list-units", "unit,active,sub");
  const words = (lines: readonly string[]): readonly string[] =>
    lines.map((line) => line.split(/\s+/).join(" "));

  test("TestUnitRunnable: a unit that is started is active", async () => {
    await must("start", "/root/units/hello.service");
    expect(words(await states())).toEqual(["hello.service active running"]);
  });

  describe.each([
    { what: "one unit", names: ["hello.service"] },
    { what: "a batch of nine", names: batch("hello", 9) },
  ])("$what", ({ names }) => {
    test("TestUnitSubmit: is known, destroyed, and known again", async () => {
      for (const _ of [1, 2]) {
        await must("submit", ...files(names));
        expect(await known()).toEqual(names);
        expect(await states()).toEqual([]);
        await must("destroy", ...names);
        expect(await known()).toEqual([]);
      }
    });

    test("TestUnitLoad: is loaded on machines, unloaded, and loaded again", async () => {
      for (const _ of [1, 2]) {
        await must("load", ...files(names));
        expect(words(await states())).toEqual(names.map((name) => `${name} inactive dead`));
        await must("unload", ...names);
        expect(await states()).toEqual([]);
        expect(await known()).toEqual(names);
      }
    });

    test("TestUnitStart: is active, stopped but still loaded, and active again", async () => {
      for (const _ of [1, 2]) {
        await must("start", ...files(names));
        expect(words(await states())).toEqual(names.map((name) => `${name} active running`));
        await must("stop", ...names);
        expect(words(await states())).toEqual(names.map((name) => `${name} inactive dead`));
      }
    });

    test.each(["Submit", "Load", "Start"])(
      "TestUnit%sReplace: has another text only where --replace is given",
      async (name) => {
        const verb = name.toLowerCase();
        await must(verb, ...files(names));
        // Only a template beside it, or the file itself, says what is new.
        const changed = names.map((name) => `/root/changed/${name}`);
        const home = machines.get("m1");
        await home.must("mkdir", "-p", "/root/changed");
        for (const path of changed) await home.write(path, GOODBYE);
        const refused = await flotilla(verb, ...changed);
        expect([refused.exitCode, await must("cat", names[0] ?? "")]).toEqual([9, HELLO]);
        await must(verb, "--replace", ...changed);
        for (const name of names) expect(await must("cat", name)).toBe(GOODBYE);
        if (verb === "start") {
          expect(words(await states())).toEqual(names.map((name) => `${name} active running`));
          expect(await must("journal", "-n", "all", "-o", "cat", names[0] ?? "")).toContain(
            "Goodbye, World!",
          );
        }
      },
    );
  });

  test("TestUnitRestart: a restarted unit is active with another process", async () => {
    await must("start", "/root/units/hello.service");
    const processOf = async (): Promise<number | null | undefined> =>
      (await machines.get("m2").client.units({ units: ["hello.service"] })).units[0]?.mainPid;
    const before = await processOf();
    await must("restart", "hello.service");
    expect(words(await states())).toEqual(["hello.service active running"]);
    expect(await processOf()).not.toBe(before);
  });

  test("TestUnitSSHActions: status and journal of a unit are there on whichever machine one asks", async () => {
    await must("start", "/root/units/hello.service");
    for (const { name } of machines.all) {
      const status = await machines.get(name).flotilla(["status", "hello.service"]);
      expect(status.exitCode).toBe(0);
      expect(status.stdout).toMatch(/hello\.service - Says hello/);
      expect(status.stdout).toMatch(/active \(running\)/);
      const journal = await machines.get(name).flotilla(["journal", "hello.service"]);
      expect(journal.stdout).toContain("Hello, World!");
    }
  });

  test("TestUnitCat: prints a unit's file to the byte", async () => {
    await must("submit", "/root/units/hello.service");
    expect(await must("cat", "hello.service")).toBe(HELLO);
  });

  test("TestUnitStatus: knows a unit that is only loaded", async () => {
    await must("load", "/root/units/hello.service");
    const { exitCode, stdout } = await flotilla("status", "hello.service");
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/hello\.service - Says hello/);
    expect(stdout).toMatch(/inactive \(dead\)/);
  });

  test("TestListUnitFilesOrder: units are listed in order, in whichever they were submitted", async () => {
    const names = batch("hello", 20);
    const shuffled = names.map((name, index) => names[(index * 7) % names.length] ?? name);
    for (const one of [shuffled.slice(0, 9), shuffled.slice(9)]) await must("submit", ...files(one));
    expect(await known()).toEqual(names);
  });

  test("TestInstallUnit: what a unit's [Install] says starts it with another unit, and it stops with that", async () => {
    const home = machines.get("m1");
    await home.write("/root/units/main.service", SLEEPER);
    await home.write(
      "/root/units/side.service",
      `[Unit]\nBindsTo=main.service\nAfter=main.service\n${SLEEPER}[Install]\nWantedBy=main.service\n[X-Fleet]\nMachineOf=main.service\n`,
    );
    await must("load", ...files(["main.service", "side.service"]));
    await must("start", "main.service");
    await must("wait", "--for=active", "side.service");
    expect(words(await states())).toEqual(["main.service active running", "side.service active running"]);
    await must("stop", "main.service");
    await must("wait", "--for=inactive", "side.service");
    expect(words(await states())).toEqual(["main.service inactive dead", "side.service inactive dead"]);
  });

  test("TestSystemdUnitFlow: the machine's own systemd has the unit in every state, and at the end nothing", async () => {
    const home = machines.get("m1");
    const { machines: list } = await home.client.machines();
    const { machine } = list.find(({ name }) => name === "m1") ?? { machine: "" };
    await home.write("/root/units/flow.service", `${SLEEPER}[X-Fleet]\nMachineID=${machine}\n`);
    const seen = async (): Promise<string> =>
      (
        await home.run(
          "systemctl",
          "show",
          "--property=LoadState,ActiveState,SubState",
          "--value",
          "flow.service",
        )
      ).stdout
        .trim()
        .split("\n")
        .join(" ");
    await must("load", "/root/units/flow.service");
    expect(await seen()).toBe("loaded inactive dead");
    await must("start", "flow.service");
    expect(await seen()).toBe("loaded active running");
    await must("stop", "flow.service");
    expect(await seen()).toBe("loaded inactive dead");
    await must("unload", "flow.service");
    expect(await seen()).toBe("not-found inactive dead");
    expect(await states()).toEqual([]);
  });

  test("TestTunnelScheduleBatchUnits: eleven units started from elsewhere, by the admin's certificate, are active", async () => {
    const [home, away] = [machines.get("m1"), machines.get("m2")];
    const names = ["hello.service", ...batch("hello", 10)];
    await away.must("mkdir", "-p", "/root/units", "/root/.config/flotilla");
    await away.write("/root/units/hello.service", HELLO);
    await away.write("/root/units/hello@.service", HELLO);
    await away.write(CONTEXTS, await home.read(CONTEXTS));
    await away.must("chmod", "600", CONTEXTS);
    await away.must("flotilla", "--context=flotilla", "start", ...files(names));
    expect(words(await states()).toSorted()).toEqual(
      names.map((name) => `${name} active running`).toSorted(),
    );
    await away.must("rm", CONTEXTS);
  });

  test("TestFleetctlWithEnv: FLOTILLA_ENDPOINT says whom commands ask", async () => {
    const home = machines.get("m1");
    const ask = (endpoint: string): Promise<CommandResult> =>
      home.run("env", `FLOTILLA_ENDPOINT=${endpoint}`, "flotilla", "list-machines");
    expect((await ask("unix:/run/flotilla/flotilla.sock")).stdout).toContain("m2");
    const nobody = await ask("unix:/run/nobody.sock");
    expect(nobody.exitCode).toBe(8);
    expect(nobody.stderr).toContain("/run/nobody.sock");
  });

  test("TestClientVersionFlag, TestClientVersionHelpOutput, TestClientHelpFlag", async () => {
    const version = /^flotilla (\d+\.\d+\.\d+)/.exec(await must("--version"))?.[1] ?? "none";
    expect(await must("version")).toContain(version);
    const helps = await Promise.all([must("--help"), must("-h"), must("help")]);
    for (const help of helps) expect(help).toContain("list-units");
    const bare = await flotilla();
    expect(bare.stdout + bare.stderr).toContain("list-units");
  });
});
