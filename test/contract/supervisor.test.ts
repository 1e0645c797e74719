import { VirtualClock } from "#base/virtual-clock.ts";
import { type FakeBehaviour, FakeMachine } from "#supervisor/fake.ts";
import { TestMachine } from "../supervisor/machine.ts";
import { CONTRACT_UNITS, supervisorContract } from "./supervisor.ts";

const behaviour: FakeBehaviour = ({ name }) => {
  if (name === CONTRACT_UNITS.oneshot.name) return { kind: "finish", afterMs: 0 };
  if (name === CONTRACT_UNITS.failing.name) return { kind: "fail", message: "there is no such program" };
  if (name === CONTRACT_UNITS.bad.name) return { kind: "bad-setting", message: "nothing to start" };
  return { kind: "serve" };
};

supervisorContract("the fake", async () => {
  const machine = new FakeMachine({ clock: new VirtualClock(), behaviour });
  const supervisor = machine.supervisor();
  return {
    supervisor,
    reopen: async () => {
      await supervisor.close();
      return machine.supervisor();
    },
    dispose: async () => machine.cutPower(),
  };
});

for (const cgroups of [true, false]) {
  supervisorContract(`the embedded one ${cgroups ? "with" : "without"} cgroups`, async () => {
    const machine = new TestMachine({ cgroups });
    return {
      supervisor: await machine.boot(),
      reopen: () => machine.boot(),
      dispose: () => machine[Symbol.asyncDispose](),
    };
  });
}
