/** Failure rule 7: a drain starts a unit elsewhere before it stops it, within its limits, whatever fails on the way. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Cluster } from "../cluster/cluster.ts";
import { untilActive, untilEvent, untilUnits } from "../cluster/following.ts";
import { LifeProbe } from "../cluster/life-probe.ts";
import { launch, SLEEPER } from "../cluster/units.ts";

/** Long enough for a fault to come in between. */
const SLOW = "[Service]\nType=exec\nExecStartPre=/bin/sleep 1.5\nExecStart=/bin/sleep infinity\n";

describe("a drain", () => {
  let cluster: Cluster;
  let folder: string;

  beforeAll(async () => {
    cluster = await Cluster.start({
      machines: 4,
      leaseTtlS: 3,
      network: "shared",
      environment: { FLOTILLA_ON_EXIT: "stop" },
    });
    folder = await mkdtemp(join(tmpdir(), "drain-"));
  });
  afterAll(async () => {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    const client = cluster.client("m1");
    for (const name of ["m2", "m3", "m4"])
      await client.configureMachine(name, { cordoned: false, drain: null });
    const { units } = await client.units();
    const names = [...new Set(units.map(({ unit }) => unit))];
    if (names.length > 0) await client.change("destroy", names);
    await untilUnits(client, names, (rows) => names.every((name) => rows.get(name)?.length === 0));
  });

  function many(name: string, count: number): readonly string[] {
    return Array.from({ length: count }, (_, index) => `${name}@${index + 1}.service`);
  }

  /** Starts the units on m2 alone. */
  async function launchOnM2(names: readonly string[], text = SLEEPER): Promise<void> {
    const client = cluster.client("m1");
    const others = ["m1", "m3", "m4"];
    for (const name of others) await client.configureMachine(name, { cordoned: true });
    await launch(cluster, names, text);
    for (const name of others) await client.configureMachine(name, { cordoned: false });
  }

  test("of 50 units leaves none without a living process, asked every 10 ms", async () => {
    const names = many("mobile", 50);
    await launchOnM2(names);
    const probe = new LifeProbe(cluster.client("m1"), names);
    const drain = await cluster.flotilla(["machine", "drain", "m2"]);
    const gaps = probe.end();
    expect(drain.stderr).toBe("");
    expect(drain.exitCode).toBe(0);
    expect(drain.stdout).toMatch(/^mobile@1\.service m2 → m[134] active$/m);
    expect(drain.stdout).toMatch(/m2 is drained\n$/);
    expect(probe.rounds).toBeGreaterThan(20);
    expect(gaps.size).toBe(50);
    expect([...gaps.values()].filter((gapMs) => gapMs > 0)).toEqual([]);
    const machines = await cluster.flotilla(["list-machines", "--fields", "name,units,drain", "--no-legend"]);
    expect(machines.stdout).toMatch(/^m2 +0 +drained$/m);
    const undrain = await cluster.flotilla(["machine", "undrain", "m2"]);
    expect(undrain.stdout).toContain("m2: not drained any more");
    const { units } = await cluster.client("m1").units({ machine: "m2" });
    expect(units).toEqual([]);
  });

  test("comes before a machine that stops its units ends, so that none of them is down", async () => {
    const names = many("evening", 20);
    await launchOnM2(names);
    const instance = await cluster.instanceOf("m2");
    const probe = new LifeProbe(cluster.client("m1"), names);
    const moved = untilActive(cluster.client("m1"), names, (machine) => machine !== "m2");
    cluster.signal("m2", "SIGTERM");
    await moved;
    expect([...probe.end().values()].filter((gapMs) => gapMs > 0)).toEqual([]);
    await cluster.rejoined("m2", instance);
    const machine = (await cluster.client("m1").machines()).machines.find(({ name }) => name === "m2");
    expect(machine?.drain).toBeNull();
  });

  test("is undone by a rebalance when the operator asks for one, and not before", async () => {
    const names = many("even", 8);
    await launchOnM2(names);
    const listed = await cluster.flotilla(["list-machines"]);
    expect(listed.stderr).toContain("6 units would be better placed elsewhere: flotilla rebalance --plan");
    const plan = await cluster.flotilla(["rebalance", "--plan", "-o", "json"]);
    expect(JSON.parse(plan.stdout)).toMatchObject({ underWay: false, moves: { length: 6 } });
    const probe = new LifeProbe(cluster.client("m1"), names);
    const applied = await cluster.flotilla(["rebalance", "--apply"]);
    expect(applied.stderr).toBe("");
    expect(applied.exitCode).toBe(0);
    expect(applied.stdout).toContain("the rebalance is over: all 6 units have moved");
    expect([...probe.end().values()].filter((gapMs) => gapMs > 0)).toEqual([]);
    const again = await cluster.flotilla(["rebalance", "--apply"]);
    expect(again.stdout).toBe("balanced: no move would make a difference\n");
    const stale = {
      moves: [{ unit: "even@1.service", from: "a".repeat(32), to: "b".repeat(32) }],
      revision: "1",
    };
    await expect(cluster.client("m1").applyRebalance(stale)).rejects.toMatchObject({ code: "conflict" });
  });

  test("keeps what fits on no other machine and says why; by force it is stopped", async () => {
    await cluster.client("m1").configureMachine("m2", { metadata: { disk: "tape" } });
    await launchOnM2(["picky.service"], `${SLEEPER}[X-Fleet]\nMachineMetadata=disk=tape\n`);
    const drain = await cluster.flotilla(["machine", "drain", "m2"]);
    expect(drain.exitCode).toBe(1);
    expect(drain.stdout).toContain("picky.service m2 stays: it fits on no other machine: 3 machines: 3 lack");
    for (const machine of ["m1", "m3", "m4"]) expect(drain.stderr).toContain(`${machine} has disk=`);
    expect((await cluster.client("m1").units()).units).toMatchObject([
      { machineName: "m2", active: "active" },
    ]);
    const forced = await cluster.flotilla(["machine", "drain", "--force", "m2"]);
    expect(forced.exitCode).toBe(0);
    expect(forced.stdout).toContain("picky.service m2 stopped");
    await cluster.client("m1").configureMachine("m2", { unset: ["disk"] });
  });

  test("leaves a unit running whose copies fail elsewhere", async () => {
    const lock = join(folder, "lock");
    await launchOnM2(
      ["single.service"],
      `[Service]\nExecStart=/bin/sh -c 'mkdir ${lock} && exec sleep infinity'\n`,
    );
    const [before] = (await cluster.client("m1").units()).units;
    const drain = await cluster.flotilla(["machine", "drain", "m2"]);
    expect(drain.exitCode).toBe(1);
    expect(drain.stdout).toContain(
      "single.service m2 stays: it fits on no other machine: 3 machines: 3 have had it fail",
    );
    const rows = await untilActive(cluster.client("m1"), ["single.service"]);
    expect(rows.get("single.service")?.[0]).toMatchObject({
      machineName: "m2",
      active: "active",
      mainPid: before?.mainPid,
    });
  });

  test("stops what may not overlap before it starts it elsewhere, one of a template at a time", async () => {
    const names = many("lone", 4);
    await launchOnM2(names, `${SLEEPER}[X-Flotilla]\nOverlap=no\n`);
    let most = 0;
    const watch = untilUnits(cluster.client("m1"), names, (rows) => {
      const all = names.map((name) => rows.get(name) ?? []);
      expect(all.filter((copies) => copies.filter(({ active }) => active === "active").length > 1)).toEqual(
        [],
      );
      const down = all.filter((copies) => copies.every(({ active }) => active !== "active")).length;
      if (rows.size === names.length) most = Math.max(most, down);
      return all.every(
        ([row, ...more]) => more.length === 0 && row?.active === "active" && row.machineName !== "m2",
      );
    });
    const drain = await cluster.flotilla(["machine", "drain", "m2"]);
    await watch;
    expect(drain.exitCode).toBe(0);
    expect(most).toBe(1);
  });

  test("goes on elsewhere when the machine that units are on their way to dies", async () => {
    const names = many("target", 3);
    await cluster.client("m1").configureMachine("m1", { cordoned: true });
    await launchOnM2(names, SLOW);
    await cluster.client("m1").configureMachine("m1", { cordoned: true });
    await cluster.client("m1").configureMachine("m3", { cordoned: true });
    const probe = new LifeProbe(cluster.client("m1"), names);
    const begun = untilEvent(cluster.client("m1"), ({ message }) => message.includes("before it leaves m2"));
    await cluster.flotilla(["machine", "drain", "--no-block", "m2"]);
    await begun;
    await cluster.client("m1").configureMachine("m3", { cordoned: false });
    await cluster.host.kill("m4");
    await untilActive(cluster.client("m1"), names, (machine) => machine === "m3");
    expect([...probe.end().values()].filter((gapMs) => gapMs > 0)).toEqual([]);
    await cluster.client("m1").configureMachine("m1", { cordoned: false });
    await cluster.host.restart("m4");
    await cluster.joined(["m4"]);
  });

  test("is gone on with by the next engine", async () => {
    const names = many("engine", 3);
    await launchOnM2(names, SLOW);
    const { engine } = await cluster.client("m1").cluster();
    const { machines } = await cluster.client("m1").machines();
    const elected = machines.find(({ machine }) => machine === engine)?.name ?? "m1";
    const begun = untilEvent(cluster.client("m1"), ({ message }) => message.includes("before it leaves m2"));
    await cluster.flotilla(["machine", "drain", "--no-block", "m2"]);
    await begun;
    cluster.signal(elected, "SIGKILL");
    await cluster.answers("m1");
    await untilActive(cluster.client("m1"), names, (machine) => machine !== "m2");
  });

  test("of a machine that dies meanwhile is a lost machine as ever", async () => {
    const names = many("source", 3);
    await launchOnM2(names, SLOW);
    const begun = untilEvent(cluster.client("m1"), ({ message }) => message.includes("before it leaves m2"));
    await cluster.flotilla(["machine", "drain", "--no-block", "m2"]);
    await begun;
    await cluster.host.kill("m2");
    await untilActive(cluster.client("m1"), names, (machine) => machine !== "m2");
    await cluster.host.restart("m2");
    await cluster.joined(["m2"]);
    const { units } = await cluster.client("m1").units({ machine: "m2" });
    expect(units.filter(({ active }) => active !== "inactive")).toEqual([]);
  });
});
