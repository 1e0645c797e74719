/** What becomes of the processes of a unit that may run only until a time, whatever they and their shim do meanwhile. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import { entryWhere, isAlive, machineWith, output, service, statusWhere } from "./machine.ts";

const STRAY = `ExecStart=/bin/sh ${import.meta.dirname}/programs/stray.sh`;

/** Process ID of the shim that has this process for a child. */
function parentOf(pid: number): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

describe.each([{ cgroups: true }, { cgroups: false }])("a held unit, cgroups: $cgroups", (options) => {
  test("loses what has forked away and ignores SIGTERM as well", async () => {
    await using held = await machineWith([service("a.service", STRAY, "TimeoutStopSec=1h")], options);
    const { supervisor } = held;
    supervisor.hold("a.service", { untilMs: systemClock.boottime() + 1_000, token: "1" });
    await supervisor.start("a.service");
    const stray = await entryWhere(supervisor, "a.service", /^stray \d+$/);
    const pid = Number(stray.message.split(" ")[1]);
    expect(isAlive(pid)).toBe(true);
    await statusWhere(supervisor, "a.service", ({ active }) => active === "failed");
    // Whom nobody counts is killed last, and takes a moment to die.
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test("that is stopped when its time comes is killed, though the stop may take longer", async () => {
    const lines = ["ExecStart=/bin/sleep 1000", "ExecStop=/bin/sleep 1000", "TimeoutStopSec=1h"];
    await using held = await machineWith([service("a.service", ...lines)], options);
    const { supervisor } = held;
    supervisor.hold("a.service", { untilMs: systemClock.boottime() + 500, token: "1" });
    await supervisor.start("a.service");
    await supervisor.stop("a.service");
    expect(supervisor.status("a.service")).toMatchObject({ active: "failed", expired: true });
  });

  test("is killed at once when everything was stopped over its time and goes on", async () => {
    await using held = await machineWith([service("a.service", "ExecStart=/bin/sleep 1000")], options);
    const { supervisor } = held;
    supervisor.hold("a.service", { untilMs: systemClock.boottime() + 300, token: "1" });
    await supervisor.start("a.service");
    const { mainPid = 0 } = supervisor.status("a.service") ?? {};
    const shim = parentOf(mainPid);
    for (const pid of [shim, mainPid]) process.kill(pid, "SIGSTOP");
    await sleep(systemClock, 500);
    expect(isAlive(mainPid)).toBe(true);
    const goesOnMs = performance.now();
    for (const pid of [mainPid, shim]) process.kill(pid, "SIGCONT");
    await statusWhere(supervisor, "a.service", ({ active }) => active === "failed");
    expect(isAlive(mainPid)).toBe(false);
    expect(performance.now() - goesOnMs).toBeLessThan(1_000);
  });
});

test("a held unit is told the token that a storage may know it by", async () => {
  const print = "ExecStart=/bin/sh -c 'echo token $FLOTILLA_FENCING_TOKEN'";
  await using held = await machineWith([service("a.service", "Type=oneshot", print)]);
  const { supervisor } = held;
  supervisor.hold("a.service", { untilMs: systemClock.boottime() + 60_000, token: "4711" });
  await supervisor.start("a.service");
  expect(await output(supervisor, "a.service")).toContain("token 4711");
});
