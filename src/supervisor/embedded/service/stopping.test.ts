import { describe, expect, test } from "vitest";
import { Paper } from "./testing.ts";

const STOP = { kind: "stop", restarts: false } as const;

describe("who is signalled", () => {
  test.each([
    ["control-group", ["TERM"], ["KILL"]],
    ["mixed", ["TERM 1"], ["KILL"]],
    ["process", ["TERM 1"], ["KILL 1"]],
  ])("with KillMode=%s", (mode, first, last) => {
    const paper = new Paper(`KillMode=${mode}`, "ExecStart=/bin/x");
    paper.up();
    paper.send(STOP);
    expect(paper.signals()).toEqual(first);
    paper.timeOut();
    expect(paper.signals()).toEqual(last);
  });

  test("with KillMode=none is nobody, and the unit is down with its processes left", () => {
    const paper = new Paper("KillMode=none", "ExecStart=/bin/x");
    paper.up();
    expect(paper.send(STOP)).toBe("dead");
    expect(paper.kinds()).toEqual(["tell-leftovers", "clean", "ended"]);
  });

  test("with KillMode=process is also the command that runs beside the main one", () => {
    const paper = new Paper("KillMode=process", "ExecStart=/bin/x", "ExecStartPost=/bin/p");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.started(2);
    paper.send(STOP);
    expect(paper.signals()).toEqual(["TERM 1", "TERM 2"]);
  });
});

describe("the signal", () => {
  test.each([
    [["KillSignal=INT"], false, ["INT"]],
    [["KillSignal=INT", "RestartKillSignal=USR1"], true, ["USR1"]],
    [["KillSignal=INT", "RestartKillSignal=USR1"], false, ["INT"]],
    [["SendSIGHUP=yes"], false, ["TERM", "HUP"]],
    [["SendSIGHUP=yes"], true, ["TERM"]],
    [["SendSIGHUP=yes", "KillSignal=HUP"], false, ["HUP"]],
  ])("of %j, where a start follows: %s, is %j", (lines, restarts, signals) => {
    const paper = new Paper(...lines, "ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "stop", restarts });
    expect(paper.signals()).toEqual(signals);
  });

  test("that is the last is FinalKillSignal=, and is told of each process", () => {
    const paper = new Paper("FinalKillSignal=QUIT", "ExecStart=/bin/x");
    paper.up();
    paper.send(STOP);
    paper.timeOut();
    expect(paper.actions).toContainEqual({ kind: "kill", signal: "QUIT", told: true });
  });
});

describe("what ends with a run", () => {
  test("is told to those who wait for either job", () => {
    const paper = new Paper("Type=exec", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.exited(1, { code: 1 }, { last: true });
    expect(paper.lines().at(-1)).toBe("Failed to start a.service - A.");
    expect(paper.state.startJob).toBe(false);
  });

  test("is no success of a start that a condition has skipped", () => {
    const paper = new Paper("ExecCondition=/bin/c", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.exited(1, { code: 1 }, { last: true });
    expect(paper.lines()).toEqual(["a.service: Skipped due to 'exec-condition'."]);
    expect(paper.state).toMatchObject({ sub: "dead", result: "exec-condition" });
  });

  test("with RestartMode=direct is told to nobody before the next", () => {
    const ended = (mode: string): readonly string[] => {
      const paper = new Paper("Restart=always", `RestartMode=${mode}`, "ExecStart=/bin/x");
      paper.up();
      paper.exited(1, { code: 1 }, { last: true });
      expect(paper.state.sub).toBe("auto-restart");
      return paper.kinds();
    };
    expect(ended("normal")).toContain("ended");
    expect(ended("direct")).not.toContain("ended");
  });

  test("keeps the first thing that went wrong as its result", () => {
    const paper = new Paper("ExecStart=/bin/x", "ExecStopPost=/bin/t");
    paper.up();
    paper.exited(1, { signal: "SEGV", core: true }, { last: true });
    paper.started(2);
    paper.gone(2, { code: 4 });
    expect(paper.state).toMatchObject({ sub: "failed", result: "core-dump" });
  });
});
