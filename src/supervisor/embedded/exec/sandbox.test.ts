import { describe, expect, test } from "vitest";
import { describeMissing, describeUnenforced, FEATURES, type Feature, missingFeatures } from "./features.ts";
import { Refusal } from "./refusal.ts";
import { attributesOf, sandboxOf, unprotected } from "./sandbox.ts";
import { execSettings } from "./testing.ts";

const PLACE = () => ({ staging: "/s", inaccessible: "/i", privateTmp: "/t", privateVarTmp: "/v" });
const NOTHING_MISSING = new Map<Feature, string>();
const ALL_MISSING = missingFeatures(new Error("cannot be tried out"));

describe("namespaces", () => {
  test("a plain unit has none", () => {
    expect(sandboxOf(execSettings(), PLACE, NOTHING_MISSING)).toBeUndefined();
  });

  test.each([
    ["PrivateNetwork=yes", { shared: ["net"], joined: [] }],
    ["PrivateIPC=yes", { shared: ["ipc"] }],
    ["NetworkNamespacePath=/n", { shared: [], joined: [["net", "/n"]] }],
    ["PrivateNetwork=yes\nNetworkNamespacePath=/n", { shared: [], joined: [["net", "/n"]] }],
    ["ProtectHostname=yes", { hostname: true, users: false }],
    ["PrivateUsers=yes", { users: true }],
    ["PrivateTmp=yes", { mounts: { propagation: "shared", staging: "/s" } }],
    ["MountFlags=slave", { mounts: { propagation: "slave", entries: [] } }],
    ["RootDirectory=/r\nMountAPIVFS=no", { root: "/r" }],
    ["RootDirectory=/r", { mounts: { root: "/r" } }],
  ])("%j", (lines, expected) => {
    expect(sandboxOf(execSettings(lines), PLACE, NOTHING_MISSING)).toMatchObject(expected);
  });
});

test("namespaces are borrowed of the unit that it joins, of the kinds that this has", () => {
  const has = { privateTmp: true, privateNetwork: true, privateIpc: false };
  const other = { unit: "b.service", invocation: "1", owner: "b.service", shim: "/run/b/1", has };
  expect(
    sandboxOf(execSettings("PrivateNetwork=yes\nPrivateIPC=yes"), PLACE, NOTHING_MISSING, other),
  ).toMatchObject({ shared: ["net", "ipc"], borrowed: [["net", "/run/b/1"]] });
});

describe("where the machine cannot do it", () => {
  test.each([
    "PrivateTmp=yes",
    "PrivateNetwork=yes",
    "PrivateIPC=yes",
    "ProtectHostname=yes",
    "PrivateUsers=yes",
  ])("%s is left out", (line) => {
    expect(sandboxOf(execSettings(line), PLACE, ALL_MISSING)).toBeUndefined();
  });

  test.each([
    ["RootDirectory=/r", "namespace"],
    ["BindPaths=/a", "namespace"],
    ["DynamicUser=yes", "namespace"],
    ["NetworkNamespacePath=/n", "network"],
  ])("%s refuses the command, which would see something else", (line, step) => {
    const attempt = (): unknown => sandboxOf(execSettings(line), PLACE, ALL_MISSING);
    expect(attempt).toThrow(Refusal);
    expect(attempt).toThrow(expect.objectContaining({ step, message: "cannot be tried out" }));
  });

  test("every key in use is named, with the reason", () => {
    const settings = execSettings(
      "PrivateTmp=yes",
      "ProtectHome=yes",
      "PrivateNetwork=yes",
      "AmbientCapabilities=CAP_KILL",
    );
    const missing = missingFeatures(
      new Map([
        ["mounts", "Operation not permitted"],
        ["capabilities", "no"],
      ]),
    );
    expect(describeUnenforced(settings, missing)).toEqual([
      "PrivateTmp=, ProtectHome= are not enforced on this machine: Operation not permitted",
      "AmbientCapabilities= is not enforced on this machine: no",
    ]);
    expect(describeUnenforced(execSettings(), ALL_MISSING)).toEqual([]);
    expect(describeUnenforced(settings, NOTHING_MISSING)).toEqual([]);
  });

  test("a machine says each thing it lacks", () => {
    expect(describeMissing(NOTHING_MISSING)).toEqual([]);
    expect(describeMissing(ALL_MISSING)).toHaveLength(FEATURES.length);
    expect(
      describeMissing(
        missingFeatures(
          new Map([
            ["network", "x"],
            ["id", "probe"],
          ]),
        ),
      ),
    ).toEqual(["PrivateNetwork= is not enforced on this machine: x"]);
  });
});

describe("attributes", () => {
  const confined = { isConfined: true, missing: NOTHING_MISSING };

  test.each([
    ["CPUAffinity=0 2", { cpuAffinity: [0, 2] }],
    ["CPUSchedulingPolicy=batch", { cpuPolicy: 3, cpuPriority: 0 }],
    ["CPUSchedulingResetOnFork=yes", { cpuPolicy: 0x40000000 }],
    ["IOSchedulingClass=idle", { ioPriority: (3 << 13) | 4 }],
    ["TimerSlackNSec=5", { timerSlackNs: 5 }],
    ["Personality=x86", { personality: 8 }],
    ["CapabilityBoundingSet=CAP_KILL", { capabilityBounding: 32n }],
    ["AmbientCapabilities=CAP_KILL", { capabilityAmbient: 32n }],
    ["SecureBits=noroot", { secureBits: 1 }],
  ])("%s", (line, expected) => {
    expect(attributesOf(execSettings(line), confined)).toEqual(expect.objectContaining(expected));
  });

  test("a plain unit has none", () => {
    expect(attributesOf(execSettings(), confined)).toBeUndefined();
  });

  test("a + command keeps its capabilities and takes the rest", () => {
    const settings = execSettings("CapabilityBoundingSet=", "Personality=x86");
    expect(attributesOf(settings, { ...confined, isConfined: false })).toEqual({ personality: 8 });
  });

  test("what the machine does not let it drop is left", () => {
    expect(
      attributesOf(execSettings("CapabilityBoundingSet="), { ...confined, missing: ALL_MISSING }),
    ).toBeUndefined();
  });
});

test("a + command is protected from nothing, and shown what the unit is", () => {
  const settings = unprotected(
    execSettings(
      "PrivateTmp=yes",
      "PrivateDevices=yes",
      "ProtectSystem=strict",
      "ProtectProc=invisible",
      "InaccessiblePaths=/a",
      "NoExecPaths=/b",
      "PrivateUsers=yes",
      "ProtectHostname=yes",
      "PrivateNetwork=yes",
      "BindPaths=/c",
      "TemporaryFileSystem=/d",
    ),
  );
  const { shared, hostname, users, mounts } = sandboxOf(settings, PLACE, NOTHING_MISSING) ?? {};
  expect({ shared, hostname, users }).toEqual({ shared: ["net"], hostname: false, users: false });
  expect(mounts?.entries.map(({ path }) => path)).toEqual(["/c", "/d"]);
  const plain = unprotected(execSettings("PrivateTmp=yes", "ProtectHome=yes"));
  expect(sandboxOf(plain, PLACE, NOTHING_MISSING)).toBeUndefined();
});
