import { describe, expect, test } from "vitest";
import { CompactedError, StoreError } from "../store.ts";
import { connectionLost, tooLate, UnsentError } from "./errors.ts";
import { type FailedCall, retryOf } from "./retry.ts";

const read: FailedCall = { kind: "read", tries: 1, members: 3, mayRenewToken: true };
const write: FailedCall = { ...read, kind: "write" };
const unsent = new UnsentError("the store cannot be reached");
const badToken = new StoreError("unauthenticated", "etcdserver: invalid auth token");
const oldUsers = new StoreError("invalid-argument", "etcdserver: revision of auth store is old");
const noLeader = new StoreError("unavailable", "etcdserver: no leader");
const refused = new StoreError("invalid-argument", "etcdserver: key is not provided");

describe("a call that failed", () => {
  test.each([
    ["is made again when it was never sent, also a write", unsent, write, "again"],
    ["is made again when it only reads and the connection was lost", connectionLost(), read, "again"],
    ["is made again when it only reads and no answer came", tooLate("no answer", 5), read, "again"],
    ["is made again when it only reads and its member has no leader", noLeader, read, "again"],
    ["is given up when it writes and nobody knows what became of it", connectionLost(), write, "give-up"],
    ["is given up when it writes and no answer came", tooLate("no answer", 5), write, "give-up"],
    ["is given up when it writes and its member has no leader", noLeader, write, "give-up"],
    ["is given up when the store refused it", refused, read, "give-up"],
    ["is given up when what it reads was compacted", new CompactedError(5n), read, "give-up"],
    ["is given up when its caller gave it up", new Error("enough"), read, "give-up"],
    ["is given up when every member has failed it", connectionLost(), { ...read, tries: 4 }, "give-up"],
    ["is given up when it could not be sent to any member", unsent, { ...write, tries: 4 }, "give-up"],
    ["is made with a new token when the store does not know the old one", badToken, write, "with-new-token"],
    ["is made with a new token when users have changed since", oldUsers, write, "with-new-token"],
    ["is given up when a new token did not help", badToken, { ...write, mayRenewToken: false }, "give-up"],
  ] as const)("%s", (_, error, failed, expected) => {
    expect(retryOf(error, failed)).toBe(expected);
  });

  test("is made again by a client of one member once, for a connection that had died unnoticed", () => {
    const one = { ...read, members: 1 };
    expect([retryOf(connectionLost(), one), retryOf(connectionLost(), { ...one, tries: 2 })]).toEqual([
      "again",
      "give-up",
    ]);
  });
});
