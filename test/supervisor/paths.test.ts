/** Path units: real files, and the services they start. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { expect, test } from "vitest";
import { hold } from "./holder.ts";
import { entryWhere, machineWith, output, service, statusWhere, TestMachine, unit } from "./machine.ts";

const ONCE = ["Type=oneshot", "ExecStart=/bin/sh -c 'echo $TRIGGER_UNIT $TRIGGER_PATH'"];

test("a file that comes starts the service, which is told of it; it goes on as long as the file is there", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const path = `${machine.directory}/a/b/file`;
  await supervisor.load([
    unit("w.path", `[Path]\nPathExists=${path}\n`),
    service("w.service", ...ONCE, `ExecStartPost=/bin/rm ${path}`),
  ]);
  expect(await supervisor.start("w.path")).toEqual({ result: "done" });
  expect(supervisor.status("w.path")).toMatchObject({ active: "active", sub: "waiting" });
  expect(supervisor.usage("w.path").facts).toEqual([
    { label: "PathExists", text: path },
    { label: "Triggers", text: "○ w.service" },
  ]);
  mkdirSync(`${machine.directory}/a/b`, { recursive: true });
  writeFileSync(path, "");
  await statusWhere(supervisor, "w.service", ({ completed }) => completed);
  await statusWhere(supervisor, "w.path", ({ sub }) => sub === "waiting");
  expect(await output(supervisor, "w.service")).toEqual([`w.path ${path}`]);
  await supervisor.stop("w.path");
  expect(supervisor.status("w.path")).toMatchObject({ active: "inactive", sub: "dead" });
});

test("PathChanged waits for the file to be closed, PathModified does not", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const path = `${machine.directory}/file`;
  writeFileSync(path, "");
  await supervisor.load([
    unit("c.path", `[Path]\nPathChanged=${path}\n`),
    service("c.service", ...ONCE),
    unit("m.path", `[Path]\nPathModified=${path}\n`),
    service("m.service", ...ONCE),
  ]);
  await supervisor.start("c.path");
  await supervisor.start("m.path");
  // The watches are there once a change above the path has been told of.
  const file = openSync(path, "a");
  const modified = statusWhere(supervisor, "m.service", ({ completed }) => completed);
  const writes = setInterval(() => writeSync(file, "x"), 20);
  await modified;
  clearInterval(writes);
  expect(supervisor.status("c.service")).toMatchObject({ completed: false });
  closeSync(file);
  await statusWhere(supervisor, "c.service", ({ completed }) => completed);
  expect(readFileSync(path, "utf8")).not.toBe("");
});

test("a change while there is no supervisor is not missed, and starts the service once", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  const path = `${machine.directory}/file`;
  writeFileSync(path, "");
  await first.load([unit("k.path", `[Path]\nPathChanged=${path}\n`), service("k.service", ...ONCE)]);
  await first.close();
  const holder = await hold(machine, ["k.path"]);
  await holder.kill();
  writeFileSync(path, "x");
  const supervisor = await machine.boot();
  await entryWhere(supervisor, "k.service", /^k.path /);
  await statusWhere(supervisor, "k.path", ({ sub }) => sub === "waiting");
  expect(await output(supervisor, "k.service")).toEqual([`k.path ${path}`]);
});

test("a condition that keeps the service from ever removing the file ends in the trigger limit", async () => {
  await using held = await machineWith([
    unit("t.path", "[Path]\nPathExists=/etc/passwd\nTriggerLimitBurst=3\n"),
    unit("t.service", "[Unit]\nConditionPathExists=/no/such\n[Service]\nExecStart=/bin/true\n"),
  ]);
  await held.supervisor.start("t.path");
  const status = await statusWhere(held.supervisor, "t.path", ({ active }) => active === "failed");
  expect(status).toMatchObject({ result: "trigger-limit-hit" });
});
