import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ANYWHERE, type Placement } from "./placement.ts";
import { readPlacement } from "./read-placement.ts";
import { parseUnitFile } from "./unit-file.ts";

const NAME = "web@1.service";

function fleet(lines: string) {
  return readPlacement(parseUnitFile(`[X-Fleet]\n${lines}\n`), NAME);
}

function flotilla(lines: string) {
  return readPlacement(parseUnitFile(`[X-Flotilla]\n${lines}\n`), NAME);
}

test("a unit that says nothing runs anywhere", () => {
  expect(readPlacement(parseUnitFile("[Service]\nExecStart=/bin/true\n"), NAME)).toEqual({
    placement: ANYWHERE,
    diagnostics: [],
  });
});

describe("[X-Fleet], with fleet's meaning", () => {
  const ID = "0123456789abcdef0123456789abcdef";

  test.each<[string, Partial<Placement>, string]>([
    [`MachineID=${ID}`, { machineId: ID }, "a full ID"],
    ["MachineID=01234567", { machineId: "01234567" }, "or its first eight digits"],
    [`MachineID=${ID}\nMachineID=01234567`, { machineId: ID }, "the first one wins"],
    [`X-ConditionMachineID=${ID}`, { machineId: ID }, "fleet's former name"],
    ["X-ConditionMachineBootID=boot", { machineId: "boot" }, "and one that meant the boot"],
    [
      `X-ConditionMachineID=${ID}\nMachineID=01234567`,
      { machineId: "01234567" },
      "the new name beats the former",
    ],
    ["MachineOf=a.service", { machineOf: ["a.service"] }, "a peer"],
    [
      "MachineOf=a.service\nMachineOf=b.service",
      { machineOf: ["a.service", "b.service"] },
      "several lines add up",
    ],
    [
      'MachineOf="a.service" "b.service"',
      { machineOf: ["a.service", "b.service"] },
      "quoted ones on one line",
    ],
    ["X-ConditionMachineOf=a.service", { machineOf: ["a.service"] }, "fleet's former name"],
    ["MachineOf=web-data@%i.service", { machineOf: ["web-data@1.service"] }, "specifiers"],
    ["MachineMetadata=disk=ssd", { metadata: [{ key: "disk", values: ["ssd"] }] }, "one requirement"],
    [
      'MachineMetadata="disk=ssd" "disk=nvme" "region=eu"',
      {
        metadata: [
          { key: "disk", values: ["ssd", "nvme"] },
          { key: "region", values: ["eu"] },
        ],
      },
      "values of one key are alternatives, keys add up",
    ],
    [
      "MachineMetadata=disk=ssd\nMachineMetadata=disk=nvme",
      { metadata: [{ key: "disk", values: ["ssd", "nvme"] }] },
      "lines mean nothing",
    ],
    ["X-ConditionMachineMetadata=a=b", { metadata: [{ key: "a", values: ["b"] }] }, "fleet's former name"],
    ["Conflicts=web@*.service", { conflicts: ["web@*.service"] }, "a glob"],
    [
      "Conflicts=a.service b*.service\nConflicts=c",
      { conflicts: ["a.service", "b*.service", "c"] },
      "lists and lines",
    ],
    ['Conflicts="a.service" "b.service"', { conflicts: ["a.service", "b.service"] }, "quoted"],
    ["X-Conflicts=a.service", { conflicts: ["a.service"] }, "fleet's former name"],
    ["Conflicts=%p@*.service", { conflicts: ["web@*.service"] }, "%p is the prefix"],
    ["Conflicts=%n %N %i %u", { conflicts: [NAME, "web@1", "1", "%u"] }, "only %n %N %p %i are specifiers"],
    ["Replaces=old-*.service", { replaces: ["old-*.service"] }, "replaces"],
    ["Global=true", { global: true }, "global"],
    ["Global=T", { global: true }, "in any case of letters"],
    ["Global=y", { global: false }, "y is not among fleet's words for yes"],
    ["Global=true\nGlobal=false", { global: false }, "the last one wins"],
    ["Global=false\nGlobal=on", { global: true }, "the last one wins"],
    ["Conflicts=a.service\nConflicts=", { conflicts: ["a.service"] }, "an empty line forgets nothing"],
  ])("%j: %j (%s)", (lines, placement) => {
    expect(fleet(lines)).toEqual({ placement: { ...ANYWHERE, ...placement }, diagnostics: [] });
  });

  test.each(["disk", "=ssd", "disk=", "a=b=c", "a=b c=d"])(
    "MachineMetadata=%s is an error, where fleet ignores it",
    (value) => {
      const { placement, diagnostics } = fleet(`MachineMetadata=${value}`);
      expect(placement.metadata).toEqual([]);
      expect(diagnostics).toMatchObject([
        {
          severity: "error",
          code: "bad-value",
          message: `MachineMetadata= is not key=value: ${value}`,
          place: { line: 2 },
        },
      ]);
    },
  );

  test("what can match nothing is an error", () => {
    expect(fleet("Conflicts=web[").diagnostics).toMatchObject([{ severity: "error", code: "bad-value" }]);
    expect(fleet("MachineID=web1").diagnostics).toMatchObject([{ severity: "error", code: "bad-value" }]);
  });
});

describe("options that exclude each other name both lines", () => {
  test.each([
    [
      "MachineID=01234567\nMachineOf=a.service",
      "MachineID= (line 2) and MachineOf= (line 3) exclude each other",
    ],
    [
      "MachineID=01234567\nConflicts=a.service",
      "MachineID= (line 2) and Conflicts= (line 3) exclude each other",
    ],
    ["Global=true\nMachineID=01234567", "MachineID= (line 3) and Global= (line 2) exclude each other"],
    [
      "MachineID=01234567\nReplaces=a.service",
      "MachineID= (line 2) and Replaces= (line 3) exclude each other",
    ],
    ["Global=true\nMachineOf=a.service", "Global= (line 2) and MachineOf= (line 3) exclude each other"],
    ["Global=true\nReplaces=a.service", "Global= (line 2) and Replaces= (line 3) exclude each other"],
    [
      "Conflicts=a.service\nReplaces=b.service",
      "Conflicts= (line 2) and Replaces= (line 3) exclude each other",
    ],
    [
      "X-ConditionMachineID=01234567\nX-Conflicts=a.service",
      "X-ConditionMachineID= (line 2) and X-Conflicts= (line 3) exclude each other",
    ],
    [
      "MachineOf=db.service\nConflicts=d*.service",
      "MachineOf= (line 2) wants db.service on the same machine, Conflicts= (line 3) excludes it",
    ],
    [
      "Replaces=db.service\nMachineOf=db.service",
      "MachineOf= (line 3) wants db.service on the same machine, Replaces= (line 2) excludes it",
    ],
  ])("%j", (lines, message) => {
    expect(fleet(lines).diagnostics).toMatchObject([
      { severity: "error", code: "contradictory-options", message, place: { line: 3 } },
    ]);
  });

  test.each([
    "Global=true\nConflicts=a.service",
    "Global=true\nMachineMetadata=a=b",
    "Global=false\nMachineOf=a.service",
    "MachineID=01234567\nMachineMetadata=a=b",
    "MachineOf=a.service\nConflicts=b.service",
    "MachineOf=a.service\nReplaces=b.service",
  ])("%j go together", (lines) => {
    expect(fleet(lines).diagnostics).toEqual([]);
  });
});

describe("[X-Flotilla]", () => {
  test.each<[string, Partial<Placement>]>([
    ["Failover=strict", { failover: "strict", overlap: false }],
    ["Failover=strict\nFailover=eager", { failover: "eager" }],
    ["Spread=zone", { spread: ["zone"] }],
    ["Spread=zone machine\nSpread=rack,zone", { spread: ["zone", "machine", "rack"] }],
    ["Prefer=disk=ssd", { prefer: [{ key: "disk", value: "ssd", weight: 1 }] }],
    [
      "Prefer=disk=ssd:5 zone=a",
      {
        prefer: [
          { key: "disk", value: "ssd", weight: 5 },
          { key: "zone", value: "a", weight: 1 },
        ],
      },
    ],
    ["MaxPerMachine=2", { maxPerMachine: 2 }],
    ["Overlap=no", { overlap: false }],
    ["Overlap=no\nOverlap=yes", { overlap: true }],
    ["MaxUnavailable=2", { maxUnavailable: { units: 2 } }],
    ["MaxUnavailable=25%", { maxUnavailable: { share: 0.25 } }],
  ])("%j", (lines, placement) => {
    expect(flotilla(lines)).toEqual({ placement: { ...ANYWHERE, ...placement }, diagnostics: [] });
  });

  test.each([
    "Failover=maybe",
    "Spread=zone=a",
    "Prefer=disk",
    "Prefer=a=b:0",
    "Prefer=a=b:101",
    "MaxPerMachine=0",
    "MaxPerMachine=x",
    "Overlap=perhaps",
    "MaxUnavailable=0",
    "MaxUnavailable=0%",
    "MaxUnavailable=101%",
  ])("%s is an error", (line) => {
    const { placement, diagnostics } = flotilla(line);
    expect(placement).toEqual(ANYWHERE);
    expect(diagnostics).toMatchObject([{ severity: "error", code: "bad-value", place: { line: 2 } }]);
  });

  test("a oneshot does not overlap with itself unless it says so", () => {
    const read = (lines: string): boolean =>
      readPlacement(parseUnitFile(`[Service]\nType=oneshot\n[X-Flotilla]\n${lines}\n`), NAME).placement
        .overlap;
    expect([read(""), read("Overlap=yes"), read("Overlap=no")]).toEqual([false, true, false]);
  });

  test("a strict unit may not overlap", () => {
    const { diagnostics } = flotilla("Failover=strict\nOverlap=yes");
    expect(diagnostics).toMatchObject([
      { severity: "error", code: "contradictory-options", place: { line: 3 } },
    ]);
    expect(diagnostics[0]?.message).toBe(
      "Failover=strict (line 2) and Overlap=yes (line 3) exclude each other",
    );
  });

  test("what a global unit says in vain is a warning", () => {
    const file = parseUnitFile("[X-Fleet]\nGlobal=yes\n[X-Flotilla]\nSpread=zone\nMaxPerMachine=1\n");
    expect(
      readPlacement(file, NAME).diagnostics.map(({ severity, message }) => `${severity}: ${message}`),
    ).toEqual([
      "warning: Spread= has no effect with Global= (line 2)",
      "warning: MaxPerMachine= has no effect with Global= (line 2)",
    ]);
  });
});

describe("the reservation", () => {
  test.each([
    ["CPUQuota=50%", { cpuMillis: 500 }],
    ["CPUQuota=250%", { cpuMillis: 2500 }],
    ["MemoryMax=1G", { memoryBytes: 1_073_741_824 }],
    ["MemoryMax=25%", { memoryShare: 0.25 }],
    ["MemoryMin=256M\nMemoryMax=1G", { memoryBytes: 268_435_456 }],
    ["MemoryMin=0\nMemoryMax=1G", { memoryBytes: 1_073_741_824 }],
    ["MemoryMin=10%\nMemoryMax=1G", { memoryShare: 0.1 }],
    ["MemoryMax=infinity", {}],
    ["TasksMax=10", {}],
    ["MemoryMax=1G\nMemoryMax=", {}],
  ])("%j reserves %j", (lines, reservation) => {
    const file = parseUnitFile(`[Service]\nExecStart=/bin/true\n${lines}\n`);
    expect(readPlacement(file, NAME).placement.reservation).toEqual(reservation);
  });
});

test("no text makes it throw", () => {
  const key = fc.constantFrom(
    "MachineID",
    "MachineOf",
    "MachineMetadata",
    "Conflicts",
    "Replaces",
    "Global",
    "X-Conflicts",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.string())), (lines) => {
      const { placement } = fleet(lines.map(([name, value]) => `${name}=${value}`).join("\n"));
      expect(placement.metadata.every(({ values }) => values.length > 0)).toBe(true);
    }),
  );
});
