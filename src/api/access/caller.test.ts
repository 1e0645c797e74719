import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PERSON_ROLES } from "#model/token-roles.ts";
import { type Caller, describeCaller, formatCaller, type KnownCaller, parseCaller } from "./caller.ts";

const known: fc.Arbitrary<KnownCaller> = fc.oneof(
  fc.constant({ kind: "local" as const }),
  fc.record({
    kind: fc.constant("machine" as const),
    id: fc.string(),
    name: fc.string({ unit: "grapheme" }),
  }),
  fc.record({
    kind: fc.constant("person" as const),
    name: fc.string({ unit: "grapheme" }),
    role: fc.constantFrom(...PERSON_ROLES),
    by: fc.constantFrom("certificate" as const, "token" as const),
  }),
);

describe("a caller in a header", () => {
  test("comes back as it was, in characters that a header may have", () => {
    fc.assert(
      fc.property(known, (caller) => {
        const text = formatCaller(caller);
        expect(text).toMatch(/^[\x21-\x7e]*$/);
        expect(parseCaller(text)).toEqual(caller);
      }),
    );
  });

  test("is believed of no text that somebody else might have made", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseCaller(text)).toBeUndefined();
      }),
    );
  });

  test.each<Caller>([
    { kind: "nobody" },
    { kind: "unchecked" },
    { kind: "nobody", why: new Error("secret") },
  ])("that nobody vouches for is nobody there, too: %j", (caller) => {
    expect(parseCaller(formatCaller(caller))).toBeUndefined();
    expect(formatCaller(caller)).not.toContain("secret");
  });
});

test.each<[Caller, string]>([
  [{ kind: "local" }, "local socket"],
  [{ kind: "machine", id: "1", name: "m1" }, "machine m1"],
  [{ kind: "person", name: "alice", role: "admin", by: "certificate" }, "alice"],
  [{ kind: "person", name: "ci", role: "operator", by: "token" }, "ci (token)"],
  [{ kind: "unchecked" }, "not checked"],
  [{ kind: "nobody" }, "nobody"],
])("%j is called %s in the audit log", (caller, text) => {
  expect(describeCaller(caller)).toBe(text);
});
