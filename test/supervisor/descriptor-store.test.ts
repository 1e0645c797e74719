/** What a service has stored is held by its shim, whatever becomes of the daemon, and goes with the unit. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hold } from "./holder.ts";
import { entryWhere, isAlive, machineWith, service, TestMachine } from "./machine.ts";

const PROGRAM = join(import.meta.dirname, "programs/store.pl");
const GIVEN = /^1 mine from the first run$/;

const storing = (...lines: readonly string[]) =>
  service("s.service", "FileDescriptorStoreMax=2", ...lines, `ExecStart=/usr/bin/perl ${PROGRAM}`);

/** The unit's shim is the parent of its main process. */
function shimOf(mainPid = 0): number {
  return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${mainPid}/status`, "utf8"))?.[1]);
}

async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("a stored file outlives the daemon that was told of it", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  await first.load([storing()]);
  await first.close();
  const holder = await hold(machine, ["s.service"]);
  await holder.kill();
  const supervisor = await machine.boot();
  await entryWhere(supervisor, "s.service", /^stored$/);
  await supervisor.restart("s.service");
  expect(await entryWhere(supervisor, "s.service", GIVEN)).toMatchObject({ origin: "unit" });
});

test("a stop drops what is stored, and the shim with it", async () => {
  await using held = await machineWith([storing()]);
  await held.supervisor.start("s.service");
  await entryWhere(held.supervisor, "s.service", /^stored$/);
  const shim = shimOf(held.supervisor.status("s.service")?.mainPid);
  await held.supervisor.stop("s.service");
  await untilGone(shim);
  expect(held.supervisor.status("s.service")).toMatchObject({ active: "inactive", result: "success" });
});

test("FileDescriptorStorePreserve=yes keeps it over a stop, until the unit is unloaded", async () => {
  await using held = await machineWith([storing("FileDescriptorStorePreserve=yes")]);
  const { supervisor } = held;
  await supervisor.start("s.service");
  await entryWhere(supervisor, "s.service", /^stored$/);
  const shim = shimOf(supervisor.status("s.service")?.mainPid);
  await supervisor.stop("s.service");
  await supervisor.start("s.service");
  await entryWhere(supervisor, "s.service", GIVEN);
  expect(shimOf(supervisor.status("s.service")?.mainPid)).toBe(shim);
  await supervisor.stop("s.service");
  expect(isAlive(shim)).toBe(true);
  await supervisor.unload(["s.service"]);
  await untilGone(shim);
});
