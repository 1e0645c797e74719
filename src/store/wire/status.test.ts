import { describe, expect, test } from "vitest";
import { CompactedError, StoreError } from "../store.ts";
import { errorOf, errorTrailers } from "./status.ts";

describe("the status of a call", () => {
  test.each(["not-found", "unavailable", "failed-precondition", "unknown"] as const)(
    "%s is what it was on the other side",
    (status) => {
      const read = errorOf(errorTrailers(new StoreError(status, "50 % of “it”\nis away")));
      expect([read?.status, read?.message]).toEqual([status, "50 % of “it”\nis away"]);
    },
  );

  test.each(["raft: stopped", "raft proposal dropped"])("%s means that the member is away", (text) => {
    expect(errorOf({ "grpc-status": "2", "grpc-message": text })).toMatchObject({
      status: "unavailable",
      retryable: true,
    });
  });

  test("other words without a status are a refusal", () => {
    expect(errorOf({ "grpc-status": "2", "grpc-message": "raft: what else" })?.retryable).toBe(false);
    expect(errorOf({})?.message).toBe("the store ended the call without a status");
  });

  test("a compacted revision is told by its text, and success is no error", () => {
    expect(errorOf(errorTrailers(new CompactedError(5n)))).toBeInstanceOf(CompactedError);
    expect(errorOf({ "grpc-status": "0" })).toBeUndefined();
  });
});
