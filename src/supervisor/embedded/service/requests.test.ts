import { describe, expect, test } from "vitest";
import { Paper } from "./testing.ts";

const STOP = { kind: "stop", restarts: false } as const;

describe("a start", () => {
  test("of a service that is up is answered at once and changes nothing", () => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    const { state } = paper;
    paper.send({ kind: "start" });
    expect([paper.state, paper.kinds()]).toEqual([state, ["up"]]);
  });

  test("joins one that is under way", () => {
    const paper = new Paper("Type=exec", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.send({ kind: "start" });
    expect(paper.kinds()).toEqual([]);
    expect(paper.state.nextRun).toBe(2);
  });

  test("does not wait for RestartSec=, and counts as a start by hand", () => {
    const paper = new Paper("Restart=always", "RestartSec=100", "ExecStart=/bin/x");
    paper.up();
    paper.gone(1, { code: 1 });
    expect(paper.state.sub).toBe("auto-restart");
    paper.send({ kind: "start" });
    expect(paper.lines()[0]).toBe("Stopped a.service - A.");
    expect(paper.state).toMatchObject({ sub: "start", restarts: 0, nextRun: 3 });
  });

  test("beside what is left over is refused only where nobody may ever kill that", () => {
    const leftOver = (...lines: readonly string[]): Paper => {
      const paper = new Paper("ExecStart=/bin/x", ...lines);
      paper.state = { ...paper.state, empty: false };
      paper.send({ kind: "start" });
      expect(paper.kinds()[0]).toBe("tell-leftovers");
      return paper;
    };
    expect(leftOver().state.sub).toBe("start");
    expect(leftOver("SendSIGKILL=no", "KillMode=process").state.sub).toBe("start");
    expect(leftOver("SendSIGKILL=no").state).toMatchObject({ sub: "failed", result: "resources" });
  });
});

describe("a stop", () => {
  test.each([
    ["dead", false],
    ["failed", true],
  ] as const)("of a unit that is %s is answered with what it is", (sub, failed) => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.state = { ...paper.state, sub };
    paper.send(STOP);
    expect(paper.actions).toEqual([{ kind: "ended", failed }]);
  });

  test("ends the wait for a restart, without a further signal", () => {
    const paper = new Paper("Restart=always", "ExecStart=/bin/x");
    paper.up();
    paper.gone(1, { code: 1 });
    expect(paper.send(STOP)).toBe("dead");
    expect(paper.kinds()).toEqual(["release", "ended"]);
    expect(paper.state.stopping).toBe(false);
  });

  test("of a service that is still starting skips ExecStop=", () => {
    const paper = new Paper("Type=exec", "ExecStart=/bin/x", "ExecStop=/bin/s");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.send(STOP)).toBe("stop-sigterm");
    expect(paper.signals()).toEqual(["TERM"]);
  });

  test("takes over one that the service began by itself, so that nothing is restarted", () => {
    const paper = new Paper("Restart=always", "ExecStart=/bin/x", "ExecStop=/bin/s");
    paper.up();
    paper.exited(1, { code: 0 });
    expect(paper.state.sub).toBe("stop");
    paper.send(STOP);
    expect(paper.actions).toEqual([]);
    paper.gone(2, { code: 0 });
    expect(paper.state).toMatchObject({ sub: "dead", result: "success" });
  });

  test("during the wait for a core sends the usual signal instead", () => {
    const paper = new Paper("WatchdogSec=1", "TimeoutAbortSec=60", "ExecStart=/bin/x");
    paper.up();
    expect(paper.send({ kind: "watchdog" })).toBe("stop-watchdog");
    expect(paper.send(STOP)).toBe("stop-sigterm");
    expect(paper.state.result).toBe("watchdog");
  });
});

describe("a reload", () => {
  test("of a service that is not up has failed", () => {
    const paper = new Paper("ExecStart=/bin/x", "ExecReload=/bin/r");
    paper.send({ kind: "reload" });
    expect(paper.actions).toEqual([{ kind: "reloaded", failed: true }]);
  });

  test("that fails leaves the service up and its result as it was", () => {
    const paper = new Paper("ExecStart=/bin/x", "ExecReload=/bin/r");
    paper.up();
    expect(paper.send({ kind: "reload" })).toBe("reload");
    expect(paper.exited(2, { code: 1 })).toBe("running");
    expect(paper.state).toMatchObject({ result: "success", reloadResult: "exit-code", reloadJob: false });
    expect(paper.actions.at(-1)).toEqual({ kind: "reloaded", failed: true });
  });

  test("is over with the service that ends in it", () => {
    const paper = new Paper("ExecStart=/bin/x", "ExecReload=/bin/r");
    paper.up();
    paper.send({ kind: "reload" });
    expect(paper.exited(1, { code: 3 })).toBe("reload");
    paper.gone(2, { code: 0 });
    expect(paper.state).toMatchObject({ sub: "failed", result: "exit-code" });
  });
});

describe("reset-failed", () => {
  test("makes a failed unit dead, with its counts and starts forgotten", () => {
    const paper = new Paper("StartLimitBurst=1", "ExecStart=/bin/x");
    paper.up();
    paper.gone(1, { code: 1 });
    paper.send({ kind: "start" });
    expect(paper.state).toMatchObject({ sub: "failed", startLimitHit: true });
    expect(paper.send({ kind: "reset-failed" })).toBe("dead");
    expect(paper.state).toMatchObject({ result: "success", starts: [], restarts: 0 });
    expect(paper.state.startLimitHit).toBeUndefined();
    expect(paper.state.message).toBeUndefined();
    expect(paper.send({ kind: "start" })).toBe("start");
  });

  test("leaves a unit that runs as it is", () => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    expect(paper.send({ kind: "reset-failed" })).toBe("running");
    expect(paper.actions).toEqual([]);
  });
});

describe("a restart that cannot be queued", () => {
  test("is a failure of resources", () => {
    const paper = new Paper("Restart=always", "ExecStart=/bin/x");
    paper.up();
    paper.gone(1, { code: 0 });
    paper.timeOut();
    expect(paper.kinds()).toEqual(["restart"]);
    paper.send({ kind: "restart-refused", reason: "no such unit" });
    expect(paper.state).toMatchObject({ sub: "failed", result: "resources", restarts: 1 });
    expect(paper.lines()[0]).toMatch(/Failed to schedule restart job: no such unit$/);
  });

  test("is nothing to a unit that has been started meanwhile", () => {
    const paper = new Paper("ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "restart-refused", reason: "late" });
    expect([paper.state.sub, paper.actions]).toEqual(["running", []]);
  });
});
