/** fleet's functional cases on who is who (TestDetectMachineId, TestKnownHostsVerification), on real machines. */
import { cp, rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommandResult } from "../../cluster/cluster.ts";
import { running, SLEEPER } from "../../cluster/units.ts";
import { BOOT_TIMEOUT_MS, canBootMachines, Machines, until } from "../machines.ts";

const STATE = "/var/lib/flotilla";
const SETTINGS = "/etc/default/flotilla";
const CONTEXTS = "/root/.config/flotilla/contexts.json";

describe.runIf(canBootMachines)("three machines", () => {
  let machines: Machines;
  beforeAll(async () => {
    machines = await Machines.start({ count: 3 });
  }, BOOT_TIMEOUT_MS);
  afterAll(() => machines.stop());

  test("TestDetectMachineId: a copy of a machine is refused by name, and comes in once it is one of its own", async () => {
    const [first, original, copy] = [machines.get("m1"), machines.get("m2"), machines.get("m3")];
    const before = running(await machines.launch(["steady.service"], await pinnedTo("m2")));
    await copy.must("systemctl", "stop", "flotilla");
    await first.must("flotilla", "machine", "remove", "--force", "m3");
    // As a disk that was copied of a running machine has it.
    await rm(copy.pathOf(STATE), { recursive: true });
    await cp(original.pathOf(STATE), copy.pathOf(STATE), { recursive: true });
    await copy.write(SETTINGS, `FLOTILLA_ADDRESS=${copy.address}\n`);
    await copy.must("systemctl", "start", "--no-block", "flotilla");
    const said = (): Promise<string> => copy.must("journalctl", "--no-pager", "-u", "flotilla");
    await until("the copy's complaint", async () =>
      (await said()).includes("has the machine ID of this machine"),
    );
    expect(await said()).toContain(`m2 at ${original.address}`);
    await machines.joined(["m1", "m2"]);
    const { units } = await first.client.units({ units: ["steady.service"] });
    expect(running(units)).toEqual(before);

    await copy.must("systemctl", "stop", "flotilla");
    await copy.must("flotilla", "leave", "--force");
    await copy.join(first.address, await first.must("flotilla", "token", "create"));
    await machines.joined();
  }, 60_000);

  test("TestKnownHostsVerification: who answers for another cluster is refused", async () => {
    const [first, other] = [machines.get("m1"), machines.get("m3")];
    await other.must("systemctl", "stop", "flotilla");
    await other.must("rm", "-r", STATE);
    await other.must("flotilla", "init", "--name=other", `--address=${other.address}`);
    const known = await first.read(CONTEXTS);
    const ask = (): Promise<CommandResult> => first.run("flotilla", "--context=flotilla", "list-machines");
    expect((await ask()).stdout).toContain("m2");
    await first.write(CONTEXTS, known.replaceAll(first.address, other.address));
    const refused = await ask();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stdout).toBe("");
    expect(refused.stderr).toContain(other.address);
    await first.write(CONTEXTS, known);
    expect((await ask()).stdout).toContain("m2");
  });

  async function pinnedTo(name: string): Promise<string> {
    const { machines: list } = await machines.get("m1").client.machines();
    const { machine } = list.find((one) => one.name === name) ?? { machine: "" };
    return `${SLEEPER}[X-Fleet]\nMachineID=${machine}\n`;
  }
});
