import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SentDescriptor } from "../shim/protocol.ts";
import type { ServiceAction } from "./state.ts";
import { Paper } from "./testing.ts";

const STORE = "FileDescriptorStoreMax=3";

function up(...lines: readonly string[]): Paper {
  const paper = new Paper(...lines, "ExecStart=/bin/x");
  paper.up();
  return paper;
}

function send(paper: Paper, fds: readonly SentDescriptor[], text: string): void {
  paper.send({ kind: "notify", pid: 101, uid: 0, run: 1, text, fds });
}

function names(paper: Paper): readonly string[] {
  return paper.state.stored.map(({ fd, name }) => `${fd} ${name}`);
}

function closed(actions: readonly ServiceAction[]): readonly number[] {
  return actions.flatMap((action) => (action.kind === "close-descriptors" ? action.fds : []));
}

describe("FDSTORE=1", () => {
  test("puts the last before those that were there", () => {
    const paper = up(STORE);
    paper.notifyWith([1, 2], 1, "FDSTORE=1", "FDNAME=a");
    paper.notifyWith([3], 1, "FDSTORE=1");
    expect(names(paper)).toEqual(["3 stored", "2 a", "1 a"]);
  });

  test("has the hang-up told, unless FDPOLL=0", () => {
    const paper = up(STORE);
    paper.notifyWith([1], 1, "FDSTORE=1");
    expect(paper.kinds()).toEqual(["poll-descriptor"]);
    paper.notifyWith([2], 1, "FDSTORE=1", "FDPOLL=0");
    expect(paper.kinds()).toEqual([]);
  });

  test("keeps what is there already as it is", () => {
    const paper = up(STORE);
    paper.notifyWith([1], 1, "FDSTORE=1", "FDNAME=a");
    send(paper, [{ fd: 2, same: [1] }], "FDSTORE=1\nFDNAME=b");
    expect(names(paper)).toEqual(["1 a"]);
    expect(closed(paper.actions)).toEqual([2]);
  });

  test("keeps what is the same as one that is dropped at this moment", () => {
    const paper = up(STORE);
    paper.notifyWith([1], 1, "FDSTORE=1", "FDNAME=a");
    paper.notify(1, "FDSTOREREMOVE=1", "FDNAME=a");
    send(paper, [{ fd: 2, same: [1] }], "FDSTORE=1");
    expect(names(paper)).toEqual(["2 stored"]);
  });

  test("beyond FileDescriptorStoreMax= closes the rest", () => {
    const paper = up(STORE);
    paper.notifyWith([1, 2, 3, 4, 5], 1, "FDSTORE=1");
    expect(names(paper)).toEqual(["3 stored", "2 stored", "1 stored"]);
    expect(closed(paper.actions)).toEqual([4, 5]);
    expect(paper.lines().at(-1)).toMatch(/Cannot store more fds than 3 /);
  });

  test("without FileDescriptorStoreMax= stores nothing", () => {
    const paper = up("NotifyAccess=main");
    paper.notifyWith([1], 1, "FDSTORE=1");
    expect(names(paper)).toEqual([]);
    expect(closed(paper.actions)).toEqual([1]);
  });

  test("of somebody who is not listened to is closed", () => {
    const paper = up(STORE);
    paper.notifyWith([1], undefined, "FDSTORE=1");
    expect(closed(paper.actions)).toEqual([1]);
  });

  test.each(["of:two", "tab\there", "ä", "x".repeat(256)])("with FDNAME=%s has the default name", (name) => {
    const paper = up(STORE);
    paper.notifyWith([1], 1, "FDSTORE=1", `FDNAME=${name}`);
    expect(names(paper)).toEqual(["1 stored"]);
    expect(paper.lines()).toEqual(["a.service: Passed FDNAME= name is invalid, ignoring."]);
  });
});

describe("what is stored is dropped", () => {
  test("by FDSTOREREMOVE=1, all of a name", () => {
    const paper = up(STORE);
    paper.notifyWith([1, 2], 1, "FDSTORE=1", "FDNAME=a");
    paper.notifyWith([3], 1, "FDSTORE=1", "FDNAME=b");
    paper.notify(1, "FDSTOREREMOVE=1", "FDNAME=a");
    expect(names(paper)).toEqual(["3 b"]);
    expect(closed(paper.actions)).toEqual([2, 1]);
  });

  test("by FDSTOREREMOVE=1 only with a name", () => {
    const paper = up(STORE);
    paper.notifyWith([1], 1, "FDSTORE=1");
    paper.notify(1, "FDSTOREREMOVE=1");
    expect(names(paper)).toEqual(["1 stored"]);
    expect(paper.lines()).toHaveLength(1);
  });

  test("when it hangs up; what hung up before is nothing", () => {
    const paper = up(STORE);
    paper.notifyWith([1, 2], 1, "FDSTORE=1");
    paper.send({ kind: "hangup", fd: 1 });
    expect([names(paper), closed(paper.actions)]).toEqual([["2 stored"], [1]]);
    paper.send({ kind: "hangup", fd: 1 });
    expect(paper.actions).toEqual([]);
  });

  test("with the shim that held it", () => {
    const paper = up(STORE);
    paper.notifyWith([1], 1, "FDSTORE=1");
    paper.send({ kind: "lost", reason: "gone" });
    expect(names(paper)).toEqual([]);
  });
});

describe("what is stored at the end of a run", () => {
  function ended(...lines: readonly string[]): Paper {
    const paper = up(STORE, ...lines);
    paper.notifyWith([1], 1, "FDSTORE=1");
    paper.gone(1, { code: 0 });
    return paper;
  }

  test("keeps the shim until no job is queued", () => {
    const paper = ended();
    expect([paper.state.sub, names(paper)]).toEqual(["dead", ["1 stored"]]);
    expect(paper.kinds()).not.toContain("release");
    paper.send({ kind: "unneeded" });
    expect(paper.kinds()).toEqual(["close-descriptors", "release"]);
    expect(names(paper)).toEqual([]);
  });

  test("is there in the run that follows by itself", () => {
    const paper = ended("Restart=always");
    expect(paper.state.sub).toBe("auto-restart");
    paper.send({ kind: "unneeded" });
    paper.restart();
    expect(names(paper)).toEqual(["1 stored"]);
  });

  test("is dropped at once with FileDescriptorStorePreserve=no", () => {
    const paper = ended("Restart=always", "FileDescriptorStorePreserve=no");
    expect([paper.state.sub, names(paper)]).toEqual(["auto-restart", []]);
  });

  test("stays with FileDescriptorStorePreserve=yes", () => {
    const paper = ended("FileDescriptorStorePreserve=yes");
    paper.send({ kind: "unneeded" });
    expect(paper.actions).toEqual([]);
    expect(names(paper)).toEqual(["1 stored"]);
    paper.send({ kind: "unloaded" });
    expect(paper.kinds()).toEqual(["close-descriptors", "release"]);
  });

  test("holds no shim after the last of it has hung up", () => {
    const paper = ended("FileDescriptorStorePreserve=yes");
    paper.send({ kind: "hangup", fd: 1 });
    expect(paper.kinds()).toEqual(["close-descriptors", "release"]);
  });
});

test("whatever a service sends, each descriptor is either stored or closed, and there are never too many", () => {
  const message = fc.record({
    count: fc.integer({ min: 0, max: 5 }),
    run: fc.constantFrom(1, undefined),
    lines: fc.subarray(["FDSTORE=1", "FDSTOREREMOVE=1", "FDNAME=a", "FDPOLL=0"]),
  });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
      const paper = up(STORE);
      let last = 0;
      for (const { count, run, lines } of messages) {
        const before = paper.state.stored.map(({ fd }) => fd);
        const sent = lines.includes("FDSTORE=1") ? Array.from({ length: count }, () => ++last) : [];
        paper.notifyWith(sent, run, ...lines);
        const stored = paper.state.stored.map(({ fd }) => fd);
        expect(stored.length).toBeLessThanOrEqual(3);
        const byNumber = (a: number, b: number): number => a - b;
        expect([...stored, ...closed(paper.actions)].sort(byNumber)).toEqual(
          [...before, ...sent].sort(byNumber),
        );
      }
    }),
  );
});
