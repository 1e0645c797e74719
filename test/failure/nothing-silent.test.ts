/** Failure rule 6: whatever goes wrong is told by the command, by `why`, by events and by the unit's state. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keys } from "#model/keys.ts";
import { toBytes } from "#store/keys.ts";
import { putJson } from "#store/ops.ts";
import { Cluster } from "../cluster/cluster.ts";
import { untilEvent, untilUnits } from "../cluster/following.ts";
import { SLEEPER } from "../cluster/units.ts";

describe("nothing is silent:", () => {
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: 5, network: "shared" });
    folder = join(cluster.directory, "unit-files");
    await mkdir(folder);
  });
  afterAll(() => cluster.stop());

  async function unitFile(name: string, text: string): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, text);
    return path;
  }

  test("a unit that fits nowhere says why, machine by machine", async () => {
    const path = await unitFile("picky.service", `${SLEEPER}[X-Fleet]\nMachineMetadata=disk=tape\n`);
    const start = await cluster.flotilla(["start", path]);
    expect(start.exitCode).toBe(1);
    expect(start.stderr).toContain("unschedulable");
    for (const machine of ["m1", "m2", "m3"]) expect(start.stderr).toContain(machine);
    const why = await cluster.client("m1").why("picky.service");
    expect(why.summary).toContain("disk=tape");
    expect(why.machines.map(({ machineName, verdict }) => [machineName, verdict]).sort()).toEqual([
      ["m1", "refused"],
      ["m2", "refused"],
      ["m3", "refused"],
    ]);
    expect(why.machines.every(({ reason }) => reason?.includes("disk=tape"))).toBe(true);
    const event = await untilEvent(cluster.client("m1"), ({ kind }) => kind === "unit-refused");
    expect(event.unit).toBe("picky.service");
  });

  test("a program that is not there is named by start, in the state and in an event", async () => {
    const path = await unitFile("absent.service", "[Service]\nType=exec\nExecStart=/no/such/program\n");
    const start = await cluster.flotilla(["start", path]);
    expect(start.exitCode).toBe(1);
    expect(start.stderr).toContain("unit-failed");
    const [row] = (await cluster.client("m1").units({ units: ["absent.service"] })).units;
    expect(row).toMatchObject({ active: "failed", result: "exit-code", exitCode: 203 });
    const status = await cluster.flotilla(["status", "absent.service"]);
    expect(status.exitCode).toBe(3);
    expect(status.stdout).toContain("203");
    expect(status.stdout).toContain("/no/such/program");
    const event = await untilEvent(
      cluster.client("m1"),
      ({ kind, unit }) => kind === "unit-failed" && unit === "absent.service",
    );
    expect(event.message).toContain("exit-code");
  });

  test("a unit file that the store has lost is told of", async () => {
    const client = cluster.client("m1");
    await client.submit({ units: [{ unit: "lost.service", text: SLEEPER }] });
    const record = { file: "0".repeat(64), desired: "launched", launch: 1, changedMs: 0, history: [] };
    await cluster.withStore((store) =>
      store.txn({ compare: [], success: [putJson(keys.unit("lost.service"), record)], failure: [] }),
    );
    const rows = await untilUnits(
      client,
      ["lost.service"],
      (now) => (now.get("lost.service")?.[0]?.unplaced ?? null) !== null,
    );
    expect(rows.get("lost.service")?.[0]?.unplaced?.summary).toContain("is missing");
    const why = await cluster.flotilla(["why", "lost.service"]);
    expect(why.stdout).toContain("is missing");
  });

  test.each([
    {
      what: "a machine cannot run",
      unit: "broken.service",
      text: "[Service]\nType=oneshoot\n",
      load: "bad-setting",
    },
    { what: "is not what its hash says", unit: "forged.service", text: SLEEPER, load: "error" },
  ])("a unit file that $what is in the unit's state", async ({ unit, text, load }) => {
    const file = load === "error" ? "0".repeat(64) : createHash("sha256").update(text).digest("hex");
    const record = { file, desired: "launched", launch: 1, changedMs: 0, history: [] };
    await cluster.withStore((store) =>
      store.txn({
        compare: [],
        success: [
          { kind: "put", request: { key: toBytes(keys.file(file)), value: toBytes(text) } },
          putJson(keys.unit(unit), record),
        ],
        failure: [],
      }),
    );
    const rows = await untilUnits(
      cluster.client("m1"),
      [unit],
      (now) => (now.get(unit)?.[0]?.message ?? null) !== null,
    );
    const [row] = rows.get(unit) ?? [];
    expect(row?.load).toBe(load);
    const status = await cluster.flotilla(["status", unit]);
    expect(status.exitCode).not.toBe(0);
    expect(status.stdout).toContain(row?.message ?? "no message");
  });
});
