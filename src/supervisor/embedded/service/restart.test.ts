import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSavedState } from "./saved-state.ts";
import type { ServiceEvent } from "./state.ts";
import { Paper } from "./testing.ts";

describe("a restart", () => {
  test("is seen to be failed in between, unless it is direct", () => {
    for (const [mode, kinds] of [
      ["normal", ["clean", "ended"]],
      ["direct", ["clean"]],
    ] as const) {
      const paper = new Paper("Restart=always", `RestartMode=${mode}`, "ExecStart=/bin/x");
      paper.up();
      expect(paper.exited(1, { code: 1 }, { last: true })).toBe("auto-restart");
      expect(paper.kinds()).toEqual(kinds);
    }
  });

  test("that cannot be made fails the unit", () => {
    const paper = new Paper("Restart=always", "ExecStart=/bin/x");
    paper.up();
    paper.gone(1, { code: 0 });
    paper.timeOut();
    expect(paper.send({ kind: "restart-refused", reason: "no such unit" })).toBe("failed");
    expect(paper.state.result).toBe("resources");
  });

  test("sends RestartKillSignal=, and no SIGHUP, where it is asked for", () => {
    const paper = new Paper("KillSignal=INT", "RestartKillSignal=USR1", "SendSIGHUP=yes", "ExecStart=/bin/x");
    paper.up();
    paper.send({ kind: "stop", restarts: true });
    expect(paper.signals()).toEqual(["USR1"]);
    const stopped = new Paper(
      "KillSignal=INT",
      "RestartKillSignal=USR1",
      "SendSIGHUP=yes",
      "ExecStart=/bin/x",
    );
    stopped.up();
    stopped.send({ kind: "stop", restarts: false });
    expect(stopped.signals()).toEqual(["INT", "HUP"]);
  });

  test("counts on, until a start by hand", () => {
    const paper = new Paper("Restart=on-failure", "ExecStart=/bin/x");
    paper.up();
    paper.gone(1, { code: 1 });
    paper.timeOut();
    paper.restart();
    paper.started(2);
    expect(paper.state.restarts).toBe(1);
    paper.gone(2, { code: 0 });
    expect(paper.state).toMatchObject({ sub: "dead", restarts: 1 });
    paper.send({ kind: "start" });
    expect(paper.state.restarts).toBe(0);
  });
});

test("a state that an older daemon kept is read", () => {
  const old = {
    sub: "running",
    result: "success",
    sinceMs: 1,
    invocation: "i",
    nextRun: 2,
    mainRun: 1,
    mainPid: 5,
    mainAlive: true,
    mainIndex: 0,
    empty: false,
    starts: [1],
    restarts: 0,
    stopping: false,
    startAgain: false,
    completed: false,
  };
  expect(readSavedState(old)).toMatchObject({ sub: "running", mainPid: 5, notifyState: "unknown" });
});

const LINES = fc.subarray([
  "Restart=always",
  "RemainAfterExit=yes",
  "KillMode=mixed",
  "WatchdogSec=1",
  "SendSIGKILL=no",
  "NotifyAccess=all",
  "FileDescriptorStoreMax=2",
  "ExitType=cgroup",
  "RuntimeMaxSec=5",
  "ExecCondition=/bin/c",
  "ExecStartPre=/bin/p",
  "ExecStartPost=/bin/q",
  "ExecReload=/bin/r",
  "ExecStop=/bin/s",
  "ExecStopPost=/bin/t",
  "PIDFile=/run/a.pid",
]);
const TYPE = fc.constantFrom("simple", "exec", "forking", "notify", "notify-reload", "idle");
const RUN = fc.integer({ min: 1, max: 8 });
const EVENT: fc.Arbitrary<ServiceEvent> = fc.oneof(
  fc.constantFrom<ServiceEvent>(
    { kind: "start" },
    { kind: "stop", restarts: false },
    { kind: "stop", restarts: true },
    { kind: "reload" },
    { kind: "reset-failed" },
    { kind: "empty" },
    { kind: "oom" },
    { kind: "hangup", fd: 1 },
    { kind: "unneeded" },
    { kind: "deadline" },
    { kind: "watchdog" },
    { kind: "lost", reason: "gone" },
  ),
  RUN.map((run): ServiceEvent => ({ kind: "started", run, pid: 100 + run })),
  RUN.map((run): ServiceEvent => ({ kind: "execed", run })),
  fc.record({ kind: fc.constant("adopted" as const), run: RUN, pid: fc.constantFrom(0, 77) }),
  fc.record({
    kind: fc.constant("exited" as const),
    run: RUN,
    pid: fc.constant(1),
    end: fc.constantFrom({ code: 0 }, { code: 3 }, { signal: "KILL" }),
    last: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("notify" as const),
    uid: fc.constantFrom(0, 1000),
    pid: fc.constant(1),
    run: RUN,
    text: fc.constantFrom(
      "READY=1",
      "STOPPING=1",
      "RELOADING=1",
      "MAINPID=77",
      "WATCHDOG=trigger",
      "FDSTORE=1",
    ),
    fds: fc.constantFrom([], [{ fd: 1, same: [] }], [{ fd: 2, same: [1] }]),
  }),
);

test("whatever happens, the state can be kept and read, and a unit at rest waits for nothing", () => {
  fc.assert(
    fc.property(TYPE, LINES, fc.array(EVENT, { maxLength: 60 }), (type, lines, events) => {
      const paper = new Paper(`Type=${type}`, "ExecStart=/bin/x", ...lines);
      for (const event of events) {
        paper.nowMs += 1;
        paper.send(event);
        const { state } = paper;
        expect(readSavedState(JSON.parse(JSON.stringify(state)))).toEqual(state);
        if (state.sub !== "dead" && state.sub !== "failed") continue;
        expect(state).toMatchObject({ mainAlive: false, startJob: false, stopJob: false, reloadJob: false });
        expect([state.control, state.deadlineMs, state.watchdogDueMs]).toEqual([
          undefined,
          undefined,
          undefined,
        ]);
      }
    }),
    { numRuns: 300 },
  );
});

test("a unit that is stopped comes to rest, whatever happened before", () => {
  fc.assert(
    fc.property(TYPE, LINES, fc.array(EVENT, { maxLength: 40 }), (type, lines, events) => {
      const paper = new Paper(`Type=${type}`, "ExecStart=/bin/x", ...lines);
      for (const event of events) paper.send(event);
      paper.send({ kind: "stop", restarts: false });
      for (let round = 0; round < 12 && !["dead", "failed"].includes(paper.state.sub); round++) {
        paper.nowMs += 1;
        if (paper.state.deadlineMs === undefined) paper.send({ kind: "empty" });
        else paper.timeOut();
      }
      expect(["dead", "failed"]).toContain(paper.state.sub);
    }),
    { numRuns: 300 },
  );
});
