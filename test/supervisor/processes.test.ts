/** What becomes of the processes of a unit: exact exit statuses, nothing left after a stop, the surroundings they get. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { entries, entryWhere, isAlive, machineWith, output, service, statusWhere } from "./machine.ts";

const DAEMON = `ExecStart=/usr/bin/perl ${import.meta.dirname}/programs/daemon.pl`;
const STRAY = `ExecStart=/bin/sh ${import.meta.dirname}/programs/stray.sh`;

describe.each([{ cgroups: true }, { cgroups: false }])("processes, cgroups: $cgroups", (options) => {
  test("a stop ends what has forked away in a session of its own and ignores SIGTERM", async () => {
    await using held = await machineWith([service("a.service", STRAY, "TimeoutStopSec=300ms")], options);
    const { supervisor } = held;
    await supervisor.start("a.service");
    const stray = await entryWhere(supervisor, "a.service", /^stray \d+$/);
    const pid = Number(stray.message.split(" ")[1]);
    expect(isAlive(pid)).toBe(true);
    expect(await supervisor.stop("a.service")).toEqual({ result: "done" });
    expect(isAlive(pid)).toBe(false);
    expect(supervisor.status("a.service")).toMatchObject({ active: "failed", result: "timeout" });
  });

  test("a forking service is followed by its PIDFile, and its daemon's exit status is known", async () => {
    await using held = await machineWith([], options);
    const { supervisor, machine } = held;
    const pidFile = join(machine.directory, "daemon.pid");
    await supervisor.load([
      service("f.service", "Type=forking", `PIDFile=${pidFile}`, `${DAEMON} ${pidFile}`),
    ]);
    expect(await supervisor.start("f.service")).toEqual({ result: "done" });
    const { mainPid } = await statusWhere(supervisor, "f.service", (status) => status.mainPid !== undefined);
    process.kill(mainPid ?? 0, "SIGKILL");
    const failed = await statusWhere(supervisor, "f.service", (status) => status.active === "failed");
    expect(failed).toMatchObject({ result: "signal", exitSignal: "KILL" });
  });

  test("a forking service without PIDFile is followed by the one process that is left", async () => {
    await using held = await machineWith([], options);
    const { supervisor, machine } = held;
    await supervisor.load([service("g.service", "Type=forking", `${DAEMON} ${machine.directory}/g`)]);
    expect(await supervisor.start("g.service")).toEqual({ result: "done" });
    const { mainPid = 0 } = supervisor.status("g.service") ?? {};
    expect(isAlive(mainPid)).toBe(true);
    await supervisor.stop("g.service");
    expect(isAlive(mainPid)).toBe(false);
  });
});

test("exit code 143 and an end by SIGTERM are told apart", async () => {
  await using held = await machineWith([
    service("code.service", "ExecStart=/bin/sh -c 'exit 143'"),
    service("signal.service", "ExecStart=/bin/sh -c 'kill -TERM $$$$'"),
    service("kill.service", "ExecStart=/bin/sh -c 'kill -KILL $$$$'"),
  ]);
  const { supervisor } = held;
  const ended = (name: string) =>
    statusWhere(
      supervisor,
      name,
      ({ active, invocation }) => invocation !== undefined && (active === "failed" || active === "inactive"),
    );
  await Promise.all(["code.service", "signal.service", "kill.service"].map((name) => supervisor.start(name)));
  expect(await ended("code.service")).toMatchObject({ active: "failed", result: "exit-code", exitCode: 143 });
  expect(await ended("signal.service")).toMatchObject({
    active: "inactive",
    result: "success",
    exitSignal: "TERM",
  });
  expect(await ended("kill.service")).toMatchObject({
    active: "failed",
    result: "signal",
    exitSignal: "KILL",
  });
});

test("a service gets its environment, directory, mask and limits, and no more", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const work = join(machine.directory, "work");
  mkdirSync(work);
  writeFileSync(join(work, "env"), "FROM_FILE='two words'\n");
  await supervisor.load([
    service(
      "e.service",
      "Type=oneshot",
      "Environment=A=1 B=2",
      `EnvironmentFile=${work}/env`,
      "EnvironmentFile=-/no/such/file",
      "UnsetEnvironment=B",
      `WorkingDirectory=${work}`,
      "UMask=0077",
      "LimitNOFILE=64:128",
      "Nice=3",
      "ExecStart=/bin/sh -c 'echo $$A,$$B,$$FROM_FILE; pwd; umask; ulimit -n; ulimit -Hn; nice; ls /proc/self/fd | wc -l'",
      `ExecStart=/bin/echo \${A} $FROM_FILE`,
    ),
  ]);
  expect(await supervisor.start("e.service")).toEqual({ result: "done" });
  // Besides 0, 1 and 2 ls has the directory itself open.
  expect(await output(supervisor, "e.service")).toEqual([
    "1,,two words",
    work,
    "0077",
    "64",
    "128",
    "3",
    "4",
    "1 two words",
  ]);
});

test("a unit file that asks for what is not there fails at that step, with systemd's exit code", async () => {
  await using held = await machineWith([
    service("user.service", "Type=exec", "User=nosuchuser", "ExecStart=/bin/true"),
    service("dir.service", "Type=exec", "WorkingDirectory=/no/such/place", "ExecStart=/bin/true"),
    service("env.service", "Type=exec", "EnvironmentFile=/no/such/file", "ExecStart=/bin/true"),
    service("exec.service", "Type=exec", "ExecStart=/no/such/program"),
  ]);
  const { supervisor } = held;
  const start = async (name: string) => ({
    ...(await supervisor.start(name)),
    code: supervisor.status(name)?.exitCode,
  });
  expect(await start("user.service")).toMatchObject({
    result: "failed",
    code: 217,
    message: expect.stringContaining("nosuchuser"),
  });
  expect(await start("dir.service")).toMatchObject({
    result: "failed",
    code: 200,
    message: expect.stringContaining("/no/such/place"),
  });
  expect(await start("env.service")).toMatchObject({
    result: "failed",
    message: expect.stringContaining("/no/such/file"),
  });
  expect(await start("exec.service")).toMatchObject({
    result: "failed",
    code: 203,
    message: expect.stringContaining("No such file"),
  });
});

test.runIf(process.getuid?.() === 0)("User= changes user, groups and home", async () => {
  await using held = await machineWith([
    service(
      "u.service",
      "Type=oneshot",
      "User=nobody",
      "ExecStart=/bin/sh -c 'id -un; id -gn; id -G; echo $$HOME'",
    ),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("u.service")).toEqual({ result: "done" });
  expect(await output(supervisor, "u.service")).toEqual(["nobody", "nogroup", "65534", "/nonexistent"]);
});

test("ExecStop gets MAINPID, ExecStopPost how it ended", async () => {
  await using held = await machineWith([
    service(
      "s.service",
      "ExecStart=/bin/sleep 1000",
      "ExecStop=/bin/sh -c 'echo stop $$MAINPID'",
      "ExecStopPost=/bin/sh -c 'echo post $$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS'",
    ),
    service(
      "t.service",
      "ExecStart=/bin/sh -c 'exit 7'",
      "ExecStopPost=/bin/sh -c 'echo post $$SERVICE_RESULT $$EXIT_CODE $$EXIT_STATUS'",
    ),
  ]);
  const { supervisor } = held;
  await supervisor.start("s.service");
  const { mainPid } = supervisor.status("s.service") ?? {};
  await supervisor.stop("s.service");
  expect(await output(supervisor, "s.service")).toEqual([`stop ${mainPid}`, "post success killed TERM"]);
  await supervisor.start("t.service");
  await statusWhere(supervisor, "t.service", ({ active }) => active === "failed");
  expect(await output(supervisor, "t.service")).toEqual(["post exit-code exited 7"]);
});

test("a failed ExecStartPre skips ExecStart and runs ExecStopPost", async () => {
  await using held = await machineWith([
    service(
      "p.service",
      "ExecStartPre=/bin/false",
      "ExecStart=/bin/echo main",
      "ExecStopPost=/bin/echo post",
    ),
  ]);
  expect((await held.supervisor.start("p.service")).result).toBe("failed");
  expect(await output(held.supervisor, "p.service")).toEqual(["post"]);
});

test("ExecCondition skips with 1 to 254 and fails with 255", async () => {
  await using held = await machineWith([
    service("skip.service", "Type=oneshot", "ExecCondition=/bin/sh -c 'exit 4'", "ExecStart=/bin/echo ran"),
    service("fail.service", "Type=oneshot", "ExecCondition=/bin/sh -c 'exit 255'", "ExecStart=/bin/echo ran"),
  ]);
  const { supervisor } = held;
  expect((await supervisor.start("skip.service")).result).toBe("done");
  expect(supervisor.status("skip.service")).toMatchObject({
    active: "inactive",
    result: "exec-condition",
    completed: false,
  });
  expect((await supervisor.start("fail.service")).result).toBe("failed");
  expect(await output(supervisor, "skip.service")).toEqual([]);
});

test("output is stamped with its priority and process, and long lines are cut", async () => {
  const long = "x".repeat(100_000);
  await using held = await machineWith([
    service(
      "o.service",
      "Type=oneshot",
      `ExecStart=/bin/sh -c 'echo plain; echo "<3>grave" >&2; printf last'`,
    ),
    service("l.service", "Type=oneshot", `ExecStart=/usr/bin/perl -e 'print "x" x 100000, "\\\\nend\\\\n"'`),
  ]);
  const { supervisor } = held;
  await supervisor.start("o.service");
  const lines = (await entries(supervisor, "o.service")).filter(({ origin }) => origin === "unit");
  expect(lines.toSorted((a, b) => a.message.localeCompare(b.message))).toMatchObject([
    { priority: 3, message: "grave", pid: expect.any(Number) },
    { priority: 6, message: "last" },
    { priority: 6, message: "plain" },
  ]);
  await supervisor.start("l.service");
  const pieces = await output(supervisor, "l.service");
  expect(pieces.at(-1)).toBe("end");
  expect(pieces.slice(0, -1).join("")).toBe(long);
});
