import { describe, expect, test } from "vitest";
import { Paper } from "./testing.ts";

describe("a sub state that lasts too long", () => {
  test.each([
    ["terminate", "stop-sigterm", "TERM", "start operation timed out. Terminating."],
    ["abort", "stop-watchdog", "ABRT", "start operation timed out. Aborting."],
    ["kill", "stop-sigkill", "KILL", "start operation timed out. Killing."],
  ])("while starting, with mode %s, is ended in %s", (mode, sub, signal, line) => {
    const paper = new Paper("Type=notify", `TimeoutStartFailureMode=${mode}`, "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.timeOut()).toBe(sub);
    expect(paper.signals()).toEqual([signal]);
    expect(paper.lines()).toContain(`a.service: ${line}`);
    expect(paper.state.result).toBe("timeout");
  });

  test.each([
    ["terminate", "stop-sigterm"],
    ["abort", "stop-watchdog"],
    ["kill", "stop-sigkill"],
  ])("in ExecStop, with mode %s, is ended in %s", (mode, sub) => {
    const paper = new Paper(`TimeoutStopFailureMode=${mode}`, "ExecStart=/bin/x", "ExecStop=/bin/y");
    paper.up();
    paper.send({ kind: "stop", restarts: false });
    expect(paper.timeOut()).toBe(sub);
  });

  test.each([
    ["terminate", "final-sigterm"],
    ["abort", "final-watchdog"],
    ["kill", "final-sigkill"],
  ])("in ExecStopPost, with mode %s, is ended in %s", (mode, sub) => {
    const paper = new Paper(`TimeoutStopFailureMode=${mode}`, "ExecStart=/bin/x", "ExecStopPost=/bin/y");
    paper.up();
    expect(paper.exited(1, { code: 0 })).toBe("stop-sigterm");
    paper.send({ kind: "empty" });
    expect(paper.state.sub).toBe("stop-post");
    paper.started(2);
    expect(paper.timeOut()).toBe(sub);
  });

  test("after SIGTERM comes SIGABRT where aborting is wanted, then SIGKILL, then no more", () => {
    const paper = new Paper("TimeoutStopFailureMode=abort", "TimeoutAbortSec=7", "ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "stop", restarts: false });
    expect(paper.timeOut()).toBe("stop-watchdog");
    expect((paper.state.deadlineMs ?? 0) - paper.nowMs).toBe(7000);
    expect(paper.timeOut()).toBe("stop-sigkill");
    expect(paper.timeOut()).toBe("final-sigterm");
    expect(paper.lines()).toContain("a.service: Processes still around after SIGKILL. Ignoring.");
    expect(paper.timeOut()).toBe("final-watchdog");
    expect(paper.timeOut()).toBe("final-sigkill");
    expect(paper.timeOut()).toBe("failed");
    expect(paper.state.result).toBe("timeout");
  });

  test("is left alone at last where nothing may be killed", () => {
    const paper = new Paper("SendSIGKILL=no", "Restart=always", "ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "stop", restarts: false });
    expect(paper.timeOut()).toBe("final-sigterm");
    expect(paper.timeOut()).toBe("failed");
    expect(paper.lines()).toContain(
      "a.service: State 'final-sigterm' timed out. Skipping SIGKILL. Entering failed mode.",
    );
    expect(paper.actions).toContainEqual({ kind: "tell-leftovers", when: "stop" });
    expect(paper.kinds()).not.toContain("release");
    expect(paper.send({ kind: "empty" })).toBe("failed");
    expect(paper.kinds()).toEqual(["release"]);
  });

  test("gives each command of a list the whole time", () => {
    const paper = new Paper(
      "TimeoutStartSec=3",
      "ExecStartPre=/bin/a",
      "ExecStartPre=/bin/b",
      "ExecStart=/bin/x",
    );
    paper.send({ kind: "start" });
    paper.nowMs = 2000;
    expect(paper.exited(1, { code: 0 })).toBe("start-pre");
    expect(paper.state.deadlineMs).toBe(5000);
  });
});

describe("RuntimeMaxSec=", () => {
  test("stops a service, a random part of the extra time later", () => {
    const paper = new Paper("RuntimeMaxSec=10", "RuntimeRandomizedExtraSec=4", "ExecStart=/bin/x");
    paper.nowMs = 1000;
    paper.up();
    expect(paper.state.deadlineMs).toBe(13_000);
    expect(paper.timeOut()).toBe("stop-sigterm");
    expect(paper.state.result).toBe("timeout");
  });

  test("goes on counting through a reload", () => {
    const paper = new Paper("RuntimeMaxSec=10", "ExecStart=/bin/x", "ExecReload=/bin/r");
    paper.up();
    paper.nowMs = 4000;
    paper.send({ kind: "reload" });
    expect(paper.exited(2, { code: 0 })).toBe("running");
    expect(paper.state.deadlineMs).toBe(10_000);
  });
});

describe("the watchdog", () => {
  test("watches from ExecStartPost on, and no more once the service goes down", () => {
    const paper = new Paper("WatchdogSec=2", "ExecStart=/bin/x", "ExecStartPost=/bin/p");
    paper.send({ kind: "start" });
    expect(paper.state.watchdogDueMs).toBeUndefined();
    expect(paper.started(1)).toBe("start-post");
    expect(paper.state.watchdogDueMs).toBe(2000);
    paper.exited(2, { code: 0 });
    paper.send({ kind: "stop", restarts: false });
    expect(paper.state.watchdogDueMs).toBeUndefined();
  });

  test("is put off by each WATCHDOG=1, and aborts the service when none comes", () => {
    const paper = new Paper("WatchdogSec=2", "WatchdogSignal=QUIT", "ExecStart=/bin/x");
    paper.up();
    paper.nowMs = 1500;
    paper.notify(1, "WATCHDOG=1");
    expect(paper.state.watchdogDueMs).toBe(3500);
    expect(paper.send({ kind: "watchdog" })).toBe("stop-watchdog");
    expect(paper.signals()).toEqual(["QUIT"]);
    expect(paper.lines()).toEqual(["a.service: Watchdog timeout (limit 2s)!"]);
  });

  test("is set anew by WATCHDOG_USEC= for this run only", () => {
    const paper = new Paper("WatchdogSec=2", "ExecStart=/bin/x");
    paper.up();
    paper.notify(1, "WATCHDOG_USEC=500000");
    expect(paper.state.watchdogDueMs).toBe(500);
    paper.gone(1, { code: 0 });
    paper.send({ kind: "start" });
    paper.started(2);
    expect(paper.state.watchdogDueMs).toBe(2000);
  });
});

describe("an end by want of memory", () => {
  test.each([
    ["continue", "running", []],
    ["stop", "stop-sigterm", ["TERM"]],
    ["kill", "stop-sigkill", ["KILL"]],
  ])("with OOMPolicy=%s leaves the service in %s", (policy, sub, signals) => {
    const paper = new Paper(`OOMPolicy=${policy}`, "ExecStart=/bin/x");
    paper.up();
    expect(paper.send({ kind: "oom" })).toBe(sub);
    expect(paper.signals()).toEqual(signals);
    expect(paper.lines()).toContain("a.service: A process of this unit has been killed by the OOM killer.");
    expect(paper.state.result).toBe(policy === "continue" ? "success" : "oom-kill");
  });

  test("of the main process is the result, not its signal", () => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "oom" });
    paper.gone(1, { signal: "KILL" });
    expect(paper.state).toMatchObject({ sub: "failed", result: "oom-kill", mainEnd: { signal: "KILL" } });
  });

  test("during a stop goes on to SIGKILL", () => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "stop", restarts: false });
    expect(paper.send({ kind: "oom" })).toBe("stop-sigkill");
  });
});
