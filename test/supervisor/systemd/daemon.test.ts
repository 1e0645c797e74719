/** A whole daemon on a real systemd: what it starts is systemd's, and stays when the daemon goes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { untilActive, untilUnits } from "../../cluster/following.ts";
import { whyNoContainer } from "../../conformance/supervisor/systemd/container.ts";
import { MachineDaemon, PROGRAM_PATHS } from "./daemon.ts";
import { SystemdMachine } from "./machine.ts";

const unit = "web.service";

describe.runIf(whyNoContainer() === undefined)("a daemon on a real systemd", () => {
  let machine: SystemdMachine;
  let daemon: MachineDaemon;

  beforeAll(async () => {
    machine = await SystemdMachine.boot(PROGRAM_PATHS);
    daemon = await MachineDaemon.start(machine);
  }, 60_000);
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await machine[Symbol.asyncDispose]();
  });

  test("runs units with it, and says what it cannot enforce", async () => {
    const text = "[Service]\nExecStart=/bin/sleep infinity\n[X-Fleet]\n";
    await daemon.client.submit({ units: [{ unit, text }], desired: "launched" });
    await untilActive(daemon.client, [unit]);
    expect(await machine.run("systemctl", "is-active", unit)).toBe("active\n");
    const { machines } = await daemon.client.machines();
    expect(machines[0]).toMatchObject({ supervisor: "systemd" });
  }, 30_000);

  test("leaves them alone when it is killed, and takes them over when it is there again", async () => {
    const invocation = (): Promise<string> => machine.run("systemctl", "show", "-P", "InvocationID", unit);
    const before = await invocation();
    await daemon.kill("SIGKILL");
    expect(await invocation()).toBe(before);
    daemon = await MachineDaemon.start(machine);
    await untilActive(daemon.client, [unit]);
    expect(await invocation()).toBe(before);
  }, 30_000);

  test("takes them away with their files", async () => {
    await daemon.client.change("destroy", [unit]);
    await untilUnits(daemon.client, [unit], (rows) => rows.get(unit)?.length === 0);
    await expect.poll(() => existsSync(join(machine.container.root, "run/flotilla/units", unit))).toBe(false);
    expect(await machine.run("systemctl", "show", "-P", "LoadState", unit)).toBe("not-found\n");
  }, 30_000);
});
