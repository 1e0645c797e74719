import { expect, test } from "vitest";
import { StoreError } from "#store/store.ts";
import { describeFailure } from "./answer-error.ts";

test("a store that does not let this machine in is named as that, with what it said and what to type", () => {
  const said = "the certificate of machine m2 has expired: it ended 2026-11-01, here it is 2026-11-23";
  expect(describeFailure(new StoreError("unauthenticated", said))).toMatchObject({
    code: "store-unavailable",
    message: "the store refuses this machine",
    causes: [said],
    hint: expect.stringContaining("flotilla store status"),
  });
});

test.each([
  ["unavailable", "connection lost", "store-unavailable"],
  ["resource-exhausted", "etcdserver: mvcc: database space exceeded", "disk-full"],
  ["resource-exhausted", "too many requests", "limit-exceeded"],
  ["invalid-argument", "key is not provided", "internal"],
] as const)("what a store answers has a code of ours: %s, %s", (status, message, code) => {
  expect(describeFailure(new StoreError(status, message)).code).toBe(code);
});
