/** What units use is counted, slices hold their units together, and a frozen unit stands still. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Cgroups } from "#supervisor/embedded/cgroup/cgroups.ts";
import { readHierarchies } from "#supervisor/embedded/cgroup/hierarchy.ts";
import { probeCgroups } from "#supervisor/embedded/cgroup/probe.ts";
import { entryWhere, machineWith, service, statusWhere, unit } from "./machine.ts";

const NAME = `flotilla-test-usage-${process.pid}`;
const usable = probeCgroups(readHierarchies(), NAME);
new Cgroups(usable).close();
const pids = usable.limits.get("pids");
const cpu = usable.limits.get("cpu");

const BUSY =
  "ExecStart=/usr/bin/perl -e '$$|=1; my $$x = q(x) x (20 << 20); 1 for 1..2e6; print qq(ready\\n); sleep 1000'";

test.runIf(usable.limits.has("memory") && pids !== undefined)(
  "what a unit uses is counted, also without a limit",
  async () => {
    await using held = await machineWith([service("u.service", BUSY)]);
    await held.supervisor.start("u.service");
    await entryWhere(held.supervisor, "u.service", /ready/);
    const usage = held.supervisor.usage("u.service");
    expect(usage.tasks).toBe(1);
    expect(usage.memoryBytes).toBeGreaterThan(20 * 2 ** 20);
    expect(usage.memoryPeakBytes).toBeGreaterThanOrEqual(usage.memoryBytes ?? 0);
    expect(usage.cpuMs).toBeGreaterThan(1);
    await held.supervisor.stop("u.service");
    expect(held.supervisor.usage("u.service")).toEqual({});
    expect(held.supervisor.usage("unknown.service")).toEqual({});
  },
);

test.runIf(pids !== undefined)(
  "a slice holds its units together, and its limit can change while they run",
  async () => {
    const slice = (max: number) => unit("team-a.slice", `[Slice]\nTasksMax=${max}\n`);
    await using held = await machineWith([
      slice(50),
      service("one.service", "Type=exec", "Slice=team-a.slice", "ExecStart=/bin/sleep 1000"),
      service("two.service", "Type=exec", "Slice=team-a.slice", "ExecStart=/bin/sleep 1000"),
    ]);
    await held.supervisor.start("one.service");
    await held.supervisor.start("two.service");
    const parent = pids?.parent.replace(NAME, held.machine.cgroupName ?? "") ?? "";
    const path = join(parent, "team.slice", "team-a.slice");
    expect(readFileSync(join(path, "pids.max"), "utf8").trim()).toBe("50");
    expect(readFileSync(join(path, "pids.current"), "utf8").trim()).toBe("2");
    await held.supervisor.load([slice(60)]);
    expect(readFileSync(join(path, "pids.max"), "utf8").trim()).toBe("60");
    expect(held.supervisor.status("team-a.slice")).toMatchObject({ load: "loaded" });
    await held.supervisor.stop("one.service");
    await held.supervisor.stop("two.service");
    expect(existsSync(join(parent, "team.slice"))).toBe(false);
  },
);

test.runIf(cpu !== undefined)("a limit that a slice gets later also holds those that run in it", async () => {
  await using held = await machineWith([
    service("late.service", "Type=exec", "Slice=late-a.slice", "ExecStart=/bin/sleep 1000"),
  ]);
  await held.supervisor.start("late.service");
  await held.supervisor.load([unit("late.slice", "[Slice]\nCPUQuota=20%\n")]);
  const path = join(cpu?.parent.replace(NAME, held.machine.cgroupName ?? "") ?? "", "late.slice");
  const file = cpu?.version === 2 ? "cpu.max" : "cpu.cfs_quota_us";
  expect(readFileSync(join(path, file), "utf8")).toMatch(/^20000\b/);
  const inside = readFileSync(join(path, "late-a.slice/late.service/cgroup.procs"), "utf8").trim();
  expect(Number(inside)).toBe(held.supervisor.status("late.service")?.mainPid);
  await held.supervisor.stop("late.service");
  expect(existsSync(path)).toBe(false);
});

test.runIf(pids !== undefined)(
  "a later supervisor finds a unit where it was put, whatever its file says now",
  async () => {
    await using held = await machineWith([
      service("m.service", "Slice=old.slice", "ExecStart=/bin/sleep 1000"),
    ]);
    await held.supervisor.start("m.service");
    await held.supervisor.load([service("m.service", "Slice=new.slice", "ExecStart=/bin/sleep 1000")]);
    const next = await held.machine.boot();
    expect(next.usage("m.service").tasks).toBe(1);
    await next.stop("m.service");
    const parent = pids?.parent.replace(NAME, held.machine.cgroupName ?? "") ?? "";
    expect(existsSync(join(parent, "old.slice"))).toBe(false);
  },
);

test.runIf(usable.tracking !== undefined || usable.builtIn.has("freezer"))(
  "a frozen unit stands still and is killed all the same",
  async () => {
    await using held = await machineWith([service("f.service", "Type=exec", "ExecStart=/bin/sleep 1000")]);
    await held.supervisor.start("f.service");
    const cgroups = new Cgroups(probeCgroups(readHierarchies(), held.machine.cgroupName ?? ""));
    expect(cgroups.freeze("f.service", true)).toBe(true);
    cgroups.kill("f.service");
    const status = await statusWhere(held.supervisor, "f.service", ({ active }) => active === "failed");
    expect(status).toMatchObject({ result: "signal", exitSignal: "KILL" });
  },
);
