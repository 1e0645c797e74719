/** Whatever becomes of systemd, of the bus and of the supervisor: units run on, and what is told of them stays true. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Supervisor, UnitSource } from "#supervisor/supervisor.ts";
import { whyNoContainer } from "../../conformance/supervisor/systemd/container.ts";
import { service } from "../machine.ts";
import { SystemdMachine } from "./machine.ts";

const SLEEP = "ExecStart=/bin/sleep 1000";
const on = service("on.service", SLEEP);
const range = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at);

describe.runIf(whyNoContainer() === undefined)("a real systemd that is interfered with", () => {
  let machine: SystemdMachine;

  beforeAll(async () => {
    machine = await SystemdMachine.boot();
  }, 60_000);
  afterAll(() => machine[Symbol.asyncDispose]());
  afterEach(() => machine.clear());

  async function started(supervisor: Supervisor, units: readonly UnitSource[] = [on]): Promise<void> {
    await supervisor.load(units);
    for (const outcome of await Promise.all(units.map(({ name }) => supervisor.start(name))))
      expect(outcome).toEqual({ result: "done" });
  }

  test("reloads by others, while units start and stop, change nothing", async () => {
    const supervisor = await machine.supervisor();
    const units = range(10).map((index) => service(`load-${index}.service`, SLEEP));
    await started(supervisor, [on, ...units]);
    const before = supervisor.status(on.name);
    const told: unknown[] = [];
    supervisor.onStatus((name, status) => name === on.name && told.push(status));
    const isOver = new AbortController();
    const cycles = units.map(async ({ name }) => {
      while (!isOver.signal.aborted) {
        expect(await supervisor.stop(name)).toEqual({ result: "done" });
        expect(supervisor.status(name)?.active).toBe("inactive");
        expect(await supervisor.start(name)).toEqual({ result: "done" });
        expect(supervisor.status(name)?.active).toBe("active");
      }
    });
    for (const _ of range(5)) await machine.run("systemctl", "daemon-reload");
    isOver.abort();
    await Promise.all(cycles);
    expect(told).toEqual([]);
    expect(supervisor.status(on.name)).toEqual(before);
    expect(supervisor.statuses()).toHaveLength(11);
  }, 30_000);

  test.each(["the bus", "the private socket"])(
    "systemd executes itself anew, heard of over %s",
    async (way) => {
      const [bus] = machine.ways;
      const ways = way === "the bus" && bus !== undefined ? [bus] : [machine.privateWay];
      const supervisor = await machine.supervisor(ways);
      const slow = service("slow.service", "Type=oneshot", "ExecStart=/bin/sleep 1");
      await started(supervisor);
      const before = supervisor.status(on.name);
      await supervisor.load([slow]);
      const isSlowOver = supervisor.start(slow.name);
      await machine.reexecute();
      // Unlike a restart these may be asked for again when systemd goes away before it answers.
      expect(await supervisor.stop(on.name)).toEqual({ result: "done" });
      expect(await supervisor.start(on.name)).toEqual({ result: "done" });
      expect(supervisor.status(on.name)?.invocation).not.toBe(before?.invocation);
      expect(await isSlowOver).toEqual({ result: "done" });
      expect(supervisor.status(slow.name)).toMatchObject({ active: "inactive", completed: true });
    },
    30_000,
  );

  test("the bus is away and comes back: calls wait, and nothing is missed", async () => {
    const [bus] = machine.ways;
    const supervisor = await machine.supervisor(bus === undefined ? [] : [bus]);
    await started(supervisor);
    const before = supervisor.status(on.name);
    await machine.stopBus();
    const isRestarted = supervisor.restart(on.name);
    expect(supervisor.status(on.name)).toEqual(before);
    await machine.startBus();
    expect(await isRestarted).toEqual({ result: "done" });
    await machine.stopBus();
    await machine.run("systemctl", "kill", "--signal=KILL", on.name);
    await machine.startBus();
    await expect.poll(() => supervisor.status(on.name)).toMatchObject({ active: "failed", result: "signal" });
  }, 30_000);

  test("without a bus the private socket serves", async () => {
    const supervisor = await machine.supervisor();
    await started(supervisor);
    await machine.stopBus();
    expect(await supervisor.stop(on.name)).toEqual({ result: "done" });
    expect(await supervisor.start(on.name)).toEqual({ result: "done" });
    expect(supervisor.status(on.name)).toMatchObject({ active: "active" });
    await machine.startBus();
  }, 30_000);

  test("units are ended by nobody's departure, and units of others are nobody's business", async () => {
    const supervisor = await machine.supervisor();
    await started(supervisor);
    const before = supervisor.status(on.name);
    await supervisor.close();
    expect(await machine.run("systemctl", "is-active", on.name)).toBe("active\n");
    await machine.run("systemd-run", "--unit=foreign.service", "sleep", "1000");
    const next = await machine.supervisor();
    expect(next.statuses()).toEqual([before]);
    await next.unload(["foreign.service", on.name]);
    expect(await machine.run("systemctl", "is-active", "foreign.service")).toBe("active\n");
    await machine.run("systemctl", "stop", "foreign.service");
  });

  test("a unit whose hold passes is killed and starts no more", async () => {
    const supervisor = await machine.supervisor();
    await started(supervisor);
    supervisor.hold(on.name, { untilMs: 0, token: "1" });
    await expect.poll(() => supervisor.status(on.name)?.active).toBe("failed");
    expect(await supervisor.start(on.name)).toMatchObject({ result: "failed" });
    supervisor.hold(on.name, undefined);
    expect(await supervisor.start(on.name)).toEqual({ result: "done" });
  });
});
