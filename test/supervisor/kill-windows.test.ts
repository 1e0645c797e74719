/** A supervisor is killed at one point exactly: what the next one finds there, and makes of it. */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { randomId } from "#base/random.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { Journal } from "#supervisor/embedded/journal/journal.ts";
import { readProcesses } from "#supervisor/embedded/process-table.ts";
import { findShim, ShimConnection, type ShimListener } from "#supervisor/embedded/shim/connection.ts";
import type { ShimRequest } from "#supervisor/embedded/shim/protocol.ts";
import { ShimSpawner } from "#supervisor/embedded/shim/spawner.ts";
import { hold } from "./holder.ts";
import { entries, isAlive, output, service, statusWhere, TestMachine, unit } from "./machine.ts";

const SILENT: ShimListener = { onMessage: () => {}, onLost: () => {} };
const BOOT = "b".repeat(32);

/** A shim that no supervisor has asked for anything, of a unit of the machine's. */
async function bareShim(machine: TestMachine, name: string, id = randomId(systemRandom)) {
  const runDirectory = join(machine.directory, "run/units", name);
  mkdirSync(runDirectory, { recursive: true });
  const journal = new Journal({
    directory: join(machine.directory, "journal"),
    clock: systemClock,
    boot: BOOT,
    machine: "",
    host: "m",
  });
  const spawner = new ShimSpawner(() => {});
  await spawner.spawn({ unit: name, id, runDirectory, journal: journal.placeOf(name) }, "");
  spawner.close();
  return { id, runDirectory, journal, socket: join(runDirectory, `${id}.socket`) };
}

/** The processes of the unit's shims, which work in its directory. */
function shimsOf(machine: TestMachine, name: string): readonly number[] {
  const directory = realpathSync(join(machine.directory, "run/units", name));
  return readProcesses().pids.filter((pid) => isShim(pid) && directoryOf(pid) === directory);
}

/** The spawner works there as well, for a moment. */
function isShim(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("flotilla-shim");
}

function directoryOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

const NOTE: ShimRequest = { kind: "log", priority: 6, text: "asked for" };

async function messages(journal: Journal, name: string): Promise<readonly string[]> {
  const all = await Array.fromAsync(journal.read({ units: [name] }));
  return all.map(({ message }) => message);
}

test("what a supervisor sent right before its end is taken in before the next one is told the state", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const shim = await bareShim(machine, "a.service");
  // Both connect before the shim comes to look.
  const [pid = 0] = shimsOf(machine, "a.service");
  process.kill(pid, "SIGSTOP");
  const socket = connect(shim.socket);
  await once(socket, "connect");
  const last = new ShimConnection(socket, SILENT);
  last.send([NOTE, { kind: "save", seq: 0, state: "the last" }]);
  const closed = last.close();
  const next = findShim(shim.runDirectory, shim.id, SILENT);
  process.kill(pid, "SIGCONT");
  expect((await next)?.hello.saved).toBe("the last");
  await closed;
  expect(await messages(shim.journal, "a.service")).toEqual(["asked for"]);
});

test("of a supervisor that dies within what it sends, nothing is done", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const shim = await bareShim(machine, "a.service");
  const last = new ShimConnection(connect(shim.socket), SILENT);
  last.send([NOTE]);
  await last.close();
  const next = await findShim(shim.runDirectory, shim.id, SILENT);
  expect(next?.hello.saved).toBe("");
  next?.connection.send([{ kind: "save", seq: 0, state: "the next" }]);
  await next?.connection.close();
  expect(await messages(shim.journal, "a.service")).toEqual([]);
});

test("a shim that was asked for nothing is not taken for the one that runs the unit, and goes", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  await first.load([service("a.service", "ExecStart=/bin/sleep 1000")]);
  await first.start("a.service");
  const before = first.status("a.service");
  await first.close();
  // One of them stands first in the directory.
  await Promise.all(["0", "f"].map((digit) => bareShim(machine, "a.service", digit.repeat(32))));
  const second = await machine.boot();
  expect(second.status("a.service")).toEqual(before);
  expect(isAlive(before?.mainPid ?? 0)).toBe(true);
  await second.stop("a.service");
  const third = await machine.boot();
  expect(third.status("a.service")).toMatchObject({ active: "inactive", result: "success" });
  await expect.poll(() => shimsOf(machine, "a.service"), { interval: 10 }).toEqual([]);
});

test("what a connection's instance does next waits for the socket to be taken over as well", async () => {
  await using machine = new TestMachine();
  const path = join(machine.directory, "socket");
  const go = join(machine.directory, "go");
  const first = await machine.boot();
  const wait = `/bin/sh -c 'while ! [ -e ${go} ]; do sleep 0.02; done'`;
  await first.load([
    service(
      "s@.service",
      "StandardInput=socket",
      "StandardOutput=journal",
      `ExecStart=${wait}`,
      "ExecStopPost=/bin/echo post",
    ),
    unit("s.socket", `[Socket]\nListenStream=${path}\nAccept=yes\n`),
  ]);
  await first.start("s.socket");
  const client = connect(path).resume();
  const isClosed = new Promise((resolve) => client.on("close", resolve));
  const instance = await new Promise<string>((resolve) =>
    first.onStatus((name, status) => name.startsWith("s@") && status?.sub === "running" && resolve(name)),
  );
  const pid = first.status(instance)?.mainPid ?? 0;
  await first.close();
  mkdirSync(go);
  await expect.poll(() => isAlive(pid), { interval: 10 }).toBe(false);
  // The service's shim answers at once, the socket's late.
  const [slow = 0] = shimsOf(machine, "s.socket");
  process.kill(slow, "SIGSTOP");
  const booting = machine.boot();
  await new Promise((resolve) => setTimeout(resolve, 400));
  process.kill(slow, "SIGCONT");
  const second = await booting;
  await isClosed;
  expect(await output(second, instance)).toEqual(["post"]);
  // Nothing is left of it.
  await expect.poll(() => second.status(instance), { interval: 10 }).toBeUndefined();
});

test("an instance that was to be forgotten is forgotten by the next supervisor", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const first = await machine.boot();
  await first.load([
    service("s@.service", "ExecStart=/bin/true"),
    unit("s.socket", `[Socket]\nListenStream=${machine.directory}/socket\nAccept=yes\n`),
  ]);
  await first.start("s.socket");
  await first.close();
  const left = join(machine.directory, "run/units/s@7-1-0.service");
  mkdirSync(left);
  const second = await machine.boot();
  await expect.poll(() => second.status("s@7-1-0.service"), { interval: 10 }).toBeUndefined();
  expect(existsSync(left)).toBe(false);
  expect(second.status("s.socket")).toMatchObject({ sub: "listening" });
});

test("what a run was told by the unit that asked for it outlives the supervisor", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const first = await machine.boot();
  await first.load([
    unit("p.path", `[Path]\nPathExists=${machine.directory}\nUnit=a.service\n`),
    service("a.service", "ExecStart=/bin/sleep 1000", "ExecStopPost=/bin/sh -c 'echo $TRIGGER_UNIT'"),
  ]);
  await first.close();
  const holder = await hold(machine, ["p.path", "a.service"]);
  await holder.kill();
  const second = await machine.boot();
  await statusWhere(second, "a.service", ({ sub }) => sub === "running");
  await second.stop("p.path");
  await second.stop("a.service");
  expect(await output(second, "a.service")).toEqual(["p.path"]);
});

test("a shim and a supervisor that write one journal at a time lose no line of each other's", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const { runDirectory, id, journal } = await bareShim(machine, "a.service");
  const found = await findShim(runDirectory, id, SILENT);
  const numbers = Array.from({ length: 1000 }, (_, number) => number);
  // Each with a source of its own, as the first line of every command has.
  const lines = numbers.map(
    (number): ShimRequest => ({
      kind: "log",
      priority: 6,
      text: `shim ${number}`,
      fields: `_BOOT_ID=${BOOT}\tN=${number}`,
    }),
  );
  found?.connection.send([...lines, { kind: "save", seq: 0, state: "all" }]);
  for (const number of numbers) {
    // Now and then the rest is sent.
    if (number % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    journal.append("a.service", 6, `supervisor ${number}`);
  }
  await found?.connection.close();
  const all = await Array.fromAsync(journal.read({ units: ["a.service"] }));
  // Whose a line is stands in its source.
  const ofShim = all.flatMap(({ message, fields }) =>
    fields.N === undefined ? [] : [`${message} ${fields.N}`],
  );
  const own = all.filter(({ identifier }) => identifier === "flotilla").map(({ message }) => message);
  expect(ofShim).toEqual(numbers.map((number) => `shim ${number} ${number}`));
  expect(own).toEqual(numbers.map((number) => `supervisor ${number}`));
});

test("a connection whose instance is not started, because a condition is not met, is closed", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const path = join(machine.directory, "socket");
  const supervisor = await machine.boot();
  await supervisor.load([
    unit("s@.service", "[Unit]\nConditionPathExists=/no/such\n[Service]\nExecStart=/bin/true\n"),
    unit("s.socket", `[Socket]\nListenStream=${path}\nAccept=yes\n`),
  ]);
  await supervisor.start("s.socket");
  const client = connect(path).resume();
  await new Promise((resolve) => client.on("close", resolve));
  expect(supervisor.status("s.socket")).toMatchObject({ sub: "listening" });
  expect(await entries(supervisor, "s.socket")).toHaveLength(1);
});

test("a unit that lost its shim and waits for its restart is restarted by the next supervisor", async () => {
  await using machine = new TestMachine({ cgroups: false });
  const first = await machine.boot();
  await first.load([service("a.service", "Restart=always", "RestartSec=1s", "ExecStart=/bin/sleep 1000")]);
  await first.close();
  const holder = await hold(machine, ["a.service"]);
  const [shim = 0] = shimsOf(machine, "a.service");
  process.kill(shim, "SIGKILL");
  const memory = join(machine.directory, "run/units/a.service/memory");
  await expect.poll(() => existsSync(memory) && readFileSync(memory, "utf8")).toContain("auto-restart");
  await holder.kill();
  const second = await machine.boot();
  const status = await statusWhere(second, "a.service", ({ active }) => active === "active");
  expect(status.restarts).toBe(1);
});
