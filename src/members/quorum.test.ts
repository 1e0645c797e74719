import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StoreMemberStatus, StoreStatus } from "#model/store-status.ts";
import { adviceOn, checkAdding, checkRemoving, neededOf } from "./quorum.ts";

/** Members by name, each with whether it answers. */
function status(members: Readonly<Record<string, boolean>>): StoreStatus {
  const all = Object.entries(members).map(
    ([name, answers]): StoreMemberStatus => ({
      ...{ id: name, name, machine: null, role: "follower", clientUrls: [], peerUrls: [], answers },
      ...{ version: null, dbBytes: null, dbBytesInUse: null, quotaBytes: null, lag: null, errors: [] },
    }),
  );
  const answering = all.filter(({ answers }) => answers).length;
  return {
    kind: "etcd",
    clusterId: "c",
    access: { endpoints: ["http://a:1"], user: null },
    encrypted: false,
    revision: null,
    compactRevision: null,
    leader: null,
    quorum: { voters: all.length, answering, needed: neededOf(all.length) },
    alarms: [],
    members: all,
    problems: [],
  };
}

describe("removing a member", () => {
  test.each<[string, Record<string, boolean>, string]>([
    ["a", { a: true, b: true, c: true }, "two of two are left"],
    ["c", { a: true, b: true, c: false }, "the dead one is no loss"],
    ["a", { a: true, b: true }, "one is a quorum of one"],
    ["e", { a: true, b: true, c: true, d: false, e: false }, "three of four are left"],
  ])("%s of %j is safe: %s", (id, members) => {
    expect(() => checkRemoving(id, status(members))).not.toThrow();
  });

  test("that answers is refused where the rest would have no quorum, with who is missing", () => {
    expect(() => checkRemoving("a", status({ a: true, b: true, c: false }))).toThrow(
      "without a the store would lose its quorum: of the 2 members left 1 answer, 2 are needed",
    );
  });

  test("is refused for the last one", () => {
    expect(() => checkRemoving("a", status({ a: true }))).toThrow("a is the only member");
  });

  test("is refused without a quorum, since nothing can be decided", () => {
    expect(() => checkRemoving("a", status({ a: false, b: false, c: true }))).toThrow("has no quorum");
  });

  test("never leaves too few, whoever answers", () => {
    const members = fc.dictionary(fc.constantFrom(..."abcdefg"), fc.boolean(), { minKeys: 1 });
    fc.assert(
      fc.property(members, (found) => {
        for (const id of Object.keys(found)) {
          try {
            checkRemoving(id, status(found));
          } catch {
            continue;
          }
          const rest = Object.entries(found).filter(([name]) => name !== id);
          if (rest.filter(([, answers]) => answers).length < neededOf(rest.length)) return false;
        }
        return true;
      }),
    );
  });
});

describe("adding a member", () => {
  test("needs a quorum", () => {
    expect(() => checkAdding(status({ a: true, b: false }))).toThrow("has no quorum");
    expect(() => checkAdding(status({ a: true, b: true, c: false }))).not.toThrow();
  });

  test("has an end", () => {
    const seven = Object.fromEntries([..."abcdefg"].map((name) => [name, true]));
    expect(() => checkAdding(status(seven))).toThrow("the store has 7 members, which is enough");
  });
});

test("even numbers are advised against, odd ones but the first are not", () => {
  expect([1, 2, 3, 4, 5].map((count) => adviceOn(count) === undefined)).toEqual([
    false,
    false,
    true,
    false,
    true,
  ]);
});
