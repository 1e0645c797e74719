import { expect, test } from "vitest";
import type { Refusal } from "#plan/cluster-plan.ts";
import { summariseRefusals } from "#plan/refusals.ts";

function refusal(code: Refusal["code"], text = ""): Refusal {
  return { machine: "0", code, text };
}

const NO_SSD = refusal("metadata", "has disk=hdd, the unit asks for disk=ssd");
const NO_RACK = refusal("metadata", "has no rack, the unit asks for rack=r1 or rack=r2");

test.each<[why: string, refusals: readonly Refusal[], summary: string]>([
  ["a cluster without machines", [], "there are no machines"],
  ["one machine", [refusal("cordoned")], "1 machine: 1 is cordoned"],
  [
    "the most frequent cause comes first",
    [refusal("cordoned"), NO_SSD, NO_SSD],
    "3 machines: 2 lack metadata disk=ssd, 1 is cordoned",
  ],
  [
    "what is asked for is named in full",
    [NO_SSD, NO_RACK],
    "2 machines: 2 lack metadata disk=ssd and rack=r1 or rack=r2",
  ],
  [
    "the peer is named",
    [refusal("machine-of", "does not have web.service (MachineOf), which is on no machine")],
    "1 machine: 1 does not have web.service (MachineOf)",
  ],
  [
    "resources",
    [refusal("cpu"), refusal("memory"), refusal("memory")],
    "3 machines: 2 lack memory, 1 lacks CPU",
  ],
  [
    "neighbours",
    [refusal("conflicts"), refusal("max-per-machine")],
    "2 machines: 1 has units it cannot be with, 1 has as many of its instances as are allowed",
  ],
  [
    "a pin",
    [refusal("machine-id"), refusal("machine-id")],
    "2 machines: 2 are not the machine it is pinned to",
  ],
])("%s", (_why, refusals, summary) => {
  expect(summariseRefusals(refusals)).toBe(summary);
});
