import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isStoreKey, keys, PREFIX, parseKey, ranges } from "./keys.ts";

const machine = fc.stringMatching(/^[0-9a-f]{32}$/);
const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
/** What systemd allows in a unit's name: no slash. */
const unit = fc.stringMatching(/^[A-Za-z0-9:_.\\@-]{1,40}\.service$/);

describe("keys", () => {
  test("are taken apart into what they were built from", () => {
    fc.assert(
      fc.property(machine, unit, hash, (m, u, h) => {
        expect(parseKey(keys.machine(m))).toEqual({ kind: "machine", first: m, second: "" });
        expect(parseKey(keys.machineConfig(m))).toEqual({ kind: "machine-config", first: m, second: "" });
        expect(parseKey(keys.file(h))).toEqual({ kind: "file", first: h, second: "" });
        expect(parseKey(keys.unit(u))).toEqual({ kind: "unit", first: u, second: "" });
        expect(parseKey(keys.outcome(u))).toEqual({ kind: "outcome", first: u, second: "" });
        expect(parseKey(keys.assignment(m, u))).toEqual({ kind: "assignment", first: m, second: u });
        expect(parseKey(keys.state(m, u))).toEqual({ kind: "state", first: m, second: u });
      }),
    );
  });

  test("without a name are their kind alone", () => {
    expect(parseKey(keys.cluster())).toEqual({ kind: "cluster", first: "", second: "" });
    expect(parseKey(keys.engine())).toEqual({ kind: "engine", first: "", second: "" });
  });

  test("are different for different things", () => {
    fc.assert(
      fc.property(machine, unit, unit, (m, a, b) => {
        fc.pre(a !== b);
        const all = [a, b].flatMap((u) => [
          keys.unit(u),
          keys.outcome(u),
          keys.assignment(m, u),
          keys.state(m, u),
        ]);
        expect(new Set(all).size).toBe(all.length);
      }),
    );
  });

  test("lie in the ranges they belong to, and in no other", () => {
    fc.assert(
      fc.property(machine, machine, unit, (m, other, u) => {
        expect(keys.assignment(m, u).startsWith(ranges.assignments(m))).toBe(true);
        expect(keys.assignment(m, u).startsWith(ranges.assignments(other))).toBe(m === other);
        expect(keys.state(m, u).startsWith(ranges.states(m))).toBe(true);
        expect(keys.unit(u).startsWith(ranges.units)).toBe(true);
        expect(keys.machineConfig(m).startsWith(keys.machine(""))).toBe(false);
        expect(keys.unit(u).startsWith(ranges.all)).toBe(true);
      }),
    );
  });

  test("of events sort by their time", () => {
    const time = fc.integer({ min: 0, max: 1e14 });
    fc.assert(
      fc.property(time, time, (one, other) => {
        fc.pre(one !== other);
        expect(keys.event(one, "b") < keys.event(other, "a")).toBe(one < other);
      }),
    );
  });
});

describe("parseKey", () => {
  test("leaves alone what is no part of the layout", () => {
    for (const key of [
      "",
      "/",
      "/other",
      PREFIX,
      `${PREFIX}kv/unit/a`,
      `${PREFIX}units/a`,
      "flotilla/v1/unit/a",
    ])
      expect(parseKey(key), key).toBe(undefined);
  });

  test("takes any text without throwing", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseKey(text)).toBe(undefined);
        const parsed = parseKey(PREFIX + text);
        expect(parsed === undefined || (PREFIX + text).startsWith(PREFIX + parsed.kind)).toBe(true);
      }),
    );
  });
});

describe("what belongs to the store's own members", () => {
  const machine = "0".repeat(32);
  test.each([
    [keys.store(), true],
    [keys.unit("flotilla-etcd@m1.service"), true],
    [keys.assignment(machine, "flotilla-etcd@m1.service"), true],
    [keys.state(machine, "flotilla-etcd@m1.service"), true],
    [keys.unit("web.service"), false],
    [keys.cluster(), false],
    [keys.kv("store"), false],
    [keys.machine("flotilla-etcd@m1.service"), false],
    ["store", false],
  ])("%s: %s", (key, belongs) => {
    expect(isStoreKey(key)).toBe(belongs);
  });
});
