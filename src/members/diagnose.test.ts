import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StoreMemberStatus } from "#model/store-status.ts";
import { diagnose, type Symptoms } from "./diagnose.ts";

function member(name: string, changes: Partial<StoreMemberStatus> = {}): StoreMemberStatus {
  return {
    id: name.padStart(16, "0"),
    name,
    machine: name,
    role: name === "m1" ? "leader" : "follower",
    clientUrls: [`http://${name}:2379`],
    peerUrls: [`http://${name}:2380`],
    answers: true,
    version: "3.4.23",
    dbBytes: 1_000,
    dbBytesInUse: 1_000,
    quotaBytes: 1_000_000,
    lag: 0,
    errors: [],
    ...changes,
  };
}

const dead = { answers: false, version: null, dbBytes: null, lag: null, role: "unknown" } as const;

function symptoms(members: readonly StoreMemberStatus[], changes: Partial<Symptoms> = {}): Symptoms {
  const voters = members.filter(({ role }) => role !== "learner");
  return {
    kind: "etcd",
    members: [...members],
    alarms: [],
    leader: members[0]?.id ?? null,
    encrypted: true,
    quorum: {
      voters: voters.length,
      answering: voters.filter(({ answers }) => answers).length,
      needed: Math.floor(voters.length / 2) + 1,
    },
    own: true,
    spareMachines: [],
    leavesLoopback: true,
    ...changes,
  };
}

const three = [member("m1"), member("m2"), member("m3")];

describe("a store of three members", () => {
  test("that are well has nothing to say", () => {
    expect(diagnose(symptoms(three))).toEqual([]);
  });

  test("of which one is dead says what it can still bear, and how to replace it", () => {
    const members = [member("m1"), member("m2"), member("m3", dead)];
    expect(diagnose(symptoms(members, { spareMachines: ["m4"] }))).toEqual([
      {
        grade: "danger",
        message:
          "member m3 does not answer; when one more is lost, nothing can be changed any more. If its machine does not come back, replace or remove it",
        commands: ["flotilla store replace m3 m4", "flotilla store remove m3"],
      },
    ]);
  });

  test("of which two are dead has lost its quorum, and says no less", () => {
    const members = [member("m1"), member("m2", dead), member("m3", dead)];
    const [first, ...others] = diagnose(symptoms(members, { leader: null }));
    expect(first).toMatchObject({
      grade: "failure",
      message: expect.stringContaining("quorum is lost: 1 of 3 members answer, 2 are needed"),
    });
    expect(first?.message).toContain("goes on by itself when 1 of m2, m3 can be reached again");
    expect(first?.commands.map((command) => command.split(" ").slice(0, 3).join(" "))).toEqual([
      "systemctl start flotilla",
      "journalctl -u flotilla",
      "flotilla store restore",
    ]);
    expect(first?.commands.at(-1)).toContain("only if they are gone for good");
    expect(others).toEqual([]);
  });

  test("of the user's own etcd that has lost its quorum names its own tools", () => {
    const members = [member("m1", dead), member("m2", dead), member("m3", dead)];
    const [first] = diagnose(symptoms(members, { leader: null, own: false }));
    expect(first?.message).toContain("when 2 of m1, m2, m3 can be reached again");
    expect(first?.commands.at(-1)).toMatch(/^etcdctl snapshot restore FILE {2}# only/);
  });

  test("that agree on no leader do not reach each other", () => {
    expect(diagnose(symptoms(three, { leader: null }))[0]).toMatchObject({
      grade: "failure",
      message: expect.stringContaining("have no leader"),
    });
  });

  test("of the user's own is told what etcdctl does", () => {
    const members = [member("m1"), member("m2"), member("m3", dead)];
    const [problem] = diagnose(symptoms(members, { own: false }));
    expect(problem?.commands).toEqual(["etcdctl member remove 00000000000000m3"]);
  });
});

describe("what members complain of", () => {
  test("a quota that is used up is told with how to free space", () => {
    const [problem, ...others] = diagnose(
      symptoms([member("m1", { errors: ["NOSPACE"] }), ...three.slice(1)], {
        alarms: [{ member: "00000000000000m1", alarm: "nospace" }],
      }),
    );
    expect(problem).toMatchObject({
      grade: "failure",
      message: expect.stringContaining("quota of m1 is used up"),
    });
    expect(problem?.commands).toContain("flotilla store defrag");
    expect(others).toEqual([]);
  });

  test("data that differs has its member replaced", () => {
    const alarms = [{ member: "00000000000000m2", alarm: "corrupt" as const }];
    expect(diagnose(symptoms(three, { alarms }))[0]?.commands).toEqual(["flotilla store replace m2 MACHINE"]);
  });

  test("anything else is passed on", () => {
    const [problem] = diagnose(symptoms([member("m1", { errors: ["disk is on fire"] }), ...three.slice(1)]));
    expect(problem?.message).toBe("member m1 says: disk is on fire");
  });
});

describe("advice", () => {
  test.each([
    [1, "one member survives no loss"],
    [2, "2 members survive no more losses than 1"],
    [4, "4 members survive no more losses than 3"],
  ])("on %d members: %s", (count, text) => {
    const members = Array.from({ length: count }, (_, index) => member(`m${index + 1}`));
    expect(diagnose(symptoms(members, { spareMachines: ["m9"] }))).toEqual([
      { grade: "advice", message: expect.stringContaining(text), commands: ["flotilla store add m9"] },
    ]);
  });

  test("on an embedded store is to promote it, where there are machines for it", () => {
    const embedded = symptoms([member("flotilla")], { kind: "embedded", spareMachines: ["m2", "m3"] });
    expect(diagnose(embedded)[0]?.commands).toEqual([
      "flotilla store promote",
      "flotilla store add m2",
      "flotilla store add m3",
    ]);
    expect(diagnose({ ...embedded, spareMachines: [] })).toEqual([]);
  });

  test("is nothing but what brings it back while it does not answer", () => {
    const away = symptoms([member("flotilla", dead)], { kind: "embedded", spareMachines: ["m2", "m3"] });
    expect(diagnose(away).map(({ grade }) => grade)).toEqual(["failure"]);
    const nowMs = Date.UTC(2026, 10, 23);
    const distrust = { nowMs, silence: [], own: { fromMs: nowMs + 1, toMs: nowMs + 2 } };
    expect(diagnose({ ...away, distrust }).map(({ message }) => message)).toEqual([
      expect.stringContaining("this machine's clock is wrong"),
    ]);
  });

  test("on different versions names each", () => {
    const members = [member("m1"), member("m2", { version: "3.5.9" }), member("m3")];
    expect(diagnose(symptoms(members))[0]?.message).toContain("m1 3.4.23, m2 3.5.9, m3 3.4.23");
  });

  test("on a store that is nearly full comes before it is", () => {
    const [problem] = diagnose(symptoms([member("m1", { dbBytes: 900_000 }), ...three.slice(1)]));
    expect(problem).toMatchObject({ grade: "danger", commands: ["flotilla store defrag"] });
  });

  test("on a learner that was left alone is to go on", () => {
    const members = [...three, member("m4", { role: "learner" })];
    expect(diagnose(symptoms(members))[0]?.commands).toEqual(["flotilla store add m4"]);
  });

  test("on plain connections is given only where they leave the computer", () => {
    const plain = symptoms(three, { encrypted: false });
    expect(diagnose(plain)[0]?.message).toContain("not encrypted");
    expect(diagnose({ ...plain, leavesLoopback: false })).toEqual([]);
  });
});

describe("whatever the members do", () => {
  const members = fc.array(
    fc.record({
      role: fc.constantFrom("leader", "follower", "learner", "unknown"),
      answers: fc.boolean(),
      errors: fc.array(fc.string()),
      lag: fc.option(fc.nat()),
    }),
    { minLength: 1, maxLength: 7 },
  );

  test("a lost quorum is the first thing told, and worse comes before better", () => {
    const order = ["failure", "danger", "advice"];
    fc.assert(
      fc.property(members, (found) => {
        const all = found.map((changes, index) => member(`m${index + 1}`, changes));
        const told = symptoms(all);
        const problems = diagnose(told);
        const isLost = told.quorum.answering < told.quorum.needed;
        if (isLost && problems[0]?.message.startsWith("quorum is lost") !== true) return false;
        const grades = problems.map(({ grade }) => order.indexOf(grade));
        return grades.every((grade, index) => index === 0 || grade >= (grades[index - 1] ?? 0));
      }),
    );
  });
});
