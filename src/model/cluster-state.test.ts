import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClusterState, effectiveMetadata, nameOfMachine } from "./cluster-state.ts";
import { keys, PREFIX } from "./keys.ts";
import type { Assignment, MachineRecord, UnitRecord, UnitState } from "./records.ts";

const M1 = "1".repeat(32);
const M2 = "2".repeat(32);
const FILE = "f".repeat(64);
const UNIT: UnitRecord = { file: FILE, desired: "launched", launch: 1, changedMs: 5, history: [] };
const ASSIGNMENT: Assignment = { file: FILE, desired: "launched", launch: 1, reason: "r", assignedMs: 5 };
const STATE: UnitState = {
  load: "loaded",
  active: "active",
  sub: "running",
  result: "success",
  file: FILE,
  launch: 1,
  sinceMs: 5,
  restarts: 0,
};

function machine(id: string, metadata: Record<string, string> = {}): MachineRecord {
  return {
    id,
    instance: "i",
    name: `node-${id[0]}`,
    address: "192.0.2.1",
    api: "http://192.0.2.1:1",
    metadata,
    capacity: { cpuMillis: 1, memoryBytes: 1 },
    version: "0",
    supervisor: "fake",
    notEnforced: [],
    hasStore: false,
    startedMs: 0,
    bootId: "b",
    leaseTtlS: 5,
  };
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

function stateOf(...changes: readonly (readonly [string, unknown])[]): ClusterState {
  const state = new ClusterState();
  for (const [key, value] of changes) state.apply({ key, value: bytes(value) });
  return state;
}

describe("ClusterState", () => {
  test("has each value under what its key names", () => {
    const state = stateOf(
      [keys.cluster(), { id: "c", name: "n", createdMs: 1 }],
      [keys.engine(), { machine: M1, instance: "i", electedMs: 2 }],
      [keys.machine(M1), machine(M1)],
      [keys.machineConfig(M1), { cordoned: true }],
      [keys.unit("a.service"), UNIT],
      [keys.file(FILE), "[Service]\n"],
      [keys.assignment(M1, "a.service"), ASSIGNMENT],
      [keys.state(M1, "a.service"), STATE],
      [keys.outcome("a.service"), { launch: 1, file: FILE, machine: M1, finishedMs: 3 }],
    );
    expect(state.cluster?.id).toBe("c");
    expect(state.engine?.machine).toBe(M1);
    expect(state.machines.get(M1)).toEqual(machine(M1));
    expect(state.machineConfigs.get(M1)).toEqual({ cordoned: true, metadata: {} });
    expect(state.units.get("a.service")).toEqual(UNIT);
    expect(state.files.get(FILE)).toBe("[Service]\n");
    expect(state.assignments.get(M1)?.get("a.service")).toEqual(ASSIGNMENT);
    expect(state.states.get(M1)?.get("a.service")).toEqual(STATE);
    expect(state.outcomes.get("a.service")?.launch).toBe(1);
    expect([...state.faults]).toEqual([]);
  });

  test("says which kind of thing changed, and nothing for keys that are none of its own", () => {
    const state = new ClusterState();
    expect(state.apply({ key: keys.unit("a.service"), value: bytes(UNIT) })).toBe("unit");
    expect(state.apply({ key: keys.unit("a.service"), value: undefined })).toBe("unit");
    expect(state.apply({ key: keys.event(1, "x"), value: bytes({}) })).toBe("event");
    expect(state.apply({ key: `${PREFIX}kv/mine`, value: bytes("x") })).toBe(undefined);
  });

  test("forgets a machine's map with its last unit, so that a machine without units is not one with some", () => {
    const state = stateOf(
      [keys.assignment(M1, "a.service"), ASSIGNMENT],
      [keys.assignment(M1, "b.service"), ASSIGNMENT],
    );
    state.apply({ key: keys.assignment(M1, "a.service"), value: undefined });
    expect(state.assignments.get(M1)?.size).toBe(1);
    state.apply({ key: keys.assignment(M1, "b.service"), value: undefined });
    expect(state.assignments.has(M1)).toBe(false);
    state.apply({ key: keys.assignment(M2, "b.service"), value: undefined });
    expect(state.assignments.has(M2)).toBe(false);
  });

  test("lists a value that cannot be read with the reason, and hides nothing else for it", () => {
    const state = stateOf(
      [keys.unit("good.service"), UNIT],
      [keys.unit("bad.service"), { ...UNIT, desired: "running" }],
      [keys.machine(M1), "{ this is no JSON"],
      [keys.state(M1, "good.service"), { ...STATE, file: "short" }],
    );
    expect([...state.units.keys()]).toEqual(["good.service"]);
    expect([...state.faults.keys()]).toEqual([
      keys.unit("bad.service"),
      keys.machine(M1),
      keys.state(M1, "good.service"),
    ]);
    expect(state.faults.get(keys.unit("bad.service"))).toMatch(/^desired: /);
    expect(state.faults.get(keys.state(M1, "good.service"))).toMatch(/SHA-256/);
  });

  test("a value that can no longer be read takes the place of the one that could", () => {
    const state = stateOf([keys.unit("a.service"), UNIT], [keys.unit("a.service"), "{}"]);
    expect(state.units.has("a.service")).toBe(false);
    expect(state.faults.has(keys.unit("a.service"))).toBe(true);
  });

  test("a fault goes with the value that caused it", () => {
    const state = stateOf([keys.unit("a.service"), "{}"], [keys.unit("b.service"), "{}"]);
    state.apply({ key: keys.unit("a.service"), value: bytes(UNIT) });
    state.apply({ key: keys.unit("b.service"), value: undefined });
    expect([...state.faults]).toEqual([]);
    expect([...state.units.keys()]).toEqual(["a.service"]);
  });

  test("never throws, whatever stands in the store", () => {
    const name = fc.constantFrom(
      "cluster",
      "engine",
      "machine/x",
      "unit/a",
      "state/m/u",
      "outcome/u",
      "event/1",
      "",
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.option(fc.uint8Array()))), (changes) => {
        const state = new ClusterState();
        for (const [key, value] of changes) state.apply({ key: PREFIX + key, value: value ?? undefined });
        expect(state.units.size + state.machines.size).toBe(0);
      }),
    );
  });
});

describe("effectiveMetadata", () => {
  test("is the machine's own with the operator's laid over it; null hides a key", () => {
    const own = machine(M1, { disk: "ssd", zone: "a", rack: "1" });
    const config = { metadata: { zone: "b", rack: null, colour: "red" }, cordoned: false };
    expect(effectiveMetadata(own, undefined)).toEqual({ disk: "ssd", zone: "a", rack: "1" });
    expect(effectiveMetadata(own, config)).toEqual({ disk: "ssd", zone: "b", colour: "red" });
    expect(own.metadata).toEqual({ disk: "ssd", zone: "a", rack: "1" });
  });
});

describe("nameOfMachine", () => {
  test("is the name it has, the one it last had, or the beginning of its ID", () => {
    const state = stateOf([keys.machine(M1), machine(M1)]);
    expect(nameOfMachine(state, M1)).toBe("node-1");
    state.apply({ key: keys.machine(M1), value: undefined });
    expect(nameOfMachine(state, M1)).toBe("node-1");
    expect(nameOfMachine(state, M2)).toBe("22222222");
  });
});
