/** The Debian package on a real machine: what its scripts do to the daemon, and that they do nothing to units. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildDeb } from "../../scripts/package/deb.ts";
import { builtExecutable } from "../machines/installation.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, until } from "../machines/machines.ts";
import { Nspawn, removeCgroups } from "../machines/nspawn.ts";
import { machineRoot } from "../machines/root.ts";

const UNIT = "[Service]\nExecStart=/bin/sleep infinity\n";

describe.runIf(canBootMachines)("on a machine, the package", () => {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-package-"));
  const name = `flotilla-package-${process.pid}`;
  let machine: Nspawn;

  beforeAll(async () => {
    const disk = join(directory, "disk");
    mkdirSync(join(disk, "srv"), { recursive: true });
    writeFileSync(join(disk, "srv/sleeper.service"), UNIT);
    const executable = await builtExecutable();
    const deb = await buildDeb({ executable, licences: "Texts\n", compression: "none" }, directory);
    const root = await machineRoot();
    machine = await Nspawn.boot({
      name,
      root,
      options: [
        `--overlay=${root}:${disk}:/`,
        "--private-network",
        `--bind-ro=${deb}:/srv/flotilla.deb`,
        `--bind-ro=${executable}:/usr/local/bin/flotilla`,
      ],
    });
  }, BOOT_TIMEOUT_MS);

  afterAll(async () => {
    await machine.end();
    removeCgroups(name);
    await rm(directory, { recursive: true });
  });

  async function must(...argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await machine.run(argv);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${exitCode}: ${stderr}${stdout}`);
    return stdout + stderr;
  }

  /** The disk of this machine need not outlive it. */
  const dpkg = (...args: readonly string[]): Promise<string> => must("dpkg", "--force-unsafe-io", ...args);

  const pidOf = async (unit: string): Promise<number> =>
    Number(await must("systemctl", "show", "--property=MainPID", "--value", unit));

  /** Resolves when the daemon answers and knows the unit as active. */
  const knowsUnit = (): Promise<void> =>
    until("the daemon knows of the unit", async () =>
      /\sactive\s/.test(await must("flotilla", "list-units", "--no-legend")),
    );

  test("installs a service that waits for a cluster", async () => {
    expect(await dpkg("--install", "/srv/flotilla.deb")).toContain(
      "flotilla init makes one, flotilla join enters one",
    );
    expect(await must("systemctl", "is-enabled", "flotilla")).toBe("enabled\n");
    expect((await machine.run(["systemctl", "is-active", "flotilla"])).stdout).toBe("inactive\n");
    expect(await dpkg("--verify", "flotilla")).toBe("");
  });

  test("has a daemon that makes a cluster of its machine and runs units by systemd, confined as it is", async () => {
    await must("flotilla", "init", "--address", "127.0.0.1");
    await until("the daemon answers", async () => (await must("flotilla", "list-machines")) !== "");
    expect(await must("systemctl", "is-active", "flotilla")).toBe("active\n");
    await must("flotilla", "start", "/srv/sleeper.service");
    await knowsUnit();
    expect(await pidOf("sleeper.service")).toBeGreaterThan(0);
  });

  test.each([
    ["an upgrade", ["dpkg", "--force-unsafe-io", "--install", "/srv/flotilla.deb"]],
    ["a restart", ["systemctl", "restart", "flotilla"]],
    ["a kill", ["systemctl", "kill", "--kill-whom=main", "--signal=KILL", "flotilla"]],
  ])("leaves units alone at %s of the daemon, and the new daemon takes them over", async (_, command) => {
    const [unit, daemon] = [await pidOf("sleeper.service"), await pidOf("flotilla")];
    await must(...command);
    await until("another daemon runs", async () => ![0, daemon].includes(await pidOf("flotilla")));
    await until("the daemon answers", async () => (await must("flotilla", "list-units")) !== "");
    await knowsUnit();
    expect(await pidOf("sleeper.service")).toBe(unit);
  });

  test("leaves units and the machine's state when it is removed, and says so", async () => {
    const unit = await pidOf("sleeper.service");
    expect(await dpkg("--remove", "flotilla")).toContain("The units of this machine run on");
    expect(await pidOf("sleeper.service")).toBe(unit);
    expect((await machine.run(["systemctl", "is-active", "flotilla"])).stdout).toBe("inactive\n");
    await must("test", "-d", "/var/lib/flotilla/trust");
  });

  test("takes up where it was when it is installed again", async () => {
    const unit = await pidOf("sleeper.service");
    await dpkg("--install", "/srv/flotilla.deb");
    await until("the daemon answers", async () => (await must("flotilla", "list-units")) !== "");
    await knowsUnit();
    expect(await pidOf("sleeper.service")).toBe(unit);
  });

  test("takes the state away when it is purged, and still stops nothing", async () => {
    const unit = await pidOf("sleeper.service");
    await dpkg("--purge", "flotilla");
    expect((await machine.run(["test", "-e", "/var/lib/flotilla"])).exitCode).toBe(1);
    expect((await machine.run(["test", "-e", "/etc/default/flotilla"])).exitCode).toBe(1);
    expect(await pidOf("sleeper.service")).toBe(unit);
  });

  test("can be done without: the executable makes a service of itself, and takes that back", async () => {
    await must("flotilla", "install");
    expect(await must("systemctl", "is-enabled", "flotilla")).toBe("enabled\n");
    await must("flotilla", "init", "--address", "127.0.0.1");
    await until("the daemon answers", async () => (await must("flotilla", "list-machines")) !== "");
    const unit = await pidOf("sleeper.service");
    expect(await must("flotilla", "install", "--uninstall")).toContain("Units that ran go on");
    expect((await machine.run(["systemctl", "cat", "flotilla"])).exitCode).toBe(1);
    expect(await pidOf("sleeper.service")).toBe(unit);
  });
});
