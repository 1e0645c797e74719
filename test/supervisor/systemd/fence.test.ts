/** What fences strict units beside the daemon, on a real systemd; what every supervisor does with a hold is in test/contract/hold.ts. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "#host/system.ts";
import type { Supervisor, UnitSource } from "#supervisor/supervisor.ts";
import { whyNoContainer } from "../../conformance/supervisor/systemd/container.ts";
import { SystemdMachine } from "./machine.ts";

const FENCE = "flotilla-fence.service";
const HOLDS = "run/flotilla/units.holds";

function source(name: string, text: string): UnitSource {
  return { name, text, file: createHash("sha256").update(text).digest("hex") };
}

describe.runIf(whyNoContainer() === undefined)("the fence of a real systemd", () => {
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

  const hold = (name: string, forMs: number, token = "1"): void =>
    supervisor.hold(name, { untilMs: systemClock.boottime() + forMs, token });
  const show = async (unit: string, property: string): Promise<string> =>
    (await machine.run("systemctl", "show", "--value", `--property=${property}`, unit)).trim();
  const launch = async (name: string, text: string, forMs = 60_000): Promise<void> => {
    await supervisor.load([source(name, text)]);
    hold(name, forMs);
    expect(await supervisor.start(name)).toEqual({ result: "done" });
  };
  const isGone = async (path: string): Promise<boolean> => !existsSync(join(machine.container.root, path));
  const untilExpired = (name: string) =>
    expect.poll(() => supervisor.status(name)?.expired, { timeout: 5_000 }).toBe(true);

  test("gives each start the token of the hold", async () => {
    const text =
      "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo $$FLOTILLA_FENCING_TOKEN > /run/token'\n";
    await launch("token.service", text);
    hold("token.service", 60_000, "17");
    await supervisor.restart("token.service");
    expect(readFileSync(join(machine.container.root, "run/token"), "utf8")).toBe("17\n");
  });

  test("lets nobody start a unit whose time has come", async () => {
    await supervisor.load([source("late.service", "[Service]\nExecStart=/bin/sleep 1000\n")]);
    hold("late.service", 0);
    await supervisor.start("late.service");
    await expect(machine.run("systemctl", "start", "late.service")).rejects.toThrow("Assertion failed");
    hold("late.service", 60_000);
    expect(await supervisor.start("late.service")).toEqual({ result: "done" });
  });

  test("kills all of a unit, whatever its slice, what it has divided its cgroup into, and does not clean up", async () => {
    const script =
      "mkdir $$(cat /proc/self/cgroup | cut -d: -f3 | sed s,^,/sys/fs/cgroup,)/below; sleep 1000 & exec sleep 1000";
    const text = `[Service]\nSlice=a-b.slice\nDelegate=yes\nKillMode=process\nExecStart=/bin/sh -c '${script}'\nExecStopPost=/bin/touch /run/cleaned\n`;
    await launch("deep.service", text);
    hold("deep.service", 100);
    await untilExpired("deep.service");
    await expect.poll(() => isGone("sys/fs/cgroup/a.slice/a-b.slice/deep.service")).toBe(true);
    expect(await isGone("run/cleaned")).toBe(true);
  });

  test("is started again when it is killed, disturbs no unit by that, and goes on", async () => {
    await launch("kept.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    const before = await show("kept.service", "MainPID");
    const fence = await show(FENCE, "MainPID");
    await machine.run("kill", "-KILL", fence);
    await expect.poll(() => show(FENCE, "MainPID")).not.toMatch(new RegExp(`^(0|${fence})$`));
    expect(await show("kept.service", "MainPID")).toBe(before);
    hold("kept.service", 0);
    await untilExpired("kept.service");
  });

  test("has acted on what passed while it was stopped as the first thing when it goes on", async () => {
    await launch("paused.service", "[Service]\nExecStart=/bin/sleep 1000\n", 700);
    await machine.run("kill", "-STOP", await show(FENCE, "MainPID"));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(supervisor.status("paused.service")?.active).toBe("active");
    await machine.run("kill", "-CONT", await show(FENCE, "MainPID"));
    await untilExpired("paused.service");
  });

  test("kills also a unit whose hold the daemon has declared over without knowing that it runs", async () => {
    await launch("stray.service", "[Service]\nExecStart=/bin/sleep 1000\n", 700);
    await machine.run("mv", `/${HOLDS}/held/stray.service`, `/${HOLDS}/passed/stray.service`);
    await untilExpired("stray.service");
  });

  test("lets a unit run on that the next daemon comes back for in time", async () => {
    await launch("kept.service", "[Service]\nExecStart=/bin/sleep 1000\n", 1_500);
    const before = await show("kept.service", "MainPID");
    await supervisor.close();
    supervisor = await machine.supervisor();
    hold("kept.service", 60_000);
    await new Promise((resolve) => setTimeout(resolve, 1_700));
    expect(await show("kept.service", "MainPID")).toBe(before);
  });

  test("costs no reload of systemd where a unit is held from its loading on", async () => {
    const reloads = async (): Promise<number> => {
      const lines = await machine.run("journalctl", "-o", "cat", "_PID=1");
      return lines.split("\n").filter((line) => line.startsWith("Reloading")).length;
    };
    const before = await reloads();
    await launch("fresh.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    expect(await reloads()).toBe(before);
  });

  test("cannot be stopped by hand", async () => {
    await launch("kept.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    await expect(machine.run("systemctl", "stop", FENCE)).rejects.toThrow(
      "may be requested by dependency only",
    );
  });

  test("is replaced by the next daemon's version, which disturbs no unit", async () => {
    await launch("kept.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    const [unit, fence] = [await show("kept.service", "MainPID"), await show(FENCE, "MainPID")];
    await supervisor.close();
    await machine.run("sh", "-c", `echo '# of another version' >> /${HOLDS}/fence.pl`);
    supervisor = await machine.supervisor();
    await expect.poll(() => show(FENCE, "MainPID")).not.toMatch(new RegExp(`^(0|${fence})$`));
    expect(await show("kept.service", "MainPID")).toBe(unit);
    expect(supervisor.status("kept.service")?.active).toBe("active");
  });

  test("is not asked for by a unit that is gone, or not held any more", async () => {
    await launch("free.service", "[Service]\nExecStart=/bin/sleep 1000\n", 500);
    supervisor.hold("free.service", undefined);
    expect(await supervisor.restart("free.service")).toEqual({ result: "done" });
    await supervisor.unload(["free.service"]);
    expect(await isGone("run/systemd/system/free.service.d")).toBe(true);
    await supervisor.load([source("free.service", "[Service]\nExecStart=/bin/sleep 1000\n")]);
    expect(await supervisor.start("free.service")).toEqual({ result: "done" });
    expect(await show("free.service", "DropInPaths")).toBe("");
  });

  test("is one process for all units of the machine", async () => {
    await launch("kept.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    await launch("other.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    expect(await machine.run("pgrep", "--count", "flotilla-fence")).toBe("1\n");
  });

  test("is missed aloud where it cannot run: units that are held are not started, the others are", async () => {
    await launch("kept.service", "[Service]\nExecStart=/bin/sleep 1000\n");
    await supervisor.close();
    const dropIn = "/run/systemd/system/flotilla-fence.service.d";
    await machine.run(
      "sh",
      "-c",
      `mkdir ${dropIn}; printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' > ${dropIn}/x.conf`,
    );
    await machine.run("systemctl", "daemon-reload");
    await machine.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", FENCE);
    await expect.poll(() => show(FENCE, "Result"), { timeout: 30_000 }).toBe("exit-code");
    supervisor = await machine.supervisor();
    try {
      expect(supervisor.status("kept.service")?.active).toBe("active");
      const outcome = await supervisor.restart("kept.service");
      expect(outcome).toMatchObject({ result: "failed", message: expect.stringContaining(FENCE) });
      await supervisor.load([source("plain.service", "[Service]\nExecStart=/bin/sleep 1000\n")]);
      expect(await supervisor.start("plain.service")).toEqual({ result: "done" });
    } finally {
      await machine.run("rm", "-r", dropIn);
      await machine.run("systemctl", "daemon-reload");
    }
  });
});
