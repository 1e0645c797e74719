/** Socket units: real connections, the services they start, and what outlives the supervisor. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { Cgroups } from "#supervisor/embedded/cgroup/cgroups.ts";
import { readHierarchies } from "#supervisor/embedded/cgroup/hierarchy.ts";
import { probeCgroups } from "#supervisor/embedded/cgroup/probe.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { hold } from "./holder.ts";
import { entryWhere, machineWith, service, statusWhere, TestMachine, unit } from "./machine.ts";

const CGROUPS = `flotilla-test-sockets-${process.pid}`;
const usable = probeCgroups(readHierarchies(), CGROUPS);
const HAS_TASK_LIMITS = usable.limits.has("pids");
new Cgroups(usable).close();

const ECHO = `${import.meta.dirname}/programs/echo.pl`;

/** Resolves when the unit is no longer known. */
function statusGone(supervisor: Supervisor, name: string): Promise<void> {
  return new Promise((resolve) => {
    if (supervisor.status(name) === undefined) resolve();
    const forget = supervisor.onStatus((changed, status) => {
      if (changed !== name || status !== undefined) return;
      forget();
      resolve();
    });
  });
}

/** Everything the other end sends until it closes. */
function talk(path: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const where = /^\d+$/.test(path) ? { host: "127.0.0.1", port: Number(path) } : { path };
    const socket = connect(where, () => socket.end(text));
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

test("a connection starts the service, which gets the listening socket with its name", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const path = `${machine.directory}/echo.sock`;
  await supervisor.load([
    unit("echo.socket", `[Socket]\nListenStream=${path}\nFileDescriptorName=web\n`),
    service("echo.service", `ExecStart=/usr/bin/perl ${ECHO}`),
  ]);
  expect(await supervisor.start("echo.socket")).toEqual({ result: "done" });
  expect(supervisor.status("echo.socket")).toMatchObject({ active: "active", sub: "listening" });
  expect(supervisor.status("echo.service")).toMatchObject({ active: "inactive" });
  expect(await talk(path, "hello")).toBe("1 web hello");
  expect(supervisor.status("echo.socket")).toMatchObject({ active: "active", sub: "running" });
  expect(supervisor.status("echo.service")).toMatchObject({ active: "active" });
  await supervisor.stop("echo.service");
  await statusWhere(supervisor, "echo.socket", ({ sub }) => sub === "listening");
  expect(await talk(path, "again")).toBe("1 web again");
  await supervisor.stop("echo.socket");
  expect(supervisor.status("echo.socket")).toMatchObject({ active: "inactive", sub: "dead" });
});

const CONNECTION = `${import.meta.dirname}/programs/connection.pl`;

test("with Accept=yes each connection gets an instance of its own, named after both ends", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const path = `${machine.directory}/each.sock`;
  await supervisor.load([
    unit("each.socket", `[Socket]\nListenStream=127.0.0.1:17113\nListenStream=${path}\nAccept=yes\n`),
    unit("each@.service", `[Service]\nExecStart=/usr/bin/perl ${CONNECTION} %i\n`),
  ]);
  await supervisor.start("each.socket");
  const instances: string[] = [];
  supervisor.onStatus(
    (name, status) => status?.sub === "running" && name.includes("@") && instances.push(name),
  );
  expect(await talk(path, "x")).toBe(`1 connection - 0-${process.pid}-0 x`);
  expect(instances).toEqual([`each@0-${process.pid}-0.service`]);
  const answer = await talk("17113", "y");
  expect(answer).toMatch(/^1 connection 127\.0\.0\.1 1-127\.0\.0\.1:17113-127\.0\.0\.1:\d+ y$/);
  await statusGone(supervisor, `each@0-${process.pid}-0.service`);
  expect(supervisor.status("each.socket")).toMatchObject({ sub: "listening" });
});

test("connections are kept, and served once, while there is no supervisor", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  const [one, each] = ["one", "each"].map((name) => `${machine.directory}/${name}.sock`);
  await first.load([
    unit("one.socket", `[Socket]\nListenStream=${one}\n`),
    service("one.service", `ExecStart=/usr/bin/perl ${ECHO}`),
    unit("each.socket", `[Socket]\nListenStream=${each}\nAccept=yes\n`),
    unit("each@.service", `[Service]\nExecStart=/usr/bin/perl ${CONNECTION} %i\n`),
  ]);
  await first.close();
  const holder = await hold(machine, ["one.socket", "each.socket"]);
  await holder.kill();
  const answers = [talk(one ?? "", "a"), talk(each ?? "", "b"), talk(each ?? "", "c")];
  const supervisor = await machine.boot();
  const [a, b, c] = await Promise.all(answers);
  expect(a).toBe("1 one.socket a");
  expect([b, c].map((text) => text?.replace(/^.* /, "")).sort()).toEqual(["b", "c"]);
  expect(new Set([b, c].map((text) => /(\d)-\d+-\d+/.exec(text ?? "")?.[1]))).toEqual(new Set(["0", "1"]));
  expect(supervisor.status("one.socket")).toMatchObject({ sub: "running" });
  await entryWhere(supervisor, "one.service", /^Started one.service/);
});

test("supervisors that are killed again and again lose no connection and serve none twice", async () => {
  await using machine = new TestMachine();
  const first = await machine.boot();
  const path = `${machine.directory}/each.sock`;
  await first.load([
    unit("each.socket", `[Socket]\nListenStream=${path}\nAccept=yes\n`),
    unit("each@.service", "[Service]\nExecStart=/bin/sh -c 'echo served >&3'\n"),
  ]);
  await first.close();
  const answers: Promise<string>[] = [];
  let holder = await hold(machine, ["each.socket"]);
  for (const _ of [1, 2]) {
    answers.push(...Array.from({ length: 4 }, () => talk(path, "")));
    // The first is being served when the supervisor dies, the others wait.
    await answers.at(-4);
    await holder.kill();
    answers.push(talk(path, ""));
    holder = await hold(machine, []);
  }
  expect(new Set(await Promise.all(answers))).toEqual(new Set(["served\n"]));
  await holder.kill();
});

test("a socket shows where it listens, what it starts, and with Accept=yes how many came", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const [plain, each] = [`${machine.directory}/plain.sock`, `${machine.directory}/counted.sock`];
  await supervisor.load([
    unit("plain.socket", `[Socket]\nListenDatagram=${plain}\nListenStream=127.0.0.1:17119\n`),
    service("plain.service", "ExecStart=/bin/sleep 1000"),
    unit("counted.socket", `[Socket]\nListenStream=${each}\nAccept=yes\n`),
    unit("counted@.service", `[Service]\nExecStart=/usr/bin/perl ${CONNECTION} %i\n`),
  ]);
  expect(supervisor.usage("plain.socket").facts).toEqual([
    { label: "Listen", text: `${plain} (Datagram)` },
    { label: "Listen", text: "127.0.0.1:17119 (Stream)" },
    { label: "Triggers", text: "○ plain.service" },
  ]);
  await supervisor.start("counted.socket");
  await talk(each, "x");
  await statusGone(supervisor, `counted@0-${process.pid}-0.service`);
  expect(supervisor.usage("counted.socket").facts?.at(-1)).toEqual({
    label: "Accepted",
    text: "1; Connected: 0;",
  });
});

test.runIf(HAS_TASK_LIMITS)("a socket's own commands are held to its limits", async () => {
  await using held = await machineWith([]);
  const { supervisor, machine } = held;
  const path = `${machine.directory}/limited.sock`;
  const forks =
    "for (1..5) { my $$p = fork; print defined $$p ? q(y) : q(n) if !defined $$p || $$p; sleep 1, exit if defined $$p && !$$p }";
  await supervisor.load([
    unit(
      "limited.socket",
      `[Socket]\nListenStream=${path}\nTasksMax=3\nSlice=tight.slice\nExecStartPre=/usr/bin/perl -e '${forks}'\n`,
    ),
    service("limited.service", "ExecStart=/bin/sleep 1000"),
  ]);
  expect(await supervisor.start("limited.socket")).toEqual({ result: "done" });
  await entryWhere(supervisor, "limited.socket", /^yynnn$/);
  await supervisor.stop("limited.socket");
});
