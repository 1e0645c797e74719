import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KvEntry } from "#api/store-bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import { sameVariables, toVariables } from "./environment.ts";

function entry(key: string, value: string): KvEntry {
  return { key, value, bytes: value.length, revision: "2", createRevision: "2", version: 1 };
}

const plain = { prefix: "", upcase: false };

describe("keys as variables", () => {
  test.each([
    ["web/", "web/port", "port", "the prefix is no part of the name"],
    ["web", "web/port", "port", "nor is the slash behind it"],
    ["", "db/main-1/host", "db_main_1_host", "what no name may hold is an underscore"],
    ["", "9lives", "_9lives", "no name begins with a digit"],
  ])("prefix %j, key %j: %j, since %s", (prefix, key, name) => {
    expect(toVariables([entry(key, "v")], { prefix, upcase: false })).toEqual({ [name]: "v" });
  });

  test("may be in capitals", () => {
    expect(toVariables([entry("db/host", "h")], { prefix: "", upcase: true })).toEqual({ DB_HOST: "h" });
  });

  test("leave out the key that the prefix is", () => {
    expect(toVariables([entry("web", "x")], { prefix: "web", upcase: false })).toEqual({});
  });

  test("are refused where two come to one name", () => {
    expect(() => toVariables([entry("a/b", "1"), entry("a_b", "2")], plain)).toThrow(
      "the keys a/b and a_b both become the variable a_b",
    );
  });

  test("are refused where a value is no text or has a zero byte", () => {
    const bytes: KvEntry = { key: "k", base64: "/w==", revision: "2", createRevision: "2", version: 1 };
    expect(() => toVariables([bytes], plain)).toThrow(FlotillaError);
    expect(() => toVariables([entry("k", "a\0b")], plain)).toThrow("no environment variable");
  });

  test("are names that every shell takes, whatever the keys are", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (key) => {
        const names = Object.keys(toVariables([entry(key, "v")], plain));
        return names.every((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
      }),
    );
  });
});

test("environments are the same only with the same names and values", () => {
  expect(sameVariables({ a: "1", b: "2" }, { b: "2", a: "1" })).toBe(true);
  expect(sameVariables({ a: "1" }, { a: "2" })).toBe(false);
  expect(sameVariables({ a: "1" }, { a: "1", b: "2" })).toBe(false);
  expect(sameVariables({ a: "1" }, { b: "1" })).toBe(false);
});
