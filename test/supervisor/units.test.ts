/** Units that depend on each other, timers, targets, conditions, and kinds that are not run here. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { entries, entryWhere, machineWith, output, service, statusWhere, unit } from "./machine.ts";

const SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n";

test("Requires= and After= start what is needed first, and a stop of it stops what requires it", async () => {
  await using held = await machineWith([
    unit("db.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 0.1\n"),
    unit("app.service", `[Unit]\nRequires=db.service\nAfter=db.service\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("app.service")).toEqual({ result: "done" });
  expect(supervisor.status("db.service")).toMatchObject({ active: "active", sub: "exited", completed: true });
  await supervisor.stop("db.service");
  expect(supervisor.status("app.service")).toMatchObject({ active: "inactive" });
});

test("what needs a unit that fails to start fails as a dependency; what only wants it starts", async () => {
  await using held = await machineWith([
    unit("bad.service", "[Service]\nType=exec\nExecStart=/no/such\n"),
    unit("needs.service", `[Unit]\nRequires=bad.service\nAfter=bad.service\n${SLEEP}`),
    unit("wants.service", `[Unit]\nWants=bad.service missing.service\nAfter=bad.service\n${SLEEP}`),
    unit("lacks.service", `[Unit]\nRequires=missing.service\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  expect((await supervisor.start("needs.service")).result).toBe("dependency");
  expect(supervisor.status("needs.service")).toMatchObject({ active: "inactive" });
  expect((await supervisor.start("wants.service")).result).toBe("done");
  const lacking = await supervisor.start("lacks.service");
  expect(lacking).toMatchObject({ result: "invalid", message: expect.stringContaining("missing.service") });
});

test("BindsTo= stops a unit when what it is bound to dies by itself", async () => {
  await using held = await machineWith([
    unit("main.service", "[Service]\nExecStart=/bin/sleep 1000\n"),
    unit("side.service", `[Unit]\nBindsTo=main.service\nAfter=main.service\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  await supervisor.start("side.service");
  process.kill(supervisor.status("main.service")?.mainPid ?? 0, "SIGKILL");
  const side = await statusWhere(supervisor, "side.service", ({ active }) => active === "inactive");
  expect(side).toMatchObject({ sub: "dead", result: "success" });
});

test("Conflicts= stops the other, before anything starts where it comes after it", async () => {
  await using held = await machineWith([
    unit("a.service", SLEEP),
    unit("b.service", `[Unit]\nConflicts=a.service\nAfter=a.service\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  await supervisor.start("a.service");
  await supervisor.start("b.service");
  expect(supervisor.status("a.service")).toMatchObject({ active: "inactive" });
  await supervisor.start("a.service");
  expect(supervisor.status("b.service")).toMatchObject({ active: "inactive" });
});

test("a target starts what it wants, is active behind it, and stops what is part of it", async () => {
  await using held = await machineWith([
    unit("all.target", "[Unit]\nWants=a.service\n"),
    unit("a.service", `[Unit]\nPartOf=all.target\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("all.target")).toEqual({ result: "done" });
  expect(supervisor.status("a.service")).toMatchObject({ active: "active" });
  expect(supervisor.status("all.target")).toMatchObject({ active: "active", sub: "active" });
  const next = await held.machine.boot();
  expect(next.status("all.target")).toMatchObject({ active: "active" });
  await next.stop("all.target");
  await statusWhere(next, "a.service", ({ active }) => active === "inactive");
});

test("a failed condition leaves the unit inactive with the job done, a failed assertion fails the job", async () => {
  await using held = await machineWith([
    unit("c.service", `[Unit]\nConditionPathExists=/no/such\n${SLEEP}`),
    unit("n.service", `[Unit]\nConditionPathExists=!/no/such\n${SLEEP}`),
    unit("x.service", `[Unit]\nAssertPathExists=/no/such\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("c.service")).toMatchObject({ result: "done" });
  expect(supervisor.status("c.service")).toMatchObject({ active: "inactive", invocation: undefined });
  expect((await entries(supervisor, "c.service")).at(-1)?.message).toContain("ConditionPathExists=/no/such");
  expect((await supervisor.start("x.service")).result).toBe("assert");
  expect((await supervisor.start("n.service")).result).toBe("done");
});

test("a timer starts its service again and again, waits in between, and outlives the supervisor", async () => {
  await using held = await machineWith([
    unit("tick.timer", "[Timer]\nOnActiveSec=50ms\nOnUnitInactiveSec=50ms\nAccuracySec=1ms\n"),
    service("tick.service", "Type=oneshot", "ExecStart=/bin/sh -c 'echo tick $$PPID'"),
  ]);
  const { supervisor, machine } = held;
  expect(await supervisor.start("tick.timer")).toEqual({ result: "done" });
  expect(supervisor.status("tick.timer")).toMatchObject({ active: "active", sub: "waiting" });
  expect(supervisor.usage("tick.timer").facts).toEqual([
    { label: "Trigger", atMs: expect.any(Number) },
    { label: "Triggers", text: "○ tick.service" },
  ]);
  await entryWhere(supervisor, "tick.service", /^tick/);
  const next = await machine.boot();
  expect(next.status("tick.timer")).toMatchObject({ active: "active" });
  const before = (await output(next, "tick.service")).length;
  const invocation = next.status("tick.service")?.invocation;
  await statusWhere(next, "tick.service", (status) => status.invocation !== invocation && status.completed);
  expect((await output(next, "tick.service")).length).toBeGreaterThan(before);
  await next.stop("tick.timer");
  expect(next.status("tick.timer")).toMatchObject({ active: "inactive", sub: "dead" });
});

test("a timer counts from the unit's last run, also when it was started by hand", async () => {
  await using held = await machineWith([
    unit("again.timer", "[Timer]\nOnUnitActiveSec=50ms\nAccuracySec=1ms\n"),
    service("again.service", "Type=oneshot", "ExecStart=/bin/true"),
  ]);
  const { supervisor } = held;
  await supervisor.start("again.timer");
  expect(supervisor.status("again.timer")).toMatchObject({ sub: "elapsed" });
  await supervisor.start("again.service");
  const invocation = supervisor.status("again.service")?.invocation;
  await statusWhere(
    supervisor,
    "again.service",
    (status) => status.invocation !== invocation && status.completed,
  );
  await supervisor.stop("again.timer");
});

test("a timer whose service is not on this machine is refused, and says why", async () => {
  await using held = await machineWith([unit("lone.timer", "[Timer]\nOnActiveSec=10ms\n")]);
  const message = "Refusing to start, unit lone.service to trigger not loaded.";
  expect(await held.supervisor.start("lone.timer")).toEqual({ result: "failed", message });
  await entryWhere(held.supervisor, "lone.timer", /Refusing to start/);
});

test("a timer that has nothing more to do is elapsed", async () => {
  await using held = await machineWith([
    unit("once.timer", "[Timer]\nOnActiveSec=10ms\nAccuracySec=1ms\n"),
    service("once.service", "Type=oneshot", "ExecStart=/bin/true"),
  ]);
  const { supervisor } = held;
  await supervisor.start("once.timer");
  await statusWhere(supervisor, "once.timer", ({ sub }) => sub === "elapsed");
  expect(supervisor.status("once.service")).toMatchObject({ completed: true });
});

test("a kind of unit that is not run here is loaded, and says so when it is started", async () => {
  await using held = await machineWith([unit("a.mount", "[Mount]\nWhat=none\nWhere=/a\n")]);
  expect(held.supervisor.status("a.mount")).toMatchObject({ load: "loaded", active: "inactive" });
  const outcome = await held.supervisor.start("a.mount");
  expect(outcome).toMatchObject({ result: "unsupported", message: expect.stringContaining("mount units") });
});

test("a name that is no unit's is refused before anything is written", async () => {
  await using held = await machineWith([]);
  const bad = unit("../escape.service", SLEEP);
  await expect(held.supervisor.load([bad])).rejects.toMatchObject({ code: "bad-unit-name" });
  expect(existsSync(join(held.machine.directory, "escape.service"))).toBe(false);
});

test("a journal is kept when its unit is unloaded, and goes on behind a cursor across rotated files", async () => {
  await using held = await machineWith(
    [service("r.service", "Type=oneshot", "ExecStart=/usr/bin/seq 1 60000")],
    { journalLimits: { maxBytes: 64 * 2 ** 20 } },
  );
  const { supervisor, machine } = held;
  await supervisor.start("r.service");
  await supervisor.unload(["r.service"]);
  const all = await output(supervisor, "r.service");
  expect(all.at(-1)).toBe("60000");
  expect(all.length).toBe(60000);
  expect(existsSync(join(machine.directory, "journal/r.service/2"))).toBe(true);
  const middle = (await entries(supervisor, "r.service")).find(({ message }) => message === "101");
  const rest: string[] = [];
  for await (const { message } of supervisor.journal({ units: ["r.service"], after: middle?.cursor ?? "" }))
    rest.push(message);
  expect(rest[0]).toBe("102");
  writeFileSync(join(machine.directory, "journal/r.service/9"), "damaged by a power cut\n");
  expect((await output(supervisor, "r.service")).length).toBe(60000);
});

test("a oneshot's end is told once", async () => {
  await using held = await machineWith([service("one.service", "Type=oneshot", "ExecStart=/bin/true")]);
  await held.supervisor.start("one.service");
  const found = await entries(held.supervisor, "one.service");
  expect(found.map(({ message }) => message)).toEqual([
    "Starting one.service...",
    "one.service: Deactivated successfully.",
    "Finished one.service.",
  ]);
});

test("what is not applied is told at each start, in one line", async () => {
  await using held = await machineWith(
    [service("a.service", "UtmpIdentifier=x", "PAMName=x", "MemoryMax=1G", "ExecStart=/bin/sleep 1000")],
    { cgroups: false },
  );
  await held.supervisor.start("a.service");
  const { message, priority } = await entryWhere(held.supervisor, "a.service", /not applied/);
  expect(message).toContain("UtmpIdentifier=, PAMName=, MemoryMax= are not applied");
  expect(priority).toBe(4);
});

test("OnFailure= starts a unit when no restart follows, OnSuccess= when all went well", async () => {
  const oneshot = (line: string, command: string): string =>
    `[Unit]\n${line}\n[Service]\nType=oneshot\nExecStart=${command}\n`;
  await using held = await machineWith([
    unit("bad.service", oneshot("OnFailure=alarm.service\nOnSuccess=next.service", "/bin/false")),
    unit("good.service", oneshot("OnFailure=never.service\nOnSuccess=next.service", "/bin/true")),
    unit("alarm.service", SLEEP),
    unit("next.service", SLEEP),
    unit("never.service", SLEEP),
  ]);
  const { supervisor } = held;
  await supervisor.start("bad.service");
  await statusWhere(supervisor, "alarm.service", ({ active }) => active === "active");
  expect(supervisor.status("next.service")).toMatchObject({ active: "inactive" });
  await supervisor.start("good.service");
  await statusWhere(supervisor, "next.service", ({ active }) => active === "active");
  expect(supervisor.status("never.service")).toMatchObject({ active: "inactive" });
});

test("a target starts what is loaded with WantedBy= and RequiredBy= of it; loading alone starts nothing", async () => {
  await using held = await machineWith([
    unit("app.target", "[Unit]\nDescription=App\n"),
    unit("w.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=app.target\n"),
    unit("r.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nRequiredBy=app.target\n"),
    unit("up.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"),
  ]);
  const { supervisor } = held;
  for (const { active } of supervisor.statuses()) expect(active).toBe("inactive");
  expect(await supervisor.start("app.target")).toEqual({ result: "done" });
  expect(supervisor.status("w.service")?.active).toBe("active");
  expect(supervisor.status("r.service")?.active).toBe("active");
  expect(supervisor.status("up.service")?.active).toBe("inactive");
  await supervisor.stop("r.service");
  expect(supervisor.status("app.target")?.active).toBe("inactive");
  expect(supervisor.status("w.service")?.active).toBe("active");
});
