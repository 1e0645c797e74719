/** Limits really hold, where this machine can hold units to them. */
import { mkdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Cgroups } from "#supervisor/embedded/cgroup/cgroups.ts";
import { readHierarchies } from "#supervisor/embedded/cgroup/hierarchy.ts";
import { probeCgroups } from "#supervisor/embedded/cgroup/probe.ts";
import { entryWhere, machineWith, output, service, statusWhere } from "./machine.ts";

const NAME = `flotilla-test-limits-${process.pid}`;
const usable = probeCgroups(readHierarchies(), NAME);
new Cgroups(usable).close();

test.runIf(usable.limits.has("pids"))("TasksMax= refuses one process too many", async () => {
  await using held = await machineWith([
    service(
      "t.service",
      "Type=oneshot",
      "TasksMax=3",
      "ExecStart=/usr/bin/perl -e 'for (1..5) { my $$p = fork; print defined $$p ? q(y) : q(n) if !defined $$p || $$p; sleep 5, exit if defined $$p && !$$p }'",
    ),
  ]);
  await held.supervisor.start("t.service");
  expect(await output(held.supervisor, "t.service")).toEqual(["yynnn"]);
});

test.runIf(usable.limits.has("memory"))(
  "MemoryMax= ends a service that takes more, and the result says why",
  async () => {
    await using held = await machineWith([
      service(
        "m.service",
        "MemoryMax=24M",
        "ExecStart=/usr/bin/perl -e 'my $$x = q(x) x (200 << 20); sleep 1000'",
      ),
    ]);
    await held.supervisor.start("m.service");
    const status = await statusWhere(held.supervisor, "m.service", ({ active }) => active === "failed");
    expect(status).toMatchObject({ result: "oom-kill", exitSignal: "KILL" });
  },
);

/** The child takes too much memory and is not the main process, which goes on. */
const CHILD_TAKES_TOO_MUCH =
  "ExecStart=/usr/bin/perl -e '$$| = 1; if (!fork) { my $$x = q(x) x ($$$$ && 200 << 20); sleep 1000 } wait; print $$? & 127, qq(\\n); sleep 1000'";

test.runIf(usable.limits.has("memory")).each([
  ["stop", "failed", "oom-kill"],
  ["kill", "failed", "oom-kill"],
  ["continue", "active", "success"],
])("OOMPolicy=%s is told of the end of any process", async (policy, active, result) => {
  await using held = await machineWith([
    service("p.service", "MemoryMax=24M", `OOMPolicy=${policy}`, CHILD_TAKES_TOO_MUCH),
  ]);
  await held.supervisor.start("p.service");
  const { priority } = await entryWhere(held.supervisor, "p.service", /killed by the OOM killer/);
  expect(priority).toBe(5);
  if (policy === "continue") await entryWhere(held.supervisor, "p.service", /^9$/);
  const status = await statusWhere(held.supervisor, "p.service", (now) => now.active === active);
  expect(status).toMatchObject({ result });
});

test.runIf(usable.limits.has("cpu"))(
  "CPUQuota= puts the unit, and not its shim, under the quota",
  async () => {
    await using held = await machineWith([
      service("c.service", "CPUQuota=20%", "ExecStart=/bin/sh -c 'cat /proc/self/cgroup; sleep 1000'"),
    ]);
    await held.supervisor.start("c.service");
    await entryWhere(held.supervisor, "c.service", /c\.service$/);
    const place = usable.limits.get("cpu");
    const parent = place?.parent.replace(NAME, held.machine.cgroupName ?? "");
    const file = place?.version === 2 ? "cpu.max" : "cpu.cfs_quota_us";
    expect(readFileSync(`${parent}/c.service/${file}`, "utf8")).toMatch(/^20000\b/);
    const inside = readFileSync(`${parent}/c.service/cgroup.procs`, "utf8").trim().split("\n").map(Number);
    expect(inside).toContain(held.supervisor.status("c.service")?.mainPid);
    for (const pid of inside)
      expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).not.toContain("flotilla-shim");
  },
);

test("without cgroups every limit that is not enforced is named", async () => {
  await using held = await machineWith([], { cgroups: false });
  expect(held.supervisor.enforcement).toMatchObject({
    tracking: "process-tree",
    memory: false,
    cpu: false,
    tasks: false,
  });
  expect(held.supervisor.enforcement.notes.join(" ")).toMatch(/MemoryMax=.*CPUQuota=.*TasksMax=/);
});

test.runIf(usable.limits.has("cpu"))(
  "CPUWeight= is the unit's share, and a limit without a file is told of",
  () => {
    const cgroups = new Cgroups(usable);
    const place = usable.limits.get("cpu");
    mkdirSync(place?.parent ?? "", { recursive: true });
    try {
      cgroups.prepare("w.service", { cpuWeight: 200 });
      const file = place?.version === 1 ? "cpu.shares" : "cpu.weight";
      expect(Number(readFileSync(`${place?.parent}/w.service/${file}`, "utf8"))).toBe(
        place?.version === 1 ? 2048 : 200,
      );
      const hasHigh = usable.limits.get("memory")?.version === 2;
      expect(cgroups.unenforced({ cpuWeight: 200, memoryHigh: { bytes: 1 << 20 } })).toEqual(
        hasHigh ? [] : ["memoryHigh"],
      );
    } finally {
      cgroups.remove("w.service");
      cgroups.close();
    }
  },
);

/** Says of each device whether it can be read. */
const LOOK =
  "ExecStart=/bin/sh -c 'exec 2>&-; for d in null zero kmsg; do (: </dev/$$d) && echo $$d yes || echo $$d no; done'";

test.runIf(usable.limits.has("devices")).each([
  { lines: [], readable: ["yes", "yes", "yes"] },
  { lines: ["DevicePolicy=closed"], readable: ["yes", "yes", "no"] },
  { lines: ["DevicePolicy=strict"], readable: ["no", "no", "no"] },
  { lines: ["DevicePolicy=strict", "DeviceAllow=/dev/zero r"], readable: ["no", "yes", "no"] },
  { lines: ["DeviceAllow=/dev/kmsg"], readable: ["yes", "yes", "yes"] },
  { lines: ["DevicePolicy=closed", "DeviceAllow=char-mem r"], readable: ["yes", "yes", "yes"] },
  { lines: ["ProtectClock=yes"], readable: ["yes", "yes", "no"] },
  { lines: ["PrivateDevices=yes"], readable: ["yes", "yes", "no"] },
])("with $lines devices can be opened: $readable", async ({ lines, readable }) => {
  await using held = await machineWith([service("d.service", "Type=oneshot", ...lines, LOOK)]);
  expect(await held.supervisor.start("d.service")).toEqual({ result: "done" });
  const [first, second, third] = readable;
  expect(await output(held.supervisor, "d.service")).toEqual([
    `null ${first}`,
    `zero ${second}`,
    `kmsg ${third}`,
  ]);
});
