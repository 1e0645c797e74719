/** Which of the other machines a simulated one gets a sign of: those that have power, run, and whose networks are whole. */
import type { Reach } from "#engine/reach.ts";
import type { SimulatedMachine } from "./machine.ts";
import type { ProcessClock } from "./process-clock.ts";

/** As others wait for a real machine. */
const SILENT_AFTER_MS = 800;

export function reachOf(self: SimulatedMachine, process: ProcessClock): Reach {
  return {
    knock: (machine) => heardBy(process, knock(self, machine.id)),
    heardMsAgo: ({ id }) => self.options.clock.monotonic() - (self.heard.get(id) ?? Number.NEGATIVE_INFINITY),
    knockFrom: (peer, machine) => heardBy(process, knockFrom(self, peer.id, machine.id)),
  };
}

/** The daemon hears of it when it runs. */
function heardBy<T>(process: ProcessClock, found: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    found.then((value) => process.run(() => resolve(value)), reject);
  });
}

async function knockFrom(self: SimulatedMachine, peer: string, id: string): Promise<boolean | undefined> {
  const asked = self.options.machineOf(peer);
  if (asked?.daemon === undefined || !(await knock(self, peer))) return undefined;
  return knock(asked, id);
}

function knock(from: SimulatedMachine, id: string): Promise<boolean> {
  const { clock } = from.options;
  return new Promise((resolve) => {
    const to = from.options.machineOf(id);
    const sign = to?.powered === true && !to.paused && !isCut(to) && !isCut(from);
    const delayMs = sign ? from.network.latencyMs + (to?.network.latencyMs ?? 0) : SILENT_AFTER_MS;
    if (sign) clock.setTimer(delayMs, () => to.heard.set(from.id, clock.monotonic()));
    clock.setTimer(Math.min(delayMs, SILENT_AFTER_MS), () => resolve(sign && delayMs <= SILENT_AFTER_MS));
  });
}

function isCut({ network }: SimulatedMachine): boolean {
  return network.cutUp || network.cutDown;
}
