/** Restart=, its delays and the start limit, with real services. */
import { expect, test } from "vitest";
import { entries, machineWith, service, statusWhere } from "./machine.ts";

test("a service is restarted until the start limit, stays failed, and reset-failed lets it start again", async () => {
  await using held = await machineWith([
    service("a.service", "Restart=always", "RestartSec=10ms", "StartLimitBurst=3", "ExecStart=/bin/false"),
  ]);
  const { supervisor } = held;
  await supervisor.start("a.service");
  const failed = await statusWhere(supervisor, "a.service", ({ active }) => active === "failed");
  expect(failed).toMatchObject({ restarts: 3, result: "exit-code" });
  expect((await supervisor.start("a.service")).result).toBe("failed");
  expect(supervisor.status("a.service")).toMatchObject({ active: "failed", result: "exit-code" });
  await supervisor.resetFailed("a.service");
  expect((await supervisor.start("a.service")).result).toBe("done");
});

test("a stop while a restart is waited for ends that", async () => {
  await using held = await machineWith([
    service("a.service", "Restart=always", "RestartSec=10s", "ExecStart=/bin/false"),
  ]);
  const { supervisor } = held;
  await supervisor.start("a.service");
  await statusWhere(supervisor, "a.service", ({ sub }) => sub === "auto-restart");
  expect(await supervisor.stop("a.service")).toEqual({ result: "done" });
  expect(supervisor.status("a.service")).toMatchObject({ active: "inactive", sub: "dead" });
});

test("an explicit stop is not answered by a restart", async () => {
  await using held = await machineWith([
    service("a.service", "Restart=always", "RestartSec=1ms", "ExecStart=/bin/sleep 1000"),
  ]);
  const { supervisor } = held;
  await supervisor.start("a.service");
  await supervisor.stop("a.service");
  const told = (await entries(supervisor, "a.service")).map(({ message }) => message);
  expect(told).toEqual([
    "Started a.service.",
    "Stopping a.service...",
    "a.service: Deactivated successfully.",
    "Stopped a.service.",
  ]);
});

test("a start that comes while the unit is stopping is carried out behind it", async () => {
  await using held = await machineWith([
    service("a.service", "ExecStart=/bin/sleep 1000", "ExecStop=/bin/sleep 0.2"),
  ]);
  const { supervisor } = held;
  await supervisor.start("a.service");
  const before = supervisor.status("a.service")?.mainPid;
  const stopping = supervisor.stop("a.service");
  await statusWhere(supervisor, "a.service", ({ active }) => active === "deactivating");
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  expect((await stopping).result).toBe("canceled");
  expect(supervisor.status("a.service")?.mainPid).not.toBe(before);
});

test("100 units start side by side", async () => {
  const units = Array.from({ length: 100 }, (_, i) =>
    service(`u${i}.service`, "Type=exec", "ExecStart=/bin/sleep 1000"),
  );
  await using held = await machineWith(units);
  const outcomes = await Promise.all(units.map(({ name }) => held.supervisor.start(name)));
  expect(new Set(outcomes.map(({ result }) => result))).toEqual(new Set(["done"]));
  expect(new Set(held.supervisor.statuses().map(({ mainPid }) => mainPid)).size).toBe(100);
});
