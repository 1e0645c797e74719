import { describe, expect, test } from "vitest";
import type { UnitResult } from "../../supervisor.ts";
import { shallRestart } from "./policy.ts";
import { readSavedState } from "./saved-state.ts";
import type { ProcessEnd } from "./state.ts";
import { Paper, settingsOf } from "./testing.ts";

describe("a start", () => {
  test("of a simple service is over when the process is there", () => {
    const paper = new Paper("ExecStart=/bin/x");
    expect(paper.send({ kind: "start" })).toBe("start");
    expect(paper.started(1)).toBe("running");
    expect(paper.kinds()).toEqual(["up"]);
  });

  test("of an idle service is over before anything has been run", () => {
    const paper = new Paper("Type=idle", "ExecStartPre=/bin/p", "ExecStart=/bin/x");
    expect(paper.send({ kind: "start" })).toBe("start-pre");
    expect(paper.kinds()).toEqual(["run", "up"]);
    expect(paper.lines()).toEqual(["Started a.service - A."]);
    paper.exited(1, { code: 0 });
    expect(paper.started(2)).toBe("running");
  });

  test("of an exec service is over when the program runs, and fails when it cannot", () => {
    const good = new Paper("Type=exec", "ExecStart=/bin/x");
    good.send({ kind: "start" });
    expect(good.started(1)).toBe("start");
    expect(good.send({ kind: "execed", run: 1 })).toBe("running");
    const bad = new Paper("Type=exec", "ExecStart=/bin/x");
    bad.send({ kind: "start" });
    bad.started(1);
    bad.send({ kind: "failed", run: 1, step: "exec", error: "No such file or directory" });
    expect(bad.gone(1, { code: 203 })).toBe("failed");
    expect(bad.state.message).toContain("No such file");
  });

  test("of a oneshot runs its commands one by one and ends inactive and completed", () => {
    const paper = new Paper("Type=oneshot", "ExecStart=/bin/x", "ExecStart=/bin/y");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.exited(1, { code: 0 })).toBe("start");
    expect(paper.actions).toMatchObject([{ kind: "run", run: 2, command: { path: "/bin/y" } }]);
    paper.started(2);
    expect(paper.gone(2, { code: 0 })).toBe("dead");
    expect(paper.state).toMatchObject({ completed: true, result: "success" });
  });

  test("of a oneshot stops at the first command that fails, unless that is marked with a dash", () => {
    const strict = new Paper("Type=oneshot", "ExecStart=/bin/x", "ExecStart=/bin/y");
    strict.send({ kind: "start" });
    strict.started(1);
    expect(strict.gone(1, { code: 1 })).toBe("failed");
    const lenient = new Paper("Type=oneshot", "ExecStart=-/bin/x", "ExecStart=/bin/y");
    lenient.send({ kind: "start" });
    lenient.started(1);
    lenient.exited(1, { code: 1 });
    expect(lenient.actions).toMatchObject([{ kind: "run", run: 2 }]);
  });

  test("of a notify service waits for READY=1 of the main process alone", () => {
    const paper = new Paper("Type=notify", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.notify(undefined, "READY=1")).toBe("start");
    expect(paper.notify(1, "STATUS=warm", "READY=1")).toBe("running");
    expect(paper.state.statusText).toBe("warm");
  });

  test("of a notify service that exits before it is ready is a fault of protocol", () => {
    const paper = new Paper("Type=notify", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.gone(1, { code: 0 })).toBe("failed");
    expect(paper.state.result).toBe("protocol");
  });

  test("of a forking service looks for the main process when its parent has ended", () => {
    const paper = new Paper("Type=forking", "PIDFile=/run/x.pid", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.exited(1, { code: 0 });
    expect(paper.actions).toEqual([{ kind: "find-main", run: 2, pidFile: "/run/x.pid" }]);
    expect(paper.send({ kind: "adopted", run: 2, pid: 77 })).toBe("running");
    expect(paper.state).toMatchObject({ mainPid: 77, mainAlive: true });
  });

  test("that takes too long is ended with result timeout", () => {
    const paper = new Paper("Type=notify", "TimeoutStartSec=5", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.state.deadlineMs).toBe(5000);
    expect(paper.send({ kind: "deadline" })).toBe("stop-sigterm");
    expect(paper.gone(1, { signal: "TERM" })).toBe("failed");
    expect(paper.state.result).toBe("timeout");
  });

  test("is refused with one start too many in the interval, and not after it", () => {
    const paper = new Paper("ExecStart=/bin/x");
    for (let run = 1; run <= 5; run++) {
      paper.send({ kind: "start" });
      paper.started(run);
      paper.gone(run, { code: 0 });
    }
    expect(paper.send({ kind: "start" })).toBe("failed");
    expect(paper.state.result).toBe("start-limit-hit");
    paper.nowMs = 10_000;
    expect(paper.send({ kind: "start" })).toBe("start");
  });
});

describe("a stop", () => {
  test("runs ExecStop with the main process's id, then signals everything, then runs ExecStopPost", () => {
    const paper = new Paper("ExecStart=/bin/x", "ExecStop=/bin/stop", "ExecStopPost=/bin/post");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.send({ kind: "stop", restarts: false })).toBe("stop");
    expect(paper.actions).toMatchObject([
      { kind: "log" },
      { kind: "run", run: 2, variables: { MAINPID: "101" } },
    ]);
    expect(paper.exited(2, { code: 0 })).toBe("stop-sigterm");
    expect(paper.actions).toEqual([{ kind: "kill", signal: "TERM" }]);
    expect(paper.exited(1, { signal: "TERM" })).toBe("stop-post");
    expect(paper.actions).toMatchObject([
      { kind: "run", variables: { EXIT_CODE: "killed", EXIT_STATUS: "TERM" } },
    ]);
    expect(paper.gone(3, { code: 0 })).toBe("dead");
  });

  test("goes on to SIGKILL when SIGTERM has not worked in time", () => {
    const paper = new Paper("ExecStart=/bin/x", "TimeoutStopSec=2");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.send({ kind: "stop", restarts: false });
    expect(paper.send({ kind: "deadline" })).toBe("stop-sigkill");
    expect(paper.actions).toContainEqual({ kind: "kill", signal: "KILL", told: true });
    expect(paper.gone(1, { signal: "KILL" })).toBe("failed");
    expect(paper.state.result).toBe("timeout");
  });

  test.each([
    ["control-group", [{ kind: "kill", signal: "TERM" }]],
    ["mixed", [{ kind: "kill", signal: "TERM", run: 1 }]],
    ["process", [{ kind: "kill", signal: "TERM", run: 1 }]],
    ["none", []],
  ])("with KillMode=%s signals whom it says", (mode, kills) => {
    const paper = new Paper("ExecStart=/bin/x", `KillMode=${mode}`);
    paper.send({ kind: "start" });
    paper.started(1);
    paper.send({ kind: "stop", restarts: false });
    expect(paper.actions.filter(({ kind }) => kind === "kill")).toEqual(kills);
  });

  test("ends what mixed left over with SIGKILL", () => {
    const paper = new Paper("ExecStart=/bin/x", "KillMode=mixed");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.send({ kind: "stop", restarts: false });
    expect(paper.exited(1, { signal: "TERM" })).toBe("final-sigkill");
    expect(paper.actions).toContainEqual({ kind: "kill", signal: "KILL", told: true });
    expect(paper.send({ kind: "empty" })).toBe("dead");
  });

  test("keeps nothing for a restart, whatever Restart= says", () => {
    const paper = new Paper("ExecStart=/bin/x", "Restart=always");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.send({ kind: "stop", restarts: false });
    expect(paper.gone(1, { code: 1 })).toBe("failed");
  });
});

describe("Restart=", () => {
  const causes: readonly UnitResult[] = ["success", "exit-code", "signal", "timeout", "watchdog"];
  test.each([
    ["no", []],
    ["always", causes],
    ["on-success", ["success"]],
    ["on-failure", ["exit-code", "signal", "timeout", "watchdog"]],
    ["on-abnormal", ["signal", "timeout", "watchdog"]],
    ["on-abort", ["signal"]],
    ["on-watchdog", ["watchdog"]],
  ])("%s answers to %j", (policy, restarted) => {
    const settings = settingsOf("ExecStart=/bin/x", `Restart=${policy}`);
    expect(causes.filter((result) => shallRestart(settings, result, undefined))).toEqual(restarted);
  });

  test("is overruled by RestartForceExitStatus=, and that by RestartPreventExitStatus=", () => {
    const force = settingsOf("ExecStart=/bin/x", "RestartForceExitStatus=3 4", "RestartPreventExitStatus=4");
    expect(shallRestart(force, "exit-code", { code: 3 })).toBe(true);
    expect(shallRestart(force, "exit-code", { code: 4 })).toBe(false);
    expect(shallRestart(force, "exit-code", { code: 5 })).toBe(false);
  });

  test("waits RestartSec=, counts, and gives each run an invocation of its own", () => {
    const paper = new Paper("ExecStart=/bin/x", "Restart=on-failure", "RestartSec=3");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.gone(1, { code: 1 })).toBe("auto-restart");
    expect(paper.state.deadlineMs).toBe(3000);
    paper.nowMs = 3000;
    paper.send({ kind: "deadline" });
    expect(paper.kinds()).toEqual(["restart"]);
    expect(paper.restart()).toBe("start");
    expect(paper.state).toMatchObject({ restarts: 1, invocation: "at 3000" });
  });

  test("grows from RestartSec= to RestartMaxDelaySec= in RestartSteps= steps", () => {
    const paper = new Paper(
      "ExecStart=/bin/x",
      "Restart=always",
      "RestartSec=1",
      "RestartSteps=2",
      "RestartMaxDelaySec=100",
    );
    const delays: number[] = [];
    paper.send({ kind: "start" });
    for (let run = 1; run <= 4; run++) {
      paper.started(run);
      paper.gone(run, { code: 1 });
      delays.push((paper.state.deadlineMs ?? 0) - paper.nowMs);
      paper.nowMs = paper.state.deadlineMs ?? 0;
      paper.send({ kind: "deadline" });
      paper.restart();
    }
    expect(delays).toEqual([1000, 10_000, 100_000, 100_000]);
  });
});

describe("the end of the main process", () => {
  test.each<[string, readonly string[], ProcessEnd, UnitResult]>([
    ["0", [], { code: 0 }, "success"],
    ["143", [], { code: 143 }, "exit-code"],
    ["143 where that is a success", ["SuccessExitStatus=143"], { code: 143 }, "success"],
    ["SIGTERM", [], { signal: "TERM" }, "success"],
    ["SIGTERM of a oneshot", ["Type=oneshot"], { signal: "TERM" }, "signal"],
    ["SIGSEGV with a dump", [], { signal: "SEGV", core: true }, "core-dump"],
  ])("by %s has its result", (_, lines, end, result) => {
    const paper = new Paper("ExecStart=/bin/x", ...lines);
    paper.send({ kind: "start" });
    paper.started(1);
    paper.gone(1, end);
    expect(paper.state).toMatchObject({ sub: result === "success" ? "dead" : "failed", result });
  });

  test("leaves a service with RemainAfterExit active", () => {
    const paper = new Paper("ExecStart=/bin/x", "RemainAfterExit=yes");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.gone(1, { code: 0 })).toBe("exited");
    expect(paper.send({ kind: "stop", restarts: false })).toBe("dead");
  });
});

test("a shim that is lost is a failure of resources, which Restart=on-failure answers to", () => {
  const paper = new Paper("ExecStart=/bin/x", "Restart=on-failure");
  paper.send({ kind: "start" });
  paper.started(1);
  expect(paper.send({ kind: "lost", reason: "its shim is gone" })).toBe("auto-restart");
  expect(paper.state.result).toBe("resources");
});

test("a state comes back from what was kept of it; anything else is refused", () => {
  const paper = new Paper("ExecStart=/bin/x", "Restart=always");
  paper.send({ kind: "start" });
  paper.started(1);
  paper.gone(1, { signal: "SEGV" });
  expect(readSavedState(JSON.parse(JSON.stringify(paper.state)))).toEqual(paper.state);
  expect(readSavedState(undefined)).toBeUndefined();
  expect(readSavedState({ sub: "dancing" })).toBeUndefined();
});
