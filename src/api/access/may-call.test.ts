import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import { PERSON_ROLES } from "#model/token-roles.ts";
import type { Caller } from "./caller.ts";
import { mayCall, NEEDS, roleOf } from "./may-call.ts";

const person = fc.record({
  kind: fc.constant("person" as const),
  name: fc.string(),
  role: fc.constantFrom(...PERSON_ROLES),
  by: fc.constantFrom("certificate" as const, "token" as const),
});
const others: Caller[] = [
  { kind: "local" },
  { kind: "unchecked" },
  { kind: "machine", id: "1", name: "m1" },
  { kind: "nobody" },
  { kind: "nobody", why: new FlotillaError("not-authenticated", "expired") },
];
const caller: fc.Arbitrary<Caller> = fc.oneof(person, fc.constantFrom(...others));
const need = fc.constantFrom(...NEEDS);

function refusal(of: Caller, what: (typeof NEEDS)[number]): Error {
  const verdict = mayCall(of, what);
  if (verdict.allowed) throw new Error("it was allowed");
  return verdict.error;
}

describe("whoever calls", () => {
  test("may do what needs nothing, and nobody anything else", () => {
    fc.assert(
      fc.property(caller, need, (who, what) => {
        if (what === "nothing") expect(mayCall(who, what).allowed).toBe(true);
        else if (who.kind === "nobody") expect(mayCall(who, what).allowed).toBe(false);
      }),
    );
  });

  test("that may do something may do all that needs less", () => {
    fc.assert(
      fc.property(caller, need, need, (who, one, other) => {
        const [less = one, more = one] = [one, other].toSorted((a, b) => NEEDS.indexOf(a) - NEEDS.indexOf(b));
        if (mayCall(who, more).allowed) expect(mayCall(who, less).allowed).toBe(true);
      }),
    );
  });

  test("may do what needs its own role", () => {
    fc.assert(
      fc.property(caller, (who) => {
        const role = roleOf(who);
        if (role !== undefined) expect(mayCall(who, role).allowed).toBe(true);
      }),
    );
  });

  test("is told who it is, what it needs, and who can help", () => {
    const error = refusal({ kind: "person", name: "vera", role: "viewer", by: "token" }, "admin");
    expect(error).toMatchObject({
      code: "not-permitted",
      message: "this needs the role admin, and vera is a viewer",
      hint: "an admin makes a token with more: flotilla token create --role admin",
    });
    expect(refusal({ kind: "machine", id: "1", name: "m1" }, "operator").message).toContain("m1 is a viewer");
  });

  test("with something that is not good is told what is wrong with it", () => {
    const why = new FlotillaError("not-authenticated", "expired");
    expect(refusal({ kind: "nobody", why }, "viewer")).toBe(why);
    expect(refusal({ kind: "nobody" }, "viewer")).toMatchObject({ code: "not-authenticated" });
  });
});
