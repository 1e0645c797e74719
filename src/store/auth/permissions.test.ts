import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBytes } from "../keys.ts";
import type { KeyRange } from "../mvcc/key-range.ts";
import type { AuthState, Permission, User } from "./auth-state.ts";
import { covers, permits } from "./permissions.ts";

const range = (from: string, to?: string): KeyRange => ({ from, to });

describe("ranges cover another one", () => {
  test.for([
    ["the same", [range("a", "c")], range("a", "c"), true],
    ["a part of one", [range("a", "d")], range("b", "c"), true],
    ["two that touch", [range("b", "c"), range("a", "b")], range("a", "c"), true],
    ["two that overlap", [range("a", "c"), range("b", "d")], range("a", "d"), true],
    ["two with a gap", [range("a", "b"), range("c", "d")], range("a", "d"), false],
    ["one that begins too late", [range("b", "d")], range("a", "c"), false],
    ["one that ends too early", [range("a", "b")], range("a", "c"), false],
    ["one without an end", [range("a")], range("b", "zzz"), true],
    ["everything that follows, with an end", [range("a", "zzz")], range("b"), false],
    ["everything that follows, without one", [range("a")], range("b"), true],
    ["nothing at all", [], range("a", "b"), false],
    ["a range that is empty", [range("a", "z")], range("c", "b"), false],
    ["a range given backwards", [range("z", "a")], range("b", "c"), false],
  ] as const)("%s", ([, ranges, wanted, expected]) => {
    expect(covers(ranges, wanted)).toBe(expected);
  });

  test("exactly when they cover each of its keys", () => {
    const letters = "abcdefgh";
    const letter = fc.constantFrom(...letters);
    const anyRange = fc.tuple(letter, letter).map(([from, to]) => range(from, to));
    fc.assert(
      fc.property(fc.array(anyRange, { maxLength: 5 }), anyRange, (ranges, wanted) => {
        const keys = [...letters].filter((key) => key >= wanted.from && key < (wanted.to ?? ""));
        const each = keys.every((key) => ranges.some(({ from, to = "" }) => key >= from && key < to));
        expect(covers(ranges, wanted)).toBe(keys.length > 0 && each);
      }),
    );
  });
});

const permission = (kind: Permission["kind"], key: string, end = ""): Permission => ({
  kind,
  key: toBytes(key),
  rangeEnd: toBytes(end),
});

const user: User = { name: "u", password: toBytes(""), roles: ["r", "s", "gone"], noPassword: false };
const state: AuthState = {
  enabled: true,
  revision: 1n,
  users: new Map([["u", user]]),
  roles: new Map([
    ["r", { name: "r", permissions: [permission("read", "a", "c"), permission("readwrite", "both")] }],
    ["s", { name: "s", permissions: [permission("read", "c", "e"), permission("write", "x", "\0")] }],
  ]),
};
const may = (access: "read" | "write", key: string, end?: string): boolean =>
  permits(state, user, access, { key: toBytes(key), rangeEnd: end === undefined ? undefined : toBytes(end) });

describe("a user may", () => {
  test("read what any of the roles lets be read, across them too", () => {
    expect(may("read", "a", "e")).toBe(true);
    expect(may("read", "a", "f")).toBe(false);
    expect(may("read", "d")).toBe(true);
  });

  test("not write what may only be read, nor the other way round", () => {
    expect(may("write", "a")).toBe(false);
    expect(may("read", "x")).toBe(false);
    expect(may("write", "x")).toBe(true);
  });

  test("do both where both are granted, for that key alone", () => {
    expect([may("read", "both"), may("write", "both")]).toEqual([true, true]);
    expect(may("write", "both2")).toBe(false);
    expect(may("write", "both", "both2")).toBe(false);
  });

  test("do everything from a key on where the permission has no end", () => {
    expect(may("write", "y", "\0")).toBe(true);
    expect(may("write", "w", "\0")).toBe(false);
    expect(may("write", "zz", "zzz")).toBe(true);
  });

  test("do everything with root's role", () => {
    const root = { ...user, roles: ["root"] };
    expect(permits(state, root, "write", { key: toBytes("\0"), rangeEnd: toBytes("\0") })).toBe(true);
  });
});
