import { describe, expect, test } from "vitest";
import { Paper } from "./testing.ts";

describe("a notify-reload service", () => {
  const reloading = (...more: readonly string[]): Paper => {
    const paper = new Paper("Type=notify-reload", "ReloadSignal=USR1", "ExecStart=/bin/x", ...more);
    paper.up();
    paper.nowMs = 5;
    paper.send({ kind: "reload" });
    return paper;
  };

  test("is sent its signal and answers with a message of a later time", () => {
    const paper = reloading();
    expect(paper.signals()).toEqual(["USR1 1"]);
    expect(paper.state.sub).toBe("reload-signal");
    expect(paper.notify(1, "RELOADING=1", "MONOTONIC_USEC=4999")).toBe("reload-signal");
    expect(paper.notify(1, "RELOADING=1")).toBe("reload-signal");
    expect(paper.notify(1, "RELOADING=1", "MONOTONIC_USEC=5000")).toBe("reload-notify");
    expect(paper.notify(1, "READY=1")).toBe("running");
    expect(paper.actions).toContainEqual({ kind: "reloaded", failed: false });
  });

  test("may have reloaded already when it answers", () => {
    const paper = reloading();
    expect(paper.notify(1, "RELOADING=1", "READY=1", "MONOTONIC_USEC=6000")).toBe("running");
    expect(paper.lines()).toEqual(["Reloaded a.service - A."]);
  });

  test("that does not answer has failed to reload, and runs on", () => {
    const paper = reloading();
    expect(paper.timeOut()).toBe("running");
    expect(paper.actions).toContainEqual({ kind: "reloaded", failed: true });
    expect(paper.state).toMatchObject({ result: "success", reloadResult: "timeout" });
  });

  test("with ExecReload= waits for both", () => {
    const paper = reloading("ExecReload=/bin/r");
    expect(paper.state.sub).toBe("reload");
    expect(paper.notify(1, "RELOADING=1", "MONOTONIC_USEC=6000")).toBe("reload");
    expect(paper.exited(2, { code: 0 })).toBe("reload-notify");
    expect(paper.notify(1, "READY=1")).toBe("running");
  });
});

describe("a service that speaks of itself", () => {
  test("reloads unasked, and is reloading until it is ready", () => {
    const paper = new Paper("Type=notify", "ExecStart=/bin/x");
    paper.up();
    expect(paper.notify(1, "RELOADING=1")).toBe("reload-notify");
    expect(paper.notify(1, "READY=1")).toBe("running");
  });

  test("stops unasked, as if it had been signalled", () => {
    const paper = new Paper("Type=notify", "ExecStart=/bin/x");
    paper.up();
    expect(paper.notify(1, "STOPPING=1", "READY=1", "RELOADING=1")).toBe("stop-sigterm");
    expect(paper.signals()).toEqual([]);
    expect(paper.gone(1, { code: 0 })).toBe("dead");
  });

  test("that stops before it is ready stops as soon as it is up", () => {
    const paper = new Paper("Type=exec", "NotifyAccess=main", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    expect(paper.notify(1, "STOPPING=1")).toBe("start");
    expect(paper.send({ kind: "execed", run: 1 })).toBe("stop-sigterm");
  });

  test("extends its deadline, and never shortens it", () => {
    const paper = new Paper("Type=notify", "TimeoutStartSec=10", "ExecStart=/bin/x");
    paper.send({ kind: "start" });
    paper.started(1);
    paper.notify(1, "EXTEND_TIMEOUT_USEC=1000000");
    expect(paper.state.deadlineMs).toBe(10_000);
    paper.notify(1, "EXTEND_TIMEOUT_USEC=20000000");
    expect(paper.state.deadlineMs).toBe(20_000);
  });

  test.each([
    ["STATUS=ok", { statusText: "ok" }],
    ["STATUS=a=b", { statusText: "a=b" }],
    ["ERRNO=2", { statusErrno: 2 }],
    ["STATUS=one\nSTATUS=two", { statusText: "one" }],
  ])("with %j is shown so", (text, shown) => {
    const paper = new Paper("NotifyAccess=main", "ExecStart=/bin/x");
    paper.up();
    paper.notify(1, text);
    expect(paper.state).toMatchObject(shown);
  });

  test.each(["ERRNO=x", "MAINPID=0", "MAINPID=-4", "WATCHDOG=2", "WATCHDOG_USEC=soon"])(
    "with %j is told that this cannot be read",
    (text) => {
      const paper = new Paper("NotifyAccess=main", "ExecStart=/bin/x");
      paper.up();
      expect(paper.notify(1, text)).toBe("running");
      expect(paper.lines()).toHaveLength(1);
    },
  );
});

describe("NotifyAccess=", () => {
  test.each([
    ["none", [false, false, false]],
    ["main", [true, false, false]],
    ["exec", [true, true, false]],
    ["all", [true, true, true]],
  ])("%s hears main process, command, and others: %j", (access, heard) => {
    const paper = new Paper(`NotifyAccess=${access}`, "ExecStart=/bin/x", "ExecReload=/bin/r");
    paper.up();
    paper.send({ kind: "reload" });
    paper.started(2);
    const answers = [1, 2, undefined].map((run, index) => {
      paper.notify(run, `STATUS=${index}`);
      return paper.state.statusText === String(index);
    });
    expect(answers).toEqual(heard);
  });

  test("refuses with the number of who spoke and of who may", () => {
    const paper = new Paper("NotifyAccess=main", "ExecStart=/bin/x");
    paper.up();
    paper.notify(undefined, "STATUS=x");
    expect(paper.lines()).toEqual([
      "a.service: Got notification message from PID 1000, but reception only permitted for main PID 101",
    ]);
  });
});

describe("MAINPID=", () => {
  const watching = (): Paper => {
    const paper = new Paper("NotifyAccess=main", "ExecStart=/bin/x");
    paper.up();
    paper.notify(1, "MAINPID=77");
    return paper;
  };

  test("names another main process, once it is known to be one of the unit's", () => {
    const paper = watching();
    expect(paper.actions).toEqual([{ kind: "watch", run: 2, pid: 77, foreign: true }]);
    expect(paper.state).toMatchObject({ mainRun: 1, mainPid: 101 });
    paper.send({ kind: "adopted", run: 2, pid: 77 });
    expect(paper.state).toMatchObject({ mainRun: 2, mainPid: 77, mainAlive: true });
    expect(paper.exited(1, { code: 3 })).toBe("running");
    expect(paper.gone(2, { code: 0 })).toBe("dead");
  });

  test("that names none of the unit's changes nothing", () => {
    const paper = watching();
    paper.send({ kind: "adopted", run: 2, pid: 0 });
    expect(paper.state).toMatchObject({ mainRun: 1, mainPid: 101, mainAlive: true });
  });

  test("is waited for where the main process ends before the answer", () => {
    const good = watching();
    expect(good.exited(1, { code: 3 })).toBe("running");
    good.send({ kind: "adopted", run: 2, pid: 77 });
    expect(good.state).toMatchObject({ sub: "running", mainPid: 77, result: "success" });
    const bad = watching();
    bad.exited(1, { code: 3 }, { last: true });
    expect(bad.send({ kind: "adopted", run: 2, pid: 0 })).toBe("failed");
    expect(bad.state).toMatchObject({ result: "exit-code", mainEnd: { code: 3 } });
  });

  test.each(["MAINPID=1", "MAINPID=101"])("%s is not asked about", (text) => {
    const paper = new Paper("NotifyAccess=main", "ExecStart=/bin/x");
    paper.up();
    paper.notify(1, text);
    expect(paper.kinds()).toEqual([]);
  });
});
