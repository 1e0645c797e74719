/** Packages of two versions on the machines of one cluster, put on each other's place while units run. */
import { mkdtempSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UnitRow } from "#api/bodies.ts";
import { VERSION } from "#base/version.ts";
import { untilActive } from "../cluster/following.ts";
import { running, SLEEPER } from "../cluster/units.ts";
import { builtPackage } from "./installation.ts";
import type { Machine } from "./machine.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "./machines.ts";

const NEWER = "99.0.0";
const SETTINGS = "/etc/default/flotilla";
/** A daemon that is replaced on a busy computer is back within it, so that strict units run on. */
const LEASE = "FLOTILLA_LEASE_TTL=30\n";
const EMBEDDED = `${LEASE}FLOTILLA_SUPERVISOR=embedded\n`;
const STRICT = "[X-Flotilla]\nFailover=strict\n";
const ALL_MACHINES_MS = 120_000;

describe.runIf(canBootMachines)("on three machines, m3 with the embedded supervisor, a package", () => {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-upgrade-"));
  let machines: Machines;
  let before: ReadonlyMap<string, number | null>;

  beforeAll(async () => {
    const packages = [await builtPackage(directory), await builtPackage(directory, NEWER)];
    const binds = packages.map((path) => `--bind-ro=${path}:/root/${basename(path)}`);
    machines = await Machines.start({ count: 3, bare: true, binds });
    await Promise.all(machines.all.map(installFirst));
    await machines.makeCluster();
    await machines.joined();
    await machines.launch(names("loose"));
    await machines.launch(names("strict"), `${SLEEPER}${STRICT}`);
    before = running(await rowsOf([...names("loose"), ...names("strict")]));
  }, BOOT_TIMEOUT_MS);
  afterAll(async () => {
    await machines.stop();
    await rm(directory, { recursive: true });
  });

  const names = (prefix: string): readonly string[] =>
    Array.from({ length: 6 }, (_, index) => `${prefix}-${index + 1}.service`);
  const rowsOf = async (units: readonly string[]): Promise<readonly UnitRow[]> =>
    (await machines.get("m1").client.units({ units })).units;
  const put = (machine: Machine, version: string): Promise<string> =>
    // The disk of this machine need not outlive it.
    machine.must("bash", "-c", `dpkg --force-unsafe-io --install /root/flotilla_${version}_*.deb 2>&1`);

  async function installFirst(machine: Machine): Promise<void> {
    const isEmbedded = machine.name === "m3";
    await put(machine, VERSION);
    await machine.write(SETTINGS, isEmbedded ? EMBEDDED : LEASE);
    if (isEmbedded) await machine.must("flotilla", "install", "--supervisor=embedded");
  }

  /** Which version each machine's daemon is of, as the cluster lists it. */
  async function versions(): Promise<Readonly<Record<string, string>>> {
    const { machines: list } = await machines.get("m1").client.machines();
    return Object.fromEntries(list.map(({ name, version }) => [name, version]));
  }

  /** Of the units that systemd runs on the machine, how often it has started each again. */
  async function restarts(machine: Machine): Promise<string> {
    const properties = "--property=Id,NRestarts";
    return machine.must("systemctl", "show", properties, "loose-*.service", "strict-*.service");
  }

  test.each([
    { change: "a newer", from: VERSION, to: NEWER },
    { change: "an older", from: NEWER, to: VERSION },
  ])(
    "of $change version is installed machine by machine: no unit is stopped, and the mixed cluster works",
    async ({ from, to }) => {
      const restartsBefore = await Promise.all(machines.all.map(restarts));
      const expected: Record<string, string> = { m1: from, m2: from, m3: from };
      expect(await versions()).toEqual(expected);
      for (const machine of machines.all) {
        await put(machine, to);
        expected[machine.name] = to;
        await until(`${machine.name} of ${to}`, async () => (await versions())[machine.name] === to);
        expect(await versions()).toEqual(expected);
        expect(await machine.must("flotilla", "--version")).toBe(`flotilla ${to}\n`);
        await machines.launch([`amid-${to}-${machine.name}.service`]);
      }
      await untilActive(machines.get("m1").client, [...names("loose"), ...names("strict")]);
      expect(running(await rowsOf([...names("loose"), ...names("strict")]))).toEqual(before);
      expect(await Promise.all(machines.all.map(restarts))).toEqual(restartsBefore);
    },
    ALL_MACHINES_MS,
  );

  test(
    "that is too old for the store says so, leaves the store and the units as they are, and can be replaced",
    async () => {
      const home = machines.get("m1");
      await home.must("systemctl", "stop", "flotilla");
      await setFormat(home, 99);
      await home.must("systemctl", "start", "flotilla");
      const said = (): Promise<string> => home.must("journalctl", "--no-pager", "-u", "flotilla");
      await until("its complaint", async () => (await said()).includes("error[store-too-new]"));
      expect(await said()).toContain("was written by a newer version of Flotilla");
      expect(await said()).toContain("run the newer version again");
      const asked = await home.flotilla(["list-units"]);
      expect(asked.stderr).toContain("systemctl status flotilla");
      await until("what systemctl tells of it", async () =>
        (await home.run("systemctl", "status", "flotilla")).stdout.includes("by a newer version of Flotilla"),
      );
      await setFormat(home, 2);
      await put(home, NEWER);
      await machines.joined();
      await untilActive(home.client, names("loose"));
      const { units } = await home.client.units({ units: names("loose") });
      const left = running(units);
      expect(left).toEqual(new Map([...before].filter(([unit]) => left.has(unit))));
    },
    ALL_MACHINES_MS,
  );
});

/** What the store's directory says of its format: as SQLite keeps its user_version. */
async function setFormat(machine: Machine, format: number): Promise<void> {
  const file = await open(machine.pathOf("/var/lib/flotilla/store/store.db"), "r+");
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(format);
  await file.write(bytes, 0, bytes.length, 60);
  await file.close();
}
