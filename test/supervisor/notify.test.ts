/** Services that say themselves when they are ready: sd_notify(3) with real senders. */
import { expect, test } from "vitest";
import { entryWhere, machineWith, service, statusWhere } from "./machine.ts";

const SENDER = `/usr/bin/perl ${import.meta.dirname}/programs/notify.pl`;

/** A service that sends these messages and then sleeps. */
function sender(name: string, messages: readonly string[], ...lines: readonly string[]) {
  return service(name, "Type=notify", ...lines, `ExecStart=${SENDER} ${messages.join(" ")}`);
}

test("a notify service is started when it says so, and its status is shown", async () => {
  await using held = await machineWith([sender("n.service", ["STATUS=warm;READY=1"])]);
  expect(await held.supervisor.start("n.service")).toEqual({ result: "done" });
  expect(held.supervisor.status("n.service")).toMatchObject({
    active: "active",
    sub: "running",
    message: "warm",
  });
});

test("without READY=1 the start times out", async () => {
  await using held = await machineWith([sender("n.service", ["STATUS=cold"], "TimeoutStartSec=200ms")]);
  expect((await held.supervisor.start("n.service")).result).toBe("failed");
  expect(held.supervisor.status("n.service")).toMatchObject({ active: "failed", result: "timeout" });
});

test("who is not the main process is not listened to unless NotifyAccess=all", async () => {
  const forked = (name: string, access: string) => {
    const command = `ExecStart=/bin/sh -c '${SENDER} and-exit READY=1; exec sleep 1000'`;
    return service(name, "Type=notify", `NotifyAccess=${access}`, "TimeoutStartSec=600ms", command);
  };
  await using held = await machineWith([forked("main.service", "main"), forked("all.service", "all")]);
  const outcomes = await Promise.all(
    ["main.service", "all.service"].map((name) => held.supervisor.start(name)),
  );
  expect(outcomes.map(({ result }) => result)).toEqual(["failed", "done"]);
});

test("a service that stops petting its watchdog is killed and, if so asked, restarted", async () => {
  await using held = await machineWith([
    sender(
      "w.service",
      ["READY=1", "WATCHDOG=1"],
      "WatchdogSec=200ms",
      "Restart=on-watchdog",
      "RestartSec=10ms",
    ),
  ]);
  expect(await held.supervisor.start("w.service")).toEqual({ result: "done" });
  await entryWhere(held.supervisor, "w.service", /Failed with result 'watchdog'/);
  await statusWhere(
    held.supervisor,
    "w.service",
    ({ restarts, active }) => restarts >= 1 && active === "active",
  );
});

test("a service that takes a name on the bus is refused, not run as if it did not", async () => {
  await using held = await machineWith([
    service("d.service", "Type=dbus", "BusName=org.example.D", "ExecStart=/bin/sleep 1000"),
  ]);
  expect(await held.supervisor.start("d.service")).toMatchObject({
    result: "unsupported",
    message: expect.stringContaining("no D-Bus"),
  });
  expect(held.supervisor.status("d.service")).toMatchObject({ active: "inactive" });
});

test("a notify-reload service is reloaded by its signal and its answer", async () => {
  const program = `${import.meta.dirname}/programs/reloads.pl`;
  await using held = await machineWith([
    service("r.service", "Type=notify-reload", `ExecStart=/usr/bin/perl ${program}`),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("r.service")).toEqual({ result: "done" });
  expect(await supervisor.enqueue({ type: "reload", unit: "r.service" })).toEqual({ result: "done" });
  expect(supervisor.status("r.service")).toMatchObject({
    active: "active",
    sub: "running",
    statusText: "reloads: 1",
  });
});
