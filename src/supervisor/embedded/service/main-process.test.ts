import { describe, expect, test } from "vitest";
import { Paper } from "./testing.ts";

/** A forking service whose command has ended, and has left processes or not. */
function forked(last: boolean, ...lines: readonly string[]): Paper {
  const paper = new Paper("Type=forking", "PIDFile=/run/a.pid", "ExecStart=/bin/x", ...lines);
  paper.send({ kind: "start" });
  paper.started(1);
  paper.exited(1, { code: 0 }, { last });
  return paper;
}

describe("a PID file that is waited for", () => {
  test("may name any process where it is root's, and the unit's own where it is not", () => {
    const paper = forked(false);
    paper.send({ kind: "named", pid: 88 });
    expect(paper.actions).toEqual([{ kind: "watch", run: 2, pid: 88, foreign: true }]);
    paper.send({ kind: "named", pid: 89, distrust: "owner" });
    expect(paper.actions).toEqual([{ kind: "watch", run: 2, pid: 89, foreign: false }]);
  });

  test.each([
    ["gone", undefined, "New main PID 88 does not exist or is a zombie."],
    [
      "foreign",
      "owner",
      "New main PID 88 does not belong to service, and PID file is not owned by root. Refusing.",
    ],
    [
      "foreign",
      "path",
      "Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: /run/a.pid",
    ],
    [
      "unwatched",
      undefined,
      "New main PID 88 does not belong to service, and this kernel cannot watch it. Refusing.",
    ],
  ] as const)("that names a process that is %s (%s) is waited for again", (refusal, distrust, text) => {
    const paper = forked(false);
    paper.send({ kind: "named", pid: 88, ...(distrust === undefined ? {} : { distrust }) });
    expect(paper.send({ kind: "adopted", run: 2, pid: 0, refusal })).toBe("start");
    expect(paper.lines()).toEqual([`a.service: ${text}`]);
    paper.send({ kind: "named", pid: 90 });
    expect(paper.send({ kind: "adopted", run: 2, pid: 90 })).toBe("running");
  });

  test("is of no interest to a service that is up", () => {
    const paper = forked(false);
    paper.send({ kind: "adopted", run: 2, pid: 88 });
    paper.send({ kind: "named", pid: 89 });
    expect(paper.actions).toEqual([]);
  });
});

describe("a service that has left nothing of its own", () => {
  test("is up where its PID file names another's process, which is told", () => {
    const paper = new Paper("Type=forking", "PIDFile=/run/a.pid", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.pidFile = { pid: 88 };
    expect(paper.exited(1, { code: 0 }, { last: true })).toBe("start");
    expect(paper.actions).toEqual([{ kind: "watch", run: 2, pid: 88, foreign: true }]);
    expect(paper.send({ kind: "adopted", run: 2, pid: 88, foreign: true })).toBe("running");
    expect(paper.lines()[0]).toBe("a.service: Supervising process 88 which does not belong to this unit.");
    expect(paper.send({ kind: "empty" })).toBe("running");
  });

  test("has failed where that is refused", () => {
    const paper = new Paper("Type=forking", "PIDFile=/run/a.pid", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.pidFile = { pid: 88, distrust: "owner" };
    paper.exited(1, { code: 0 }, { last: true });
    expect(paper.send({ kind: "adopted", run: 2, pid: 0, refusal: "foreign" })).toBe("failed");
    expect(paper.state.result).toBe("protocol");
  });
});

describe("ExecStartPost= beside a PID file", () => {
  function withPost(): Paper {
    const paper = new Paper("Type=forking", "PIDFile=/run/a.pid", "ExecStart=/bin/x", "ExecStartPost=/bin/p");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.pidFile = { pid: 88 };
    paper.exited(1, { code: 0 });
    return paper;
  }

  test("is told of the main process that the file names by then", () => {
    const paper = withPost();
    expect(paper.send({ kind: "adopted", run: 2, pid: 88 })).toBe("start-post");
    expect(paper.actions).toContainEqual(
      expect.objectContaining({ kind: "run", variables: { MAINPID: "88", PIDFILE: "/run/a.pid" } }),
    );
    expect(paper.exited(3, { code: 0 })).toBe("running");
  });

  test("may write the file anew where what it names is refused", () => {
    const paper = withPost();
    expect(paper.send({ kind: "adopted", run: 2, pid: 0, refusal: "gone" })).toBe("start-post");
    expect(paper.exited(3, { code: 0 })).toBe("start-post");
    paper.send({ kind: "named", pid: 90 });
    expect(paper.send({ kind: "adopted", run: 4, pid: 90 })).toBe("running");
  });
});

describe("MAINPID=", () => {
  test.each([
    [0, true],
    [1000, false],
  ])("of user %i may name another's process: %s", (uid, foreign) => {
    const paper = new Paper("Type=notify", "ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "notify", pid: 101, uid, run: 1, text: "MAINPID=77", fds: [] });
    expect(paper.actions).toEqual([{ kind: "watch", run: 2, pid: 77, foreign }]);
    paper.send({ kind: "adopted", run: 2, pid: 0, refusal: "foreign" });
    expect(paper.lines()).toEqual(["a.service: New main PID 77 does not belong to service, refusing."]);
    expect(paper.state).toMatchObject({ sub: "running", mainRun: 1 });
  });

  test("that is refused leaves a forking service to wait for its PID file", () => {
    const paper = forked(false, "NotifyAccess=all");
    paper.send({ kind: "notify", pid: 105, uid: 0, text: "MAINPID=77", fds: [] });
    expect(paper.send({ kind: "adopted", run: 3, pid: 0, refusal: "gone" })).toBe("start");
    expect(paper.actions).toContainEqual({ kind: "find-main", run: 4, pidFile: "/run/a.pid" });
  });
});

test("the end of a main process of which it is not known how it ended is no failure", () => {
  const paper = new Paper("Type=notify", "Restart=on-failure", "ExecStart=/bin/x");
  paper.up();
  paper.notify(1, "MAINPID=77");
  paper.send({ kind: "adopted", run: 2, pid: 77, foreign: true });
  expect(paper.exited(2, {})).toBe("stop-sigterm");
  expect(paper.gone(1, { code: 0 })).toBe("dead");
  expect(paper.state).toMatchObject({ result: "success", mainEnd: {} });
});
