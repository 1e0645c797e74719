import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EventList, UnitFileList, UnitList } from "#api/bodies.ts";
import { parseAnswer } from "#client/transport.ts";
import { keys } from "#model/keys.ts";
import { deleteKey, putJson } from "#store/ops.ts";
import type { JournalEntry, JournalQuery } from "#supervisor/supervisor.ts";
import { journalEntry, M1, M2, SERVICE, TestCluster } from "../api/served-cluster.ts";
import { type Ran, runCommand, type TerminalOptions } from "./terminal.ts";

let cluster: TestCluster;
let directory: string;
let endpoint: string;

beforeEach(async () => {
  cluster = await TestCluster.start({ journal: twoLines });
  ({ directory, unix: endpoint } = await cluster.serve());
  await cluster.addMachine(M1, "m1");
});
afterEach(() => cluster.close());

async function* twoLines({ units: [unit = ""] = [] }: JournalQuery): AsyncGenerator<JournalEntry, void> {
  const entry = { timeUs: 1_000_000, unit, pid: 7, identifier: "web" };
  yield journalEntry({ ...entry, cursor: "1", message: "first line" });
  yield journalEntry({ ...entry, cursor: "2", message: "last line" });
}

function run(line: string, options: TerminalOptions = {}): Promise<Ran> {
  return runCommand(line, { endpoint, cwd: directory, ...options });
}

/** Writes a unit file into the working directory. */
function file(name: string, text = SERVICE): Promise<void> {
  return writeFile(join(directory, name), text);
}

/** Runs a command that waits, and imitates engine and agent once the unit is asked for at a new launch. */
async function runAndReport(
  line: string,
  unit: string,
  state: Parameters<TestCluster["report"]>[2] = {},
): Promise<Ran> {
  const { mirror } = cluster.dependencies;
  const before = mirror.view.units.get(unit)?.launch ?? 0;
  const stop = mirror.onChange(() => {
    if ((mirror.view.units.get(unit)?.launch ?? 0) <= before) return;
    stop();
    void cluster.report(unit, M1, state);
  });
  try {
    return await run(line);
  } finally {
    stop();
  }
}

describe("start", () => {
  test("submits the file, waits until the unit is active and says where", async () => {
    await file("web.service");
    const ran = await runAndReport("start web", "web.service");
    expect(ran).toEqual({ exit: 0, stdout: "web.service: active (running) on m1\n", stderr: "" });
  });

  test("of an instance uses the template that lies beside it", async () => {
    await file("web@.service");
    const ran = await runAndReport("start ./web@1.service", "web@1.service");
    expect(ran.exit).toBe(0);
    expect((await run("cat web@1")).stdout).toBe(SERVICE);
  });

  test("of a socket with Accept=yes submits the template that lies beside it", async () => {
    await file("echo.socket", "[Socket]\nListenStream=/run/echo\nAccept=yes\n");
    await file("echo@.service");
    const ran = await runAndReport("start ./echo.socket", "echo.socket", { sub: "listening" });
    expect(ran).toEqual({ exit: 0, stdout: "echo.socket: active (listening) on m1\n", stderr: "" });
    expect((await run("cat echo@.service")).stdout).toBe(SERVICE);
  });

  test("of such a socket is refused where the template beside it differs from the one submitted", async () => {
    await file("echo.socket", "[Socket]\nListenStream=/run/echo\nAccept=yes\n");
    await file("echo@.service");
    await run("submit echo@.service");
    await file("echo@.service", `${SERVICE}# another\n`);
    const ran = await run("start --no-block echo.socket");
    expect(ran.exit).not.toBe(0);
    expect(ran.stderr).toContain("echo@.service");
    expect((await run("start --no-block --replace echo.socket")).exit).toBe(0);
  });

  test("of a unit that fits nowhere says why for each machine, at once", async () => {
    await file("web.service", `${SERVICE}[X-Fleet]\nMachineMetadata=disk=ssd\n`);
    const ran = await run("start web");
    expect(ran.exit).toBe(1);
    expect(ran.stderr).toMatch(/^error\[unschedulable\]: web\.service fits on no machine/);
    expect(ran.stderr).toMatch(/^ {2}cause: m1: .*disk=ssd/m);
    expect(ran.stderr).toMatch(/^ {2}hint: .*flotilla why web\.service/m);
  });

  test("of a unit that fails shows how it ended, its last lines and what to do next", async () => {
    await file("web.service");
    const ran = await runAndReport("start web", "web.service", {
      active: "failed",
      sub: "failed",
      result: "exit-code",
      exitCode: 3,
    });
    expect(ran.exit).toBe(1);
    expect(ran.stderr).toContain("error[unit-failed]: web.service failed (exit-code: exited with 3) on m1");
    expect(ran.stderr).toContain("hint: flotilla status web.service");
    expect(ran.stderr).toContain("    last line");
  });

  test("does not take the end of an earlier launch for that of the new one", async () => {
    await file("web.service");
    await run("start --no-block web");
    await cluster.report("web.service", M1, {
      active: "failed",
      sub: "failed",
      result: "exit-code",
      exitCode: 3,
    });
    const ran = await runAndReport("start web", "web.service");
    expect(ran).toMatchObject({ exit: 0, stdout: "web.service: active (running) on m1\n" });
  });

  test("of a unit that runs is done at once", async () => {
    await file("web.service");
    await run("start --no-block web");
    await cluster.report("web.service", M1);
    expect(await run("start web")).toMatchObject({
      exit: 0,
      stdout: "web.service: active (running) on m1\n",
    });
  });

  test("of a oneshot ends when it has finished", async () => {
    await file("job.service");
    await run("start --no-block job");
    const record = cluster.dependencies.mirror.view.units.get("job.service");
    await cluster.report("job.service", M1, { active: "inactive", sub: "dead", exitCode: 0 });
    await cluster.write(
      putJson(keys.outcome("job.service"), {
        launch: record?.launch,
        file: record?.file,
        machine: M1,
        finishedMs: 1,
      }),
    );
    expect(await run("wait --for finished job")).toMatchObject({
      exit: 0,
      stdout: "job.service: finished on m1\n",
    });
  });

  test("that does not come about in time ends with 7 and says how far it is", async () => {
    await file("web.service");
    const ran = await run("start web --timeout 1s");
    expect(ran.exit).toBe(7);
    expect(ran.stderr).toMatch(
      /^error\[timeout\]: web\.service is not started after 1 s: waiting for a machine/,
    );
  });

  test("without waiting says what is asked for now", async () => {
    await file("web.service");
    expect(await run("start --no-block web")).toEqual({
      exit: 0,
      stdout: "web.service: now asked to be launched\n",
      stderr: "",
    });
  });

  test("of another text than the stored one is refused, unless it shall replace it", async () => {
    await file("web.service");
    await run("submit web");
    await file("web.service", `${SERVICE}# other\n`);
    const refused = await run("start --no-block web");
    expect(refused.exit).toBe(9);
    expect(refused.stderr).toContain(
      "error[unit-exists]: web.service is already submitted with another text",
    );
    expect((await run("start --no-block --replace web")).exit).toBe(0);
  });

  test("of many units in one command goes through with those that are good", async () => {
    await file("web.service");
    const ran = await run("submit web nope");
    expect(ran.exit).toBe(4);
    expect(ran.stdout).toMatch(/^web\.service: submitted \([0-9a-f]{7}\)\n$/);
    expect(ran.stderr).toContain("error[unit-not-found]: no unit nope.service has been submitted");
  });

  test.each(["submit", "load --no-block", "start"])(
    "with -o name prints the names alone: %s",
    async (command) => {
      await file("web.service");
      expect((await runAndReport(`${command} web -o name`, "web.service")).stdout).toBe("web.service\n");
    },
  );

  test("with -o json writes nothing but JSON, also while it waits", async () => {
    await file("web.service");
    const ran = await runAndReport("start web -o json", "web.service");
    expect(JSON.parse(ran.stdout)).toMatchObject({ results: [{ unit: "web.service", status: "changed" }] });
    await file("no.service", `${SERVICE}[X-Fleet]\nMachineMetadata=disk=ssd\n`);
    const refused = await run("start no -o json");
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "unschedulable" } });
  });

  test("that the operator interrupts ends with 130", async () => {
    await file("web.service");
    const interrupted = new AbortController();
    const stop = cluster.dependencies.mirror.onChange(() => interrupted.abort());
    const ran = await run("start web", { signal: interrupted.signal });
    stop();
    expect(ran.exit).toBe(130);
  });
});

describe("bad input", () => {
  test.each([
    ["lst-xyz", "flotilla --help"],
    ["status --nope", "flotilla status --help"],
    ["kv nothing start", "flotilla kv --help"],
    ["kv get --nope", "flotilla kv get --help"],
    ["machine drain", "flotilla machine drain --help"],
  ])("%s is answered with where the help for it is", async (line, help) => {
    expect((await run(line)).stderr).toContain(`hint: ${help} lists what there is`);
  });

  test.each([
    ["a template", "start web@.service", "template-not-startable", 2],
    ["an unknown unit", "start nope", "unit-not-found", 4],
    ["an unknown unit's status", "status nope", "unit-not-found", 4],
    ["a unit name that is none", "start we,b.service", "bad-unit-name", 2],
    ["a file that is not there", "start ./nope.service", "unit-not-found", 4],
    ["an unknown machine", "machine cordon m9", "machine-not-found", 4],
    ["an ambiguous machine", "machine cordon 1", "machine-ambiguous", 2],
    ["an unknown command", "lst-units", "usage", 2],
    ["an unknown option", "list-units --nope", "usage", 2],
    ["an unknown format", "list-units -o jsn", "usage", 2],
    ["an unknown field", "list-units --fields unti", "usage", 2],
    ["a missing argument", "start", "usage", 2],
    ["an endpoint that is none", "list-units --endpoint nope", "usage", 2],
    ["a daemon that is not there", "list-units --endpoint unix:/nonexistent", "unreachable", 8],
    ["a length of time that is none", "start x --timeout soon", "usage", 2],
    ["stopping what is not loaded", "stop idle", "unit-not-loaded", 5],
  ])("%s is one error with its code", async (_, line, code, exit) => {
    await cluster.addMachine(M2, "m2");
    await file("web@.service");
    await file("idle.service");
    await run("submit idle");
    const ran = await run(line);
    expect(ran.stderr).toMatch(new RegExp(`^error\\[${code}\\]: .+\\n`));
    expect({ exit: ran.exit, stdout: ran.stdout }).toEqual({ exit, stdout: "" });
  });

  test.each([
    ["not UTF-8", Buffer.from([0x5b, 0x55, 0xff, 0xfe]), "bad-unit-file", "bad.service:1:3"],
    ["binary", Buffer.from("[Unit]\n\0\n"), "bad-unit-file", "bad.service:2:1"],
    ["too large", Buffer.alloc(600 * 1024, "#"), "unit-too-large", "bad.service:1:1"],
    [
      "with a bad section header",
      Buffer.from("[Service\nExecStart=/bin/true\n"),
      "bad-unit-file",
      "bad.service:1:1",
    ],
    ["no unit file", Buffer.from("hello\n"), "bad-unit-file", "bad.service:1:1"],
    [
      "with options that contradict each other",
      Buffer.from(`${SERVICE}[X-Fleet]\nGlobal=true\nMachineOf=web.service\n`),
      "contradictory-options",
      "bad.service:",
    ],
  ])("a file that is %s is refused with its place, by start and by verify", async (_, bytes, code, place) => {
    await writeFile(join(directory, "bad.service"), bytes);
    for (const line of ["start bad.service", "verify bad.service"]) {
      const ran = await run(line);
      expect(ran.exit).toBe(1);
      expect(ran.stderr).toContain(`error[${code}]`);
      expect(ran.stderr).toContain(`  --> ${place}`);
    }
    expect(cluster.dependencies.mirror.view.units.size).toBe(0);
  });

  test("the name that was probably meant is named", async () => {
    await file("web.service");
    await run("submit web");
    expect((await run("status wbe")).stderr).toContain("hint: did you mean web.service?");
    expect((await run("list-unts")).stderr).toContain("hint: did you mean flotilla list-units?");
    expect((await run("undrain m2")).stderr).toContain("hint: did you mean flotilla machine undrain?");
    expect((await run("-o json machine strat x")).stderr).toContain("did you mean flotilla start?");
    expect((await run("remove m2")).stderr).toContain(
      "hint: did you mean flotilla machine remove, flotilla store remove or flotilla context remove?",
    );
    expect((await run("list-units -o jsn")).stderr).toContain("hint: did you mean -o json?");
  });

  test("with -o json the error is one line of JSON on stderr", async () => {
    const ran = await run("status nope -o json");
    expect(ran.exit).toBe(4);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: "unit-not-found", causes: [] } });
  });
});

describe("lists", () => {
  beforeEach(async () => {
    await file("web@.service");
    await run("submit web@.service");
    await run("start --no-block web@1 web@10 web@2");
    await cluster.report("web@1.service", M1);
    await cluster.report("web@10.service", M1, { active: "failed", sub: "failed" });
  });

  test("list-units shows what runs where in order of numbers, and what is asked for where that differs", async () => {
    expect((await run("list-units")).stdout.split("\n")).toEqual([
      "UNIT            MACHINE  ACTIVE  SUB      DESIRED",
      "web@1.service   m1       active  running  -",
      "web@2.service   -        -       -        launched",
      "web@10.service  m1       failed  failed   launched",
      "",
      "3 units, 1 failed, 1 on no machine: flotilla why web@2.service",
      "",
    ]);
  });

  test("--no-legend and --fields leave what was asked for", async () => {
    const ran = await run("list-units --no-legend --fields unit,active");
    expect(ran.stdout).toBe("web@1.service   active\nweb@2.service   -\nweb@10.service  failed\n");
  });

  test("show a oneshot that has finished as inactive, also when its machine is gone", async () => {
    await file("job.service");
    await run("start --no-block job");
    const record = cluster.dependencies.mirror.view.units.get("job.service");
    const outcome = { launch: record?.launch, file: record?.file, machine: M2, finishedMs: 1 };
    await cluster.write(putJson(keys.outcome("job.service"), outcome));
    expect((await run("list-units")).stdout).toMatch(/^job\.service +\S+ +inactive +dead/m);
  });

  test("-o json, ndjson, yaml and name hold the same units", async () => {
    const json = parseAnswer<UnitList>((await run("list-units -o json")).stdout);
    expect(json.units[0]).toMatchObject({
      unit: "web@1.service",
      machine: M1,
      load: "loaded",
      active: "active",
      sub: "running",
      desired: "launched",
    });
    expect((await run("list-units -o ndjson")).stdout.split("\n")).toHaveLength(4);
    expect((await run("list-units -o yaml")).stdout).toMatch(/^units:\n {2}- unit: web@1\.service\n/);
    expect((await run("list-units -o name")).stdout).toBe("web@1.service\nweb@2.service\nweb@10.service\n");
  });

  test("list-unit-files and list-machines have fleet's columns", async () => {
    const table = (await run("list-unit-files")).stdout;
    expect(table.split("\n")[0]).toMatch(/^UNIT +HASH +DSTATE +STATE +TARGET$/);
    expect(table).toMatch(/^web@1\.service +[0-9a-f]{7} +launched +launched +m1$/m);
    const machines = (await run("list-machines")).stdout;
    expect(machines.split("\n").slice(0, 2)).toEqual([
      "MACHINE      NAME  IP         UNITS  METADATA",
      "11111111...  m1    127.0.0.1  2      -",
    ]);
    expect(JSON.parse((await run("list-machines -o json")).stdout)).toMatchObject({
      machines: [{ machine: M1 }],
    });
    const files = parseAnswer<UnitFileList>((await run("list-unit-files -o json")).stdout);
    expect(files.unitFiles).toHaveLength(4);
  });
});

describe("waiting", () => {
  test("takes more units than the address of one request has room for", async () => {
    const units = Array.from({ length: 1_000 }, (_, index) => `gone@${"x".repeat(100)}${index}`);
    const ran = await run(`wait --for gone ${units.join(" ")}`);
    expect(ran).toMatchObject({ exit: 0, stderr: "" });
    expect(ran.stdout.trimEnd().split("\n")).toHaveLength(1_000);
  });
});

describe("stop, restart and destroy", () => {
  test("wait until it has come about", async () => {
    await file("web.service");
    await run("start --no-block web");
    await cluster.report("web.service", M1);
    expect(await runAndReport("restart web", "web.service")).toMatchObject({ exit: 0 });
    const stopping = run("stop web");
    await cluster.report("web.service", M1, { active: "inactive", sub: "dead" });
    expect(await stopping).toMatchObject({ exit: 0, stdout: "web.service: stopped on m1\n" });
    const destroying = run("destroy web");
    await cluster.write(
      deleteKey(keys.assignment(M1, "web.service")),
      deleteKey(keys.state(M1, "web.service")),
    );
    expect(await destroying).toMatchObject({ exit: 0, stdout: "web.service: destroyed\n" });
  });
});

describe("why and events", () => {
  test("tell where a unit is, why, and what has happened to it", async () => {
    await file("web.service");
    await run("start --no-block web");
    await cluster.report("web.service", M1);
    const { stdout } = await run("why web");
    expect(stdout).toContain("web.service, asked to be launched: it is on m1: least loaded");
    expect(stdout).toContain("m1: has it");
    expect(stdout).toContain("unit-submitted: web.service was submitted and asked to be launched");
    expect((await run("events --unit web")).stdout).toContain("unit-submitted: web.service");
    expect(parseAnswer<EventList>((await run("events -o json")).stdout).events).toHaveLength(1);
  });

  test("-f shows what happens until it is interrupted", async () => {
    const interrupted = new AbortController();
    await cluster.addEvent({ message: "before" });
    const following = run("events -f", {
      signal: interrupted.signal,
      onOutput: (text) => {
        if (text.includes("before")) void cluster.addEvent({ message: "after" });
        if (text.includes("after")) interrupted.abort();
      },
    });
    const ran = await following;
    expect(ran.stdout).toMatch(/before\n.*after\n$/);
  });

  test("-f -n 0 shows only what happens from now on", async () => {
    const interrupted = new AbortController();
    await cluster.addEvent({ message: "before" });
    expect((await run("events -n 0")).stdout).toBe("");
    const following = run("events -f -n 0", {
      signal: interrupted.signal,
      onOutput: () => interrupted.abort(),
    });
    // Nothing tells when the following has begun, so something happens until it is seen.
    while (!interrupted.signal.aborted) {
      await cluster.addEvent({ message: "after" });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await following).stdout).toMatch(/^[^\n]*after\n/);
  });
});

describe("verify", () => {
  test("passes a good file and underlines what is wrong with another", async () => {
    await file("good.service");
    await file("odd.service", "[Unit]\nDescritpion=x\n[Service]\nExecStart=/bin/true\n");
    expect(await run("verify good.service")).toMatchObject({ exit: 0, stdout: "good.service: good\n" });
    const odd = await run("verify odd.service");
    expect(odd).toMatchObject({ exit: 0, stdout: "odd.service: good (1 warning)\n" });
    expect(odd.stderr.split("\n").slice(1, 4)).toEqual([
      "  --> odd.service:2:1",
      "  2 | Descritpion=x",
      "    | ^^^^^^^^^^^",
    ]);
  });
});

describe("colour", () => {
  test.each<[string, TerminalOptions, string, boolean]>([
    ["no terminal", {}, "", false],
    ["a terminal", { isTTY: true }, "", true],
    ["a terminal and NO_COLOR", { isTTY: true, env: { NO_COLOR: "1" } }, "", false],
    ["a terminal and an empty NO_COLOR", { isTTY: true, env: { NO_COLOR: "" } }, "", true],
    ["a dumb terminal", { isTTY: true, env: { TERM: "dumb" } }, "", false],
    ["a terminal and --color=never", { isTTY: true }, " --color=never", false],
    ["no terminal and FORCE_COLOR", { env: { FORCE_COLOR: "1" } }, "", true],
    ["no terminal and --color always", {}, " --color always", true],
  ])("with %s", async (_, options, flags, colored) => {
    const { stdout } = await run(`list-machines${flags}`, options);
    expect(stdout.includes("\u001B[")).toBe(colored);
  });
});
