/** A machine whose disk is full: units run on, what cannot be written is said, and it goes on when there is space. */
import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cluster, machineDirectory } from "../cluster/cluster.ts";
import { untilActive, untilUnits } from "../cluster/following.ts";
import { launch, rowsOf, running, SLEEPER } from "../cluster/units.ts";

/** A small file system can be mounted by root only; the release's machines and CI are. */
describe.runIf(process.getuid?.() === 0)("a full disk", () => {
  let cluster: Cluster;
  let mounted: string[] = [];

  async function mountSmallDisk(directory: string, machine: string): Promise<void> {
    const path = await machineDirectory(directory, machine);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path]);
    mounted.push(path);
  }

  async function fillDisk(machine: string): Promise<string> {
    const path = join(cluster.machine(machine).directory, "ballast");
    await writeFile(path, Buffer.alloc(8 << 20)).catch((error: NodeJS.ErrnoException) => {
      expect(error.code).toBe("ENOSPC");
    });
    return path;
  }

  beforeEach(() => {
    mounted = [];
  });
  afterEach(async () => {
    await cluster.host.stop();
    for (const path of mounted) execFileSync("umount", [path]);
    await cluster.stop();
  });

  test("under an agent is told in its units' state, and new units start once there is space", async () => {
    cluster = await Cluster.start({
      machines: 2,
      leaseTtlS: 3,
      network: "shared",
      prepare: (directory) => mountSmallDisk(directory, "m2"),
    });
    const client = cluster.client("m1");
    await client.configureMachine("m1", { cordoned: true });
    const before = running(await launch(cluster, ["early.service"]));
    const ballast = await fillDisk("m2");
    await client.submit({ units: [{ unit: "late.service", text: SLEEPER }], desired: "launched" });
    const rows = await untilUnits(
      client,
      ["late.service"],
      (now) => (now.get("late.service")?.[0]?.message ?? null) !== null,
    );
    expect(rows.get("late.service")?.[0]?.message).toMatch(/no space left/);
    expect(running(await rowsOf(cluster, ["early.service"]))).toEqual(before);
    await rm(ballast);
    await untilActive(client, ["late.service"]);
    expect(running(await rowsOf(cluster, ["early.service"]))).toEqual(before);
  });

  test("under the store refuses writes by name, loses nothing and takes them again", async () => {
    cluster = await Cluster.start({
      machines: 2,
      leaseTtlS: 3,
      network: "shared",
      prepare: (directory) => mountSmallDisk(directory, "m1"),
    });
    const client = cluster.client("m2");
    const before = running(await launch(cluster, ["early.service"]));
    const ballast = await fillDisk("m1");
    // More than the space that the store's file has taken beforehand.
    const large = ["a", "b", "c", "d"].map((name) => ({
      unit: `${name}.service`,
      text: `${SLEEPER}#${name.repeat(256 * 1024)}\n`,
    }));
    const answers = await client.submit({ units: large });
    expect(answers.map(({ error }) => error?.code)).toContain("disk-full");
    const { unitFiles } = await client.unitFiles();
    const stored = large.map(({ unit }) => unit).filter((_, at) => answers[at]?.error === undefined);
    expect(unitFiles.map(({ unit }) => unit).sort()).toEqual([...stored, "early.service"].sort());
    await rm(ballast);
    await launch(cluster, ["late.service"], SLEEPER, "m2");
    expect(running(await rowsOf(cluster, ["early.service"]))).toEqual(before);
  });
});
