/** Jobs on real units: names that stand for units, what a killed supervisor leaves, and what is said about it. */
import { expect, test } from "vitest";
import { hold } from "./holder.ts";
import { entryWhere, machineWith, output, statusWhere, TestMachine, unit } from "./machine.ts";

const SLEEP = "[Service]\nExecStart=/bin/sleep 1000\n";

test("a dependency on an instance of a loaded template makes the instance, which can be stopped and started", async () => {
  await using held = await machineWith([
    unit("a.service", `[Unit]\nRequires=w@1.service\nAfter=w@1.service\n${SLEEP}`),
    unit("w@.service", `[Unit]\nDescription=Worker %i\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  expect(supervisor.status("w@1.service")).toMatchObject({ active: "active" });
  await supervisor.stop("w@1.service");
  await statusWhere(supervisor, "a.service", ({ active }) => active === "inactive");
  expect(await supervisor.start("w@2.service")).toEqual({ result: "done" });
});

test("Alias= of a loaded unit stands for it, in requests and in dependencies", async () => {
  await using held = await machineWith([
    unit("db.service", `${SLEEP}[Install]\nAlias=database.service\n`),
    unit("app.service", `[Unit]\nRequires=database.service\nAfter=database.service\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("app.service")).toEqual({ result: "done" });
  expect(supervisor.status("db.service")).toMatchObject({ active: "active" });
  expect(await supervisor.stop("database.service")).toEqual({ result: "done" });
  expect(supervisor.status("db.service")).toMatchObject({ active: "inactive" });
});

test("a unit whose file comes later is known to the dependencies of others", async () => {
  await using held = await machineWith([unit("a.service", `[Unit]\nRequires=b.service\n${SLEEP}`)]);
  const { supervisor } = held;
  expect(await supervisor.start("a.service")).toMatchObject({
    result: "invalid",
    error: "NoSuchUnit",
    message: "Unit b.service not found.",
  });
  await supervisor.load([unit("b.service", SLEEP)]);
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  await supervisor.load([unit("b.service", `[Unit]\nPropagatesStopTo=a.service\n${SLEEP}`)]);
  await supervisor.unload(["b.service"]);
  await statusWhere(supervisor, "a.service", ({ active }) => active === "inactive");
});

test("standard targets are up, take the place of a unit file of theirs, and are stopped by nobody", async () => {
  await using held = await machineWith([
    unit("a.service", `[Unit]\nRequires=network-online.target\nAfter=network-online.target\n${SLEEP}`),
    unit("multi-user.target", "[Unit]\nWants=a.service\n"),
  ]);
  const { supervisor } = held;
  expect(await supervisor.stop("network-online.target")).toMatchObject({ error: "JobTypeNotApplicable" });
  expect(await supervisor.start("network-online.target")).toEqual({ result: "done" });
  expect(await supervisor.start("poweroff.target")).toMatchObject({ result: "unsupported" });
  expect(await supervisor.start("multi-user.target")).toEqual({ result: "done" });
  expect(supervisor.status("a.service")).toMatchObject({ active: "active" });
  expect(supervisor.status("basic.target")).toBeUndefined();
});

test("a failed dependency is told in the outcome and in the journal of what needs it, with the reason", async () => {
  await using held = await machineWith([
    unit("bad.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n"),
    unit("app.service", `[Unit]\nDescription=The app\nRequires=bad.service\nAfter=bad.service\n${SLEEP}`),
  ]);
  const { supervisor } = held;
  const outcome = await supervisor.start("app.service");
  expect(outcome).toMatchObject({ result: "dependency", message: expect.stringContaining("bad.service") });
  await entryWhere(supervisor, "app.service", /^Dependency failed for app\.service - The app\.$/);
  await entryWhere(supervisor, "app.service", /Job app\.service\/start failed with result 'dependency'\.$/);
});

test("a circle of orders that is broken is told in the journal", async () => {
  await using held = await machineWith([
    unit("a.service", `[Unit]\nWants=b.service\nAfter=b.service\n${SLEEP}`),
    unit("b.service", `[Unit]\nAfter=a.service\n${SLEEP}`),
  ]);
  expect(await held.supervisor.start("a.service")).toEqual({ result: "done" });
  await entryWhere(held.supervisor, "a.service", /Job b\.service\/start deleted to break ordering cycle/);
  expect(held.supervisor.status("b.service")).toMatchObject({ active: "inactive" });
});

test("what the supervisor did not see happen is made good by the next one", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  await first.load([
    unit("main.service", `[Unit]\nOnFailure=alarm.service\n${SLEEP}`),
    unit("bound.service", `[Unit]\nBindsTo=main.service\nAfter=main.service\n${SLEEP}`),
    unit("alarm.service", SLEEP),
  ]);
  await first.close();
  const holder = await hold(machine, ["bound.service"]);
  await holder.kill();
  const pid = holder.report.statuses.find(({ name }) => name === "main.service")?.mainPid;
  process.kill(pid ?? 0, "SIGKILL");
  const next = await machine.boot();
  const bound = await statusWhere(next, "bound.service", ({ active }) => active === "inactive");
  const alarm = await statusWhere(next, "alarm.service", ({ active }) => active === "active");
  expect([bound.sub, alarm.sub]).toEqual(["dead", "running"]);
});

test("a supervisor that goes between the stop and the start of a restart leaves the start to the next one", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  const stop = "ExecStop=/bin/sleep 0.3\n";
  await first.load([
    unit("db.service", `${SLEEP}${stop}`),
    unit(
      "app.service",
      `[Unit]\nPartOf=db.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/echo up\n${stop}`,
    ),
  ]);
  await first.start("db.service");
  await first.start("app.service");
  const restarted = first.restart("db.service");
  await statusWhere(first, "app.service", ({ active }) => active === "deactivating");
  const next = await machine.boot();
  expect((await restarted).result).toBe("canceled");
  await statusWhere(next, "app.service", ({ active }) => active === "active");
  await statusWhere(next, "db.service", ({ active }) => active === "active");
  expect(await output(next, "app.service")).toEqual(["up", "up"]);
});

test("a stop that was asked for before the supervisor went is carried on, and nothing is started again", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  await first.load([unit("a.service", `${SLEEP}ExecStop=/bin/sleep 0.3\n`)]);
  await first.start("a.service");
  const stopped = first.stop("a.service");
  await statusWhere(first, "a.service", ({ active }) => active === "deactivating");
  const next = await machine.boot();
  expect((await stopped).result).toBe("canceled");
  const status = await statusWhere(next, "a.service", ({ active }) => active === "inactive");
  expect(status).toMatchObject({ sub: "dead", result: "success" });
});
