/** RuntimeDirectory= and its like: made for the service's user, told to it, and removed where they do not stay. */
import { existsSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { machineWith, output, service, TestMachine } from "./machine.ts";

const PRINT = "ExecStart=/bin/sh -c 'echo $$RUNTIME_DIRECTORY $$STATE_DIRECTORY'";

test("a service gets its directories with the modes asked for, and what stays, stays", async () => {
  await using held = await machineWith([
    service(
      "a.service",
      "Type=oneshot",
      "RemainAfterExit=yes",
      "RuntimeDirectory=a b/c",
      "StateDirectory=a",
      "StateDirectoryMode=0700",
      PRINT,
    ),
  ]);
  const { supervisor } = held;
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  const [line = ""] = await output(supervisor, "a.service");
  const [runtime = "", state = ""] = line.split(" ");
  const made = [...runtime.split(":"), state];
  expect(made.map((path) => statSync(path).mode & 0o777)).toEqual([0o755, 0o755, 0o700]);
  await supervisor.stop("a.service");
  expect(made.map((path) => existsSync(path))).toEqual([false, false, true]);
});

test.runIf(process.getuid?.() === 0)("directories belong to the service's user", async () => {
  await using held = await machineWith([
    service("a.service", "Type=oneshot", "User=daemon", "StateDirectory=a", PRINT),
  ]);
  await held.supervisor.start("a.service");
  const [state = ""] = await output(held.supervisor, "a.service");
  expect(statSync(state.trim()).uid).toBe(1);
});

test("a directory that cannot be made is a failure with systemd's exit code", async () => {
  await using machine = new TestMachine();
  const supervisor = await machine.boot();
  await supervisor.load([service("a.service", "Type=exec", "StateDirectory=a", "ExecStart=/bin/true")]);
  await supervisor.load([
    service(
      "file.service",
      "Type=oneshot",
      "StateDirectory=x",
      "ExecStart=/bin/sh -c 'echo > $$STATE_DIRECTORY/../a'",
    ),
  ]);
  await supervisor.start("file.service");
  expect(await supervisor.start("a.service")).toMatchObject({
    result: "failed",
    message: expect.stringContaining("state-directory"),
  });
  expect(supervisor.status("a.service")).toMatchObject({ exitCode: 238 });
});
