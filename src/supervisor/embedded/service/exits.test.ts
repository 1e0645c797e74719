import { describe, expect, test } from "vitest";
import { Paper } from "./testing.ts";

describe("a forking service", () => {
  const forked = (...lines: readonly string[]): Paper => {
    const paper = new Paper("Type=forking", "ExecStart=/bin/x", ...lines);
    paper.send({ kind: "start" });
    paper.started(1);
    return paper;
  };

  test("of which nothing is left ends well", () => {
    const paper = forked();
    expect(paper.exited(1, { code: 0 }, { last: true })).toBe("dead");
    expect(paper.lines()).toContain("Started a.service - A.");
  });

  test("without a guess runs as long as anything of it", () => {
    const paper = forked("GuessMainPID=no");
    expect(paper.exited(1, { code: 0 })).toBe("running");
    expect(paper.send({ kind: "empty" })).toBe("dead");
  });

  test("whose guess finds none or several is up all the same", () => {
    const paper = forked();
    paper.exited(1, { code: 0 });
    expect(paper.send({ kind: "adopted", run: 2, pid: 0 })).toBe("running");
    expect(paper.state.mainRun).toBeUndefined();
  });

  test("waits for its PID file until that names one of its processes", () => {
    const paper = forked("PIDFile=/run/a.pid");
    paper.exited(1, { code: 0 });
    expect(paper.send({ kind: "adopted", run: 2, pid: 0 })).toBe("start");
    expect(paper.send({ kind: "empty" })).toBe("start");
    expect(paper.send({ kind: "adopted", run: 2, pid: 88 })).toBe("running");
  });

  test("that leaves nothing has broken the promise of its PID file", () => {
    const paper = forked("PIDFile=/run/a.pid");
    expect(paper.exited(1, { code: 0 }, { last: true })).toBe("failed");
    expect(paper.state.result).toBe("protocol");
  });

  test("may have its PID file written by ExecStartPost=", () => {
    const paper = forked("PIDFile=/run/a.pid", "ExecStartPost=/bin/p");
    expect(paper.exited(1, { code: 0 })).toBe("start-post");
    expect(paper.exited(2, { code: 0 })).toBe("start-post");
    expect(paper.actions).toEqual([{ kind: "find-main", run: 3, pidFile: "/run/a.pid" }]);
    expect(paper.send({ kind: "adopted", run: 3, pid: 88 })).toBe("running");
  });

  test("is followed to the process that its PID file names when the main one ends", () => {
    const paper = forked("PIDFile=/run/a.pid");
    paper.exited(1, { code: 0 });
    paper.send({ kind: "adopted", run: 2, pid: 88 });
    paper.pidFile = { pid: 99 };
    expect(paper.exited(2, { code: 0 })).toBe("running");
    expect(paper.actions).toEqual([{ kind: "watch", run: 3, pid: 99, foreign: true }]);
    paper.send({ kind: "adopted", run: 3, pid: 99 });
    expect(paper.state).toMatchObject({ mainRun: 3, mainPid: 99 });
  });
});

describe("ExitType=cgroup", () => {
  test("waits for the last process, and counts the main one's end", () => {
    const paper = new Paper("ExitType=cgroup", "ExecStart=/bin/x");
    paper.up();
    expect(paper.exited(1, { code: 3 })).toBe("running");
    expect(paper.send({ kind: "empty" })).toBe("failed");
    expect(paper.state).toMatchObject({ result: "exit-code", mainEnd: { code: 3 } });
  });

  test("is over with the main process where that was the last", () => {
    const paper = new Paper("ExitType=cgroup", "ExecStart=/bin/x");
    paper.up();
    expect(paper.exited(1, { code: 0 }, { last: true })).toBe("dead");
  });
});

describe("a command for which there never was a process", () => {
  const refused = (run: number) => ({ kind: "failed", run, step: "environment", error: "no file" }) as const;

  test.each([
    ["ExecCondition=/bin/c", 1, "failed"],
    ["ExecStartPre=/bin/p", 1, "failed"],
    ["Type=exec", 1, "failed"],
  ])("in %s fails the unit for want of resources", (line, run, sub) => {
    const paper = new Paper("ExecStart=/bin/x", line);
    paper.send({ kind: "start" });
    paper.send(refused(run));
    expect(paper.gone(run, { code: 1 })).toBe(sub);
    expect(paper.state).toMatchObject({ result: "resources" });
    expect(paper.state.mainEnd).toBeUndefined();
  });

  test("in ExecReload= fails the reload alone", () => {
    const paper = new Paper("ExecStart=/bin/x", "ExecReload=-/bin/r");
    paper.up();
    paper.send({ kind: "reload" });
    paper.send(refused(2));
    expect(paper.exited(2, { code: 1 })).toBe("running");
    expect(paper.state).toMatchObject({ result: "success", reloadResult: "resources" });
    expect(paper.lines()).toContain(
      "a.service: Failed to run 'reload' task: cannot set up the command (environment): no file",
    );
  });

  test.each([
    ["ExecStop", "stop-sigterm"],
    ["ExecStopPost", "final-sigterm"],
  ])("in %s= lets the stop go on", (list, sub) => {
    const paper = new Paper("ExecStart=/bin/x", `${list}=/bin/s`);
    paper.up();
    paper.send({ kind: "stop", restarts: false });
    if (list === "ExecStopPost") paper.exited(1, { signal: "TERM" });
    paper.send(refused(2));
    expect(paper.exited(2, { code: 1 })).toBe(sub);
    expect(paper.state.result).toBe("resources");
  });
});

test("what is left of a unit at rest is none of its main process any more", () => {
  const paper = new Paper("KillMode=none", "ExecStart=/bin/x");
  paper.up();
  expect(paper.send({ kind: "stop", restarts: false })).toBe("dead");
  expect(paper.exited(1, { code: 3 }, { last: true })).toBe("dead");
  expect(paper.state.mainEnd).toBeUndefined();
  paper.send({ kind: "empty" });
  expect(paper.kinds()).toEqual(["release"]);
});

describe("the words about an end", () => {
  test.each([
    [{ code: 1 }, "Main process exited, code=exited, status=1/FAILURE"],
    [{ code: 9 }, "Main process exited, code=exited, status=9/n/a"],
    [{ code: 203 }, "Main process exited, code=exited, status=203/EXEC"],
    [{ signal: "KILL" }, "Main process exited, code=killed, status=9/KILL"],
    [{ signal: "SEGV", core: true }, "Main process exited, code=dumped, status=11/SEGV"],
    [{ signal: "RTMIN+3" }, "Main process exited, code=killed, status=37/RTMIN+3"],
  ])("%j are %s", (end, line) => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    paper.exited(1, end, { last: true });
    expect(paper.lines()).toContain(`a.service: ${line}`);
  });

  test("leave out a good one", () => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    paper.exited(1, { signal: "TERM" }, { last: true });
    expect(paper.lines()).toEqual(["a.service: Deactivated successfully."]);
  });
});
