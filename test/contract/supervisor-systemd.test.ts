import { afterAll, beforeAll, describe } from "vitest";
import { whyNoContainer } from "../conformance/supervisor/systemd/container.ts";
import { SystemdMachine } from "../supervisor/systemd/machine.ts";
import { supervisorContract } from "./supervisor.ts";

describe.runIf(whyNoContainer() === undefined)("on a real systemd", () => {
  let machine: SystemdMachine;

  beforeAll(async () => {
    machine = await SystemdMachine.boot();
  }, 60_000);
  afterAll(() => machine[Symbol.asyncDispose]());

  for (const kind of ["the bus", "the private socket"]) {
    supervisorContract(`systemd over ${kind}`, async () => {
      const ways = kind === "the bus" ? machine.ways.slice(0, 1) : [machine.privateWay];
      const supervisor = await machine.supervisor(ways);
      return {
        supervisor,
        reopen: async () => {
          await supervisor.close();
          return machine.supervisor(ways);
        },
        dispose: () => machine.clear(),
      };
    });
  }
});
