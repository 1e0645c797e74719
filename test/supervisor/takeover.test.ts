/** The daemon dies; its units do not. A new supervisor on the same directories knows them and what became of them. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { hold } from "./holder.ts";
import { entryWhere, isAlive, output, service, shimOf, statusWhere, TestMachine } from "./machine.ts";

const COUNT =
  "ExecStart=/bin/sh -c 'i=0; while [ $$i -lt 100 ]; do i=$$((i+1)); echo line $$i; sleep 0.01; done; exec sleep 1000'";

async function machineThatWasLoaded(
  units: Parameters<Awaited<ReturnType<TestMachine["boot"]>>["load"]>[0],
  options = {},
) {
  const machine = new TestMachine(options);
  const supervisor = await machine.boot();
  await supervisor.load(units);
  await supervisor.close();
  return machine;
}

test.each([{ cgroups: true }, { cgroups: false }])(
  "a killed daemon's units run on, and no line is lost (cgroups: $cgroups)",
  async (options) => {
    await using machine = await machineThatWasLoaded([service("a.service", COUNT)], options);
    const holder = await hold(machine, ["a.service"]);
    const [before] = holder.report.statuses;
    await holder.kill();
    expect(isAlive(before?.mainPid ?? 0)).toBe(true);
    const supervisor = await machine.boot();
    expect(supervisor.status("a.service")).toEqual(before);
    await entryWhere(supervisor, "a.service", /^line 100$/);
    expect(await output(supervisor, "a.service")).toEqual(
      Array.from({ length: 100 }, (_, i) => `line ${i + 1}`),
    );
    expect(await supervisor.stop("a.service")).toEqual({ result: "done" });
    expect(isAlive(before?.mainPid ?? 0)).toBe(false);
  },
);

test("what ended while there was no daemon is learned exactly, and ExecStopPost is run then", async () => {
  const unit = service(
    "a.service",
    "ExecStart=/bin/sh -c 'sleep 0.3; exit 42'",
    "ExecStopPost=/bin/sh -c 'echo post $$EXIT_STATUS'",
  );
  await using machine = await machineThatWasLoaded([unit]);
  const holder = await hold(machine, ["a.service"]);
  const pid = holder.report.statuses[0]?.mainPid ?? 0;
  await holder.kill();
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const look = setInterval(() => isAlive(pid) || resolve(), 10);
  await gone;
  clearInterval(look);
  const supervisor = await machine.boot();
  const status = await statusWhere(supervisor, "a.service", ({ active }) => active === "failed");
  expect(status).toMatchObject({ result: "exit-code", exitCode: 42 });
  expect(await output(supervisor, "a.service")).toEqual(["post 42"]);
});

test("the count of restarts and the start limit outlive the daemon", async () => {
  const lines = ["Restart=on-failure", "RestartSec=400ms", "StartLimitBurst=2", "ExecStart=/bin/false"];
  await using machine = await machineThatWasLoaded([service("a.service", ...lines)]);
  const holder = await hold(machine, ["a.service"]);
  await holder.kill();
  const supervisor = await machine.boot();
  const status = await statusWhere(supervisor, "a.service", ({ active }) => active === "failed");
  expect(status).toMatchObject({ restarts: 2, result: "exit-code" });
  expect(status.message).toContain("start limit");
});

test("a failed unit is still failed, a completed oneshot still completed", async () => {
  const units = [
    service("bad.service", "Type=exec", "ExecStart=/no/such"),
    service("job.service", "Type=oneshot", "ExecStart=/bin/true"),
  ];
  await using machine = await machineThatWasLoaded(units);
  const holder = await hold(machine, ["bad.service", "job.service"]);
  await holder.kill();
  const supervisor = await machine.boot();
  expect(supervisor.status("bad.service")).toMatchObject({ active: "failed", exitCode: 203 });
  expect(supervisor.status("job.service")).toMatchObject({ active: "inactive", completed: true });
});

test("a unit whose file is gone when the daemon comes back is ended", async () => {
  await using machine = await machineThatWasLoaded([service("a.service", "ExecStart=/bin/sleep 1000")]);
  const first = await machine.boot();
  await first.start("a.service");
  const pid = first.status("a.service")?.mainPid ?? 0;
  rmSync(`${machine.directory}/units/a.service`);
  const second = await machine.boot();
  expect(second.status("a.service")).toBeUndefined();
  expect(isAlive(pid)).toBe(false);
});

test.each([{ cgroups: true }, { cgroups: false }])(
  "a power cut ends everything, and nothing counts as ever started (cgroups: $cgroups)",
  async (options) => {
    const stray = `ExecStart=/bin/sh ${import.meta.dirname}/programs/stray.sh`;
    await using machine = await machineThatWasLoaded(
      [service("a.service", "Restart=always", stray)],
      options,
    );
    const holder = await hold(machine, ["a.service"]);
    const watcher = await machine.boot();
    const pids = [holder.report.statuses[0]?.mainPid ?? 0];
    pids.push(Number((await entryWhere(watcher, "a.service", /^stray/)).message.split(" ")[1]));
    await holder.kill();
    await machine.cutPower();
    expect(pids.map(isAlive)).toEqual([false, false]);
    const supervisor = await machine.boot();
    expect(supervisor.status("a.service")).toMatchObject({
      load: "loaded",
      active: "inactive",
      invocation: undefined,
    });
  },
);

test("a shim that is killed takes its unit's state along, and the unit is restarted if it asks for that", async () => {
  await using machine = await machineThatWasLoaded([
    service("a.service", "Restart=on-failure", "RestartSec=10ms", "ExecStart=/bin/sleep 1000"),
  ]);
  const supervisor = await machine.boot();
  await supervisor.start("a.service");
  const { mainPid = 0 } = supervisor.status("a.service") ?? {};
  process.kill(shimOf(mainPid), "SIGKILL");
  const again = await statusWhere(
    supervisor,
    "a.service",
    ({ restarts, active }) => restarts === 1 && active === "active",
  );
  expect(again.mainPid).not.toBe(mainPid);
  expect(isAlive(mainPid)).toBe(false);
});

test("a unit that lost its shim is restarted once its killed processes are gone, which takes the kernel its time", async () => {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-lost-"));
  // Memory is given back before the lock is.
  const program = `$$| = 1; open my $$lock, ">>", "${directory}/lock"; print flock($$lock, 6) ? "alone\\n" : "twice\\n"; my $$much = "x" x (200 << 20); print "filled\\n"; sleep 1000`;
  const once = service(
    "a.service",
    "Restart=always",
    "RestartSec=0",
    `ExecStart=/usr/bin/perl -e '${program}'`,
  );
  await using machine = await machineThatWasLoaded([once]);
  const supervisor = await machine.boot();
  await supervisor.start("a.service");
  await entryWhere(supervisor, "a.service", /^filled/);
  process.kill(shimOf(supervisor.status("a.service")?.mainPid ?? 0), "SIGKILL");
  await statusWhere(supervisor, "a.service", ({ restarts, sub }) => restarts === 1 && sub === "running");
  await expect.poll(() => output(supervisor, "a.service"), { interval: 10, timeout: 5_000 }).toHaveLength(4);
  expect(await output(supervisor, "a.service")).toEqual(["alone", "filled", "alone", "filled"]);
  rmSync(directory, { recursive: true });
});

test("where there are no cgroups the main process ends with its shim all the same", async () => {
  await using machine = await machineThatWasLoaded(
    [service("a.service", "User=daemon", "ExecStart=/bin/sleep 1000")],
    { cgroups: false },
  );
  const supervisor = await machine.boot();
  await supervisor.start("a.service");
  const { mainPid = 0 } = supervisor.status("a.service") ?? {};
  process.kill(shimOf(mainPid), "SIGKILL");
  await statusWhere(supervisor, "a.service", ({ active }) => active === "failed");
  await expect.poll(() => isAlive(mainPid), { interval: 10 }).toBe(false);
});

test("also one whose shim is killed before it has begun", async () => {
  const units = Array.from({ length: 20 }, (_, index) => `a${index}.service`);
  await using machine = await machineThatWasLoaded(
    units.map((unit) => service(unit, "User=daemon", "ExecStart=/bin/sleep 1000")),
    { cgroups: false },
  );
  const supervisor = await machine.boot();
  for (const unit of units) {
    // A simple service is active as soon as its process is there, which is long before it is /bin/sleep.
    await supervisor.start(unit);
    const { mainPid = 0 } = supervisor.status(unit) ?? {};
    process.kill(shimOf(mainPid), "SIGKILL");
    await expect.poll(() => isAlive(mainPid), { interval: 10 }).toBe(false);
  }
});

test("directories deeper than a socket's path may be long work", async () => {
  const below = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(40)).join("/");
  await using machine = new TestMachine({ below });
  mkdirSync(machine.directory, { recursive: true });
  const first = await machine.boot();
  await first.load([service("a.service", "ExecStart=/bin/sleep 1000")]);
  expect(await first.start("a.service")).toEqual({ result: "done" });
  const before = first.status("a.service");
  const second = await machine.boot();
  expect(second.status("a.service")).toEqual(before);
});

test.runIf(process.getuid?.() === 0)("works without root, and says what it cannot do", async () => {
  await using machine = await machineThatWasLoaded([
    service("a.service", "ExecStart=/bin/sleep 1000"),
    service("b.service", "Type=exec", "User=daemon", "ExecStart=/bin/true"),
  ]);
  const give = (path: string): void => {
    chownSync(path, 65534, 65534);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) give(`${path}/${entry.name}`);
      else chownSync(`${path}/${entry.name}`, 65534, 65534);
    }
  };
  give(machine.directory);
  chmodSync(dirname(machine.directory), 0o1777);
  const holder = await hold(
    machine,
    ["a.service", "b.service"],
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
  );
  expect(holder.report.outcomes).toMatchObject([
    { result: "done" },
    { result: "failed", message: expect.stringContaining("root") },
  ]);
  expect(holder.report.enforcement).toMatchObject({ tracking: "process-tree", users: false, memory: false });
  expect(holder.report.enforcement.notes.join(" ")).toContain("MemoryMax=");
  await holder.kill();
});

test("a watched service is given its time again by a supervisor that did not hear it meanwhile", async () => {
  await using machine = await machineThatWasLoaded([
    service("w.service", "WatchdogSec=600ms", "ExecStart=/bin/sleep 1000"),
  ]);
  const holder = await hold(machine, ["w.service"]);
  await holder.kill();
  const { promise: later, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 700);
  await later;
  const supervisor = await machine.boot();
  expect(supervisor.status("w.service")).toMatchObject({ active: "active", sub: "running" });
  const failed = await statusWhere(supervisor, "w.service", ({ active }) => active === "failed");
  expect(failed).toMatchObject({ result: "watchdog" });
});

test.runIf(process.getuid?.() === 0)(
  "the end of a main process that belongs to another unit is learned, also while there was no daemon",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "flotilla-foreign-"));
    const units = [
      service(
        "a.service",
        "ExecStart=/bin/sleep 1000",
        `ExecStartPost=/bin/sh -c 'echo $MAINPID > ${directory}/a'`,
      ),
      service(
        "b.service",
        "Type=forking",
        `PIDFile=${directory}/b`,
        `ExecStart=/bin/sh -c 'until test -s ${directory}/a; do sleep 0.01; done; cp ${directory}/a ${directory}/b'`,
      ),
    ];
    await using machine = await machineThatWasLoaded(units);
    const holder = await hold(machine, ["a.service", "b.service"]);
    const [a, b] = holder.report.statuses;
    expect(b).toMatchObject({ active: "active", mainPid: a?.mainPid });
    await holder.kill();
    process.kill(a?.mainPid ?? 0, "SIGTERM");
    const supervisor = await machine.boot();
    for (const { name } of units) {
      const status = await statusWhere(supervisor, name, ({ active }) => active === "inactive");
      expect(status).toMatchObject({ result: "success" });
    }
    rmSync(directory, { recursive: true });
  },
);
