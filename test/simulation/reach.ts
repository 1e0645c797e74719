/** Which of the other machines a simulated one gets a sign of: those that have power, run, and whose networks are whole. */
import type { Reach } from "#engine/reach.ts";
import type { SimulatedMachine } from "./machine.ts";

/** As a real machine is waited for. */
const SILENT_AFTER_MS = 400;

export function reachOf(self: SimulatedMachine): Reach {
  return {
    knock: (machine) => knock(self, machine.id),
    knockFrom: async (peer, machine) => {
      const asked = self.options.machineOf(peer.id);
      if (asked?.daemon === undefined || !(await knock(self, peer.id))) return undefined;
      return knock(asked, machine.id);
    },
  };
}

function knock(from: SimulatedMachine, id: string): Promise<boolean> {
  const { clock } = from.options;
  return new Promise((resolve) => {
    const to = from.options.machineOf(id);
    const sign = to?.powered === true && !to.paused && !isCut(to) && !isCut(from);
    const delayMs = sign ? from.network.latencyMs + (to?.network.latencyMs ?? 0) : SILENT_AFTER_MS;
    clock.setTimer(Math.min(delayMs, SILENT_AFTER_MS), () => resolve(sign && delayMs <= SILENT_AFTER_MS));
  });
}

function isCut({ network }: SimulatedMachine): boolean {
  return network.cutUp || network.cutDown;
}
