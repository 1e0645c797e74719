import { describe, expect, test } from "vitest";
import type { MachineConfig } from "#model/records.ts";
import type { MachinePatch } from "./bodies.ts";
import { patchConfig, whatChanges } from "./machine-config.ts";

const CONFIG: MachineConfig = { metadata: { disk: "ssd", zone: null }, cordoned: true };
const DRAINED: MachineConfig = { ...CONFIG, drain: { sinceMs: 5, force: false } };
const BY_TIME: MachineConfig = { ...CONFIG, drain: { sinceMs: 5, force: false, untilMs: 60 } };

describe("a patch of a machine", () => {
  test.each<[string, MachineConfig, MachinePatch]>([
    ["nothing", CONFIG, {}],
    ["a cordon that is there", CONFIG, { cordoned: true }],
    ["the end of a drain that is not", CONFIG, { drain: null }],
    ["a drain by the same terms", DRAINED, { drain: { force: false } }],
    ["metadata as it is", CONFIG, { metadata: { disk: "ssd" } }],
    ["a hidden key hidden again", CONFIG, { metadata: { zone: null } }],
    ["to take back a key that nobody has set", CONFIG, { unset: ["rack"] }],
  ])("that asks for %s changes nothing", (_, config, patch) => {
    expect(whatChanges(config, patch)).toEqual({ metadata: {}, unset: [] });
    expect(patchConfig(config, patch, 10)).toEqual(config);
  });

  test.each<[string, MachineConfig, MachinePatch, MachinePatch]>([
    ["an uncordon", CONFIG, { cordoned: false }, { cordoned: false }],
    ["a drain", CONFIG, { drain: {} }, { drain: {} }],
    ["a drain by force", DRAINED, { drain: { force: true } }, { drain: { force: true } }],
    [
      "a time to be drained by, which counts anew",
      BY_TIME,
      { drain: { deadlineMs: 9 } },
      { drain: { deadlineMs: 9 } },
    ],
    ["a drain without the time that it had", BY_TIME, { drain: {} }, { drain: {} }],
    ["the end of a drain", DRAINED, { drain: null }, { drain: null }],
    ["a key to be taken back", CONFIG, { unset: ["disk", "rack"] }, { unset: ["disk"] }],
    ["a key that was hidden", CONFIG, { metadata: { zone: "a" } }, { metadata: { zone: "a" } }],
    [
      "a key of an object's own, too",
      CONFIG,
      { metadata: { constructor: "x" } },
      { metadata: { constructor: "x" } },
    ],
  ])("that asks for %s changes that", (_, config, patch, change) => {
    expect(whatChanges(config, patch)).toEqual({ metadata: {}, unset: [], ...change });
    expect(patchConfig(config, patch, 10)).not.toEqual(config);
  });

  test("is told by what it changes alone", () => {
    const patch = { cordoned: true, metadata: { disk: "ssd", rack: "3" } };
    expect(whatChanges(CONFIG, patch)).toEqual({ metadata: { rack: "3" }, unset: [] });
  });
});
