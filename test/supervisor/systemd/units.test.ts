/** What only a real systemd can show: all types of units, its files and jobs, and what it forgets. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Supervisor, UnitSource, UnitStatus } from "#supervisor/supervisor.ts";
import { whyNoContainer } from "../../conformance/supervisor/systemd/container.ts";
import { service, unit } from "../machine.ts";
import { SystemdMachine } from "./machine.ts";

const SLEEP = "ExecStart=/bin/sleep 1000";
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

describe.runIf(whyNoContainer() === undefined)("a real systemd", () => {
  let machine: SystemdMachine;
  let supervisor: Supervisor;

  beforeAll(async () => {
    machine = await SystemdMachine.boot();
  }, 60_000);
  afterAll(() => machine[Symbol.asyncDispose]());
  beforeEach(async () => {
    supervisor = await machine.supervisor();
  });
  afterEach(() => machine.clear());

  /** How often systemd reloads while `work` is done. */
  async function reloadsDuring(work: () => Promise<unknown>): Promise<number> {
    let reloads = 0;
    const stop = machine.bus.onSignal(({ member, body }) => {
      if (member === "Reloading" && body[0] === true) reloads++;
    });
    await work();
    stop();
    return reloads;
  }

  test.each<[string, string, string, UnitSource]>([
    ["service", "running", "dead", service("t.service", SLEEP)],
    ["socket", "listening", "dead", unit("t.socket", "[Socket]\nListenStream=/run/t.sock\n")],
    ["timer", "waiting", "dead", unit("t.timer", "[Timer]\nOnCalendar=2100-01-01\n")],
    ["path", "waiting", "dead", unit("t.path", "[Path]\nPathExists=/nowhere\n")],
    ["target", "active", "dead", unit("t.target", "[Unit]\nDescription=A target\n")],
    ["slice", "active", "dead", unit("t.slice", "[Slice]\nTasksMax=100\n")],
    ["mount", "mounted", "dead", unit("run-t.mount", "[Mount]\nWhat=tmpfs\nWhere=/run/t\nType=tmpfs\n")],
  ])("runs a %s as it stands", async (_, up, down, source) => {
    // What a socket, a timer and a path start.
    await supervisor.load([service("t.service", SLEEP), source]);
    expect(await supervisor.start(source.name)).toEqual({ result: "done" });
    expect(supervisor.status(source.name)).toMatchObject({ active: "active", sub: up, result: "success" });
    expect(await supervisor.stop(source.name)).toEqual({ result: "done" });
    expect(supervisor.status(source.name)).toMatchObject({ active: "inactive", sub: down });
  });

  test("says when a timer elapses, and what a unit uses", async () => {
    const hog = service("hog.service", "ExecStart=/bin/sh -c 'while :; do :; done'");
    await supervisor.load([hog, unit("hog.timer", "[Timer]\nOnCalendar=2100-01-01 UTC\n")]);
    await Promise.all([supervisor.start("hog.service"), supervisor.start("hog.timer")]);
    const atMs = Date.UTC(2100, 0, 1);
    await expect.poll(() => supervisor.usage("hog.timer").facts).toEqual([{ label: "Trigger", atMs }]);
    await expect.poll(() => supervisor.usage("hog.service").cpuMs).toBeGreaterThan(0);
    expect(supervisor.usage().cpuMs).toBeGreaterThan(0);
    await supervisor.stop("hog.service");
    expect(supervisor.usage("hog.service")).toEqual({});
  });

  test("calls that come together make one reload", async () => {
    const text = `[Service]\n${SLEEP}\n[Install]\nWantedBy=oracle.target\n`;
    const units = range(20).map((index) => unit(`many-${index}.service`, text));
    expect(await reloadsDuring(() => Promise.all(units.map((one) => supervisor.load([one]))))).toBe(1);
    expect(await reloadsDuring(() => supervisor.unload(units.map(({ name }) => name)))).toBe(1);
    expect(supervisor.statuses()).toEqual([]);
  });

  test("units that nothing knew need no reload", async () => {
    const units = range(20).map((index) => service(`new-${index}.service`, SLEEP));
    expect(await reloadsDuring(() => supervisor.load(units))).toBe(0);
    expect(supervisor.statuses().map(({ load }) => load)).toEqual(units.map(() => "loaded"));
  });

  test("a hundred units at once, and jobs that end before systemd has said which they are", async () => {
    const units = range(100).map((index) => service(`h-${index}.service`, SLEEP));
    const targets = range(50).map((index) => unit(`h-${index}.target`, "[Unit]\nDescription=x\n"));
    await supervisor.load([...units, ...targets]);
    const names = [...units, ...targets].map(({ name }) => name);
    const outcomes = await Promise.all(names.map((name) => supervisor.start(name)));
    expect(outcomes).toEqual(names.map(() => ({ result: "done" })));
    expect(names.map((name) => supervisor.status(name)?.active)).toEqual(names.map(() => "active"));
    await supervisor.unload(names);
    expect(supervisor.statuses()).toEqual([]);
  }, 30_000);

  test("how a run ended is known, also when systemd forgets the unit at once", async () => {
    const lines = ["Type=oneshot", "ExecStart=/bin/true"];
    const good = range(20).map((index) => service(`good-${index}.service`, ...lines));
    const bad = service("bad-end.service", "Type=oneshot", "ExecStart=/bin/sh -c 'exit 3'");
    const killed = service("killed.service", "Type=oneshot", "ExecStart=/bin/sh -c 'kill -KILL $$$$'");
    await supervisor.load([...good, bad, killed]);
    const outcomes = await Promise.all(good.map(({ name }) => supervisor.start(name)));
    expect(outcomes).toEqual(good.map(() => ({ result: "done" })));
    for (const { name } of good) {
      expect(supervisor.status(name)).toMatchObject({ active: "inactive", completed: true, exitCode: 0 });
    }
    expect(await supervisor.start(bad.name)).toEqual({
      result: "failed",
      message: "bad-end.service failed with result 'exit-code' (status 3)",
    });
    expect(supervisor.status(bad.name)).toMatchObject({ active: "failed", exitCode: 3, completed: false });
    await supervisor.start(killed.name);
    expect(supervisor.status(killed.name)).toMatchObject({ result: "signal", exitSignal: "KILL" });
  });

  test("the next supervisor knows what has run to its end, ran on and ended meanwhile", async () => {
    const done = service("done.service", "Type=oneshot", "ExecStart=/bin/true");
    const soon = service("soon.service", "Type=oneshot", "ExecStart=/bin/sleep 2");
    const on = service("on.service", SLEEP);
    await supervisor.load([done, soon, on]);
    await Promise.all([supervisor.start(done.name), supervisor.start(on.name)]);
    const isBusy = upcoming(supervisor, soon.name, ({ active }) => active === "activating");
    const ends = supervisor.start(soon.name).catch(() => undefined);
    await isBusy;
    const before = [done, on].map(({ name }) => supervisor.status(name));
    await supervisor.close();
    await ends;
    await machine.run(
      "sh",
      "-c",
      'while test "$(systemctl is-active soon.service)" = activating; do sleep 0.05; done',
    );
    const next = await machine.supervisor();
    expect([done, on].map(({ name }) => next.status(name))).toEqual(before);
    expect(next.status(soon.name)).toMatchObject({ active: "inactive", completed: true });
  });

  test("a file goes when ExecStop= and ExecStopPost= have ended", async () => {
    const there = "test -e /run/flotilla/units/slow.service && echo there";
    const lines = [
      SLEEP,
      `ExecStop=/bin/sh -c 'sleep 0.3; ${there} >> /scenarios/slow'`,
      `ExecStopPost=/bin/sh -c '${there} >> /scenarios/slow'`,
    ];
    await supervisor.load([service("slow.service", ...lines)]);
    await supervisor.start("slow.service");
    await supervisor.unload(["slow.service"]);
    expect(readFileSync(join(machine.container.shared, "slow"), "utf8")).toBe("there\nthere\n");
    expect(existsSync(join(machine.container.root, "run/flotilla/units/slow.service"))).toBe(false);
    expect(existsSync(join(machine.container.root, "run/systemd/system/slow.service"))).toBe(false);
  });

  test("[Install] counts from loading to unloading: aliases and who wants the unit", async () => {
    const install = "[Install]\nAlias=other-name.service\nWantedBy=oracle.target\n";
    await supervisor.load([unit("installed.service", `[Service]\n${SLEEP}\n${install}`)]);
    await supervisor.start("installed.service");
    const wants = (): Promise<string> => machine.run("systemctl", "show", "-p", "Wants", "oracle.target");
    expect(await machine.run("systemctl", "is-active", "other-name.service")).toBe("active\n");
    expect(await wants()).toContain("installed.service");
    await supervisor.load([unit("installed.service", `[Service]\n${SLEEP}\n`)]);
    expect(await wants()).not.toContain("installed.service");
    await supervisor.unload(["installed.service"]);
    expect(await machine.run("ls", "/run/systemd/system")).not.toMatch(/installed|other-name/);
  });

  test("what stands in the way of a unit is its load state, in systemd's words", async () => {
    const masked = unit("masked.service", "");
    const broken = unit("broken.service", "[Service\nExecStart=/bin/true\n");
    const refused = unit("refused.service", "[Service]\nType=simple\n");
    const own = service("dbus.service", SLEEP);
    await supervisor.load([masked, broken, refused, own]);
    expect(supervisor.status(masked.name)).toMatchObject({ load: "masked" });
    expect(await supervisor.start(masked.name)).toMatchObject({ result: "invalid", error: "UnitMasked" });
    expect(supervisor.status(refused.name)).toMatchObject({
      load: "bad-setting",
      message: "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.",
    });
    expect(await supervisor.start(refused.name)).toMatchObject({ error: "BadUnitSetting" });
    expect(supervisor.status(broken.name)?.load).toBe("error");
    expect(supervisor.status(own.name)).toMatchObject({ load: "error" });
    expect(await supervisor.start(own.name)).toMatchObject({ result: "failed", error: "LoadFailed" });
    expect(await supervisor.start("basic.target")).toMatchObject({ result: "invalid", error: "NoSuchUnit" });
    await supervisor.unload([own.name]);
    expect(await machine.run("systemctl", "show", "-p", "FragmentPath", "dbus.service")).toContain("/lib/");
  });

  test("the machine's drop-ins count, and jobs in every mode", async () => {
    const directory = join(machine.container.root, "etc/systemd/system/d.service.d");
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "10.conf"), "[Service]\nExecStart=\nExecStart=/bin/sleep 77\n");
    await supervisor.load([service("d.service", SLEEP), unit("iso.target", "[Unit]\nDescription=x\n")]);
    await supervisor.start("d.service");
    expect(await machine.run("systemctl", "show", "-p", "ExecStart", "d.service")).toContain("/bin/sleep 77");
    const isolate = { type: "start", unit: "iso.target", mode: "isolate" } as const;
    expect(await supervisor.enqueue(isolate)).toMatchObject({ result: "invalid", error: "NoIsolation" });
    const reload = { type: "reload", unit: "d.service" } as const;
    expect(await supervisor.enqueue(reload)).toMatchObject({ error: "JobTypeNotApplicable" });
    const tryRestart = { type: "reload-or-try-restart", unit: "d.service", mode: "fail" } as const;
    expect(await supervisor.enqueue(tryRestart)).toEqual({ result: "done" });
    expect(await supervisor.enqueue({ type: "verify-active", unit: "d.service" })).toEqual({
      result: "done",
    });
  });

  test("conditions, restarts, status texts and start limits are told", async () => {
    const never = unit("never.service", `[Unit]\nConditionPathExists=/nowhere\n[Service]\n${SLEEP}\n`);
    const limited = "[Unit]\nStartLimitBurst=2\n[Service]\nRestart=always\nRestartSec=10ms\n";
    const flapping = unit("flapping.service", `${limited}ExecStart=/bin/false\n`);
    const says = service("says.service", "Type=notify", "NotifyAccess=all", saying("READY=1", "STATUS=Well"));
    await supervisor.load([never, flapping, says]);
    const skipped = await supervisor.start(never.name);
    expect(skipped.result).toBe("done");
    expect(skipped.message).toContain("condition");
    const isOver = upcoming(supervisor, flapping.name, (status) => {
      return status.active === "failed" && status.restarts === 2;
    });
    await supervisor.start(flapping.name);
    expect(await isOver).toMatchObject({ result: "exit-code", exitCode: 1 });
    await supervisor.start(says.name);
    await expect.poll(() => supervisor.status(says.name)?.statusText).toBe("Well");
  });

  test("what a template makes is told of while it is there", async () => {
    const template = service("made@.service", SLEEP);
    const wants = unit("wants.target", "[Unit]\nWants=made@one.service\n");
    await supervisor.load([template, wants]);
    expect(supervisor.status(template.name)).toBeUndefined();
    const isUp = upcoming(supervisor, "made@one.service", ({ active }) => active === "active");
    await supervisor.start(wants.name);
    expect(await isUp).toMatchObject({ file: template.file });
    const next = await machine.supervisor();
    expect(next.status("made@one.service")).toMatchObject({ active: "active" });
    await next.stop("made@one.service");
    expect(next.status("made@one.service")).toBeUndefined();
  });
});

/** The next status of the unit that is as asked for. */
function upcoming(
  supervisor: Supervisor,
  unitName: string,
  isRight: (status: UnitStatus) => boolean,
): Promise<UnitStatus> {
  return new Promise((resolve) => {
    const stop = supervisor.onStatus((name, status) => {
      if (name !== unitName || status === undefined || !isRight(status)) return;
      stop();
      resolve(status);
    });
  });
}

function saying(...messages: readonly string[]): string {
  return `ExecStart=/bin/sh -c 'systemd-notify ${messages.join(" ")}; exec sleep 1000'`;
}
