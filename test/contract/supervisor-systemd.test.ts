import { afterAll, beforeAll, describe } from "vitest";
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import { whyNoContainer } from "../conformance/supervisor/systemd/container.ts";
import { SystemdMachine } from "../supervisor/systemd/machine.ts";
import { holdContract } from "./hold.ts";
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

  holdContract("systemd", async () => {
    const supervisor = await machine.supervisor();
    return {
      supervisor,
      now: () => systemClock.boottime(),
      pass: (durationMs) => sleep(systemClock, durationMs),
      close: () => supervisor.close(),
      reopen: () => machine.supervisor(),
      dispose: () => machine.clear(),
    };
  });
});
