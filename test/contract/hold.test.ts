import { sleep } from "#base/clock.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { systemClock } from "#host/system.ts";
import { FakeMachine } from "#supervisor/fake.ts";
import { passTime } from "../simulation/time.ts";
import { TestMachine } from "../supervisor/machine.ts";
import { holdContract } from "./hold.ts";

holdContract("the fake", async () => {
  const clock = new VirtualClock();
  const machine = new FakeMachine({ clock });
  const supervisor = machine.supervisor();
  return {
    supervisor,
    now: () => clock.boottime(),
    pass: (durationMs) => passTime(clock, durationMs),
    close: () => supervisor.close(),
    reopen: async () => machine.supervisor(),
    dispose: async () => machine.cutPower(),
  };
});

for (const cgroups of [true, false]) {
  holdContract(`the embedded one ${cgroups ? "with" : "without"} cgroups`, async () => {
    const machine = new TestMachine({ cgroups });
    const supervisor = await machine.boot();
    return {
      supervisor,
      now: () => systemClock.boottime(),
      pass: (durationMs) => sleep(systemClock, durationMs),
      close: () => supervisor.close(),
      reopen: () => machine.boot(),
      dispose: () => machine[Symbol.asyncDispose](),
    };
  });
}
