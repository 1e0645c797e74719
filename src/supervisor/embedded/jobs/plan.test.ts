import { describe, expect, test } from "vitest";
import { type Paper, paperMachine, plan, show } from "./testing.ts";

/** What a request means: jobs, or the error. */
function means(units: Paper, request: string, options: Parameters<typeof plan>[2] = "replace") {
  return show(plan(paperMachine(units), request, options));
}

describe("a start", () => {
  test.each([
    ["Requires", ["a/start", "b/start"]],
    ["BindsTo", ["a/start", "b/start"]],
    ["Wants", ["a/start", "b/start"]],
    ["Upholds", ["a/start", "b/start"]],
    ["Requisite", ["a/start", "b/verify-active"]],
    ["PartOf", ["a/start"]],
    ["After", ["a/start"]],
    ["Before", ["a/start"]],
    ["OnFailure", ["a/start"]],
    ["OnSuccess", ["a/start"]],
    ["PropagatesStopTo", ["a/start"]],
    ["StopPropagatedFrom", ["a/start"]],
    ["PropagatesReloadTo", ["a/start"]],
    ["Conflicts", ["a/start"]],
  ])("with %s= of a unit that is down", (key, jobs) => {
    expect(means({ "a.service": `${key}=b.service`, "b.service": "" }, "start a")).toEqual(jobs);
  });

  test.each([
    ["Requires", ["a/start"]],
    ["Requisite", ["a/start"]],
    ["Wants", ["a/start"]],
    ["Conflicts", ["a/start", "b/stop"]],
  ])("with %s= of a unit that is up", (key, jobs) => {
    expect(means({ "a.service": `${key}=b.service`, "b.service*": "" }, "start a")).toEqual(jobs);
  });

  test("stops what conflicts with it from the other side", () => {
    expect(means({ "a.service": "", "b.service*": "Conflicts=a.service" }, "start a")).toEqual([
      "a/start",
      "b/stop",
    ]);
  });

  test("takes along what requires a unit that it stops", () => {
    const units = {
      "a.service": "Conflicts=b.service",
      "b.service*": "",
      "c.service*": "Requires=b.service",
    };
    expect(means(units, "start a")).toEqual(["a/start", "b/stop", "c/stop"]);
  });

  test("of a unit that is up is a job, and starts what it needs and is down", () => {
    expect(means({ "a.service*": "Wants=b.service", "b.service": "" }, "start a")).toEqual([
      "a/start",
      "b/start",
    ]);
  });

  test.each([
    ["missing", {}, "NoSuchUnit"],
    ["masked", { "b.service": "Masked=" }, "UnitMasked"],
    ["bad", { "b.service": "Bad=" }, "BadUnitSetting"],
  ])("is refused where a required unit is %s, and not where it is wanted", (_, others: Paper, error) => {
    expect(means({ "a.service": "Requires=b.service", ...others }, "start a")).toBe(error);
    expect(means({ "a.service": "Requisite=b.service", ...others }, "start a")).toBe(error);
    expect(means({ "a.service": "Wants=b.service", ...others }, "start a")).toEqual(["a/start"]);
    expect(means({ "a.service": "Conflicts=b.service", ...others }, "start a")).toEqual(["a/start"]);
  });

  test("keeps what a wanted unit had pulled in before it could not be had", () => {
    const units = {
      "a.service": "Wants=b.service",
      "b.service": "Requires=c.service d.service",
      "c.service": "",
    };
    expect(means(units, "start a")).toEqual(["a/start", "b/start", "c/start"]);
  });

  test("of what cannot be is refused by systemd's words", () => {
    const { message } = { message: "", ...plan(paperMachine({}), "start a") };
    expect(message).toBe("Unit a.service not found.");
  });

  test("leaves alone what is perpetual", () => {
    expect(means({ "a.service": "Conflicts=b.service", "b.service*": "Perpetual=" }, "start a")).toEqual([
      "a/start",
    ]);
    expect(means({ "b.service*": "Perpetual=" }, "stop b")).toBe("JobTypeNotApplicable");
  });
});

describe("a stop", () => {
  test.each([
    ["Requires", true],
    ["Requisite", true],
    ["BindsTo", true],
    ["PartOf", true],
    ["StopPropagatedFrom", true],
    ["Wants", false],
    ["Upholds", false],
    ["Conflicts", false],
    ["After", false],
  ])("of what a unit names in %s= takes it along: %s", (key, along) => {
    const jobs = means({ "a.service*": "", "b.service*": `${key}=a.service` }, "stop a");
    expect(jobs).toEqual(along ? ["a/stop", "b/stop"] : ["a/stop"]);
  });

  test("does not go through units that are down, as in systemd", () => {
    const units = { "a.service*": "", "b.service": "Requires=a.service", "c.service*": "PartOf=b.service" };
    expect(means(units, "stop a")).toEqual(["a/stop"]);
    expect(
      means(
        { "a.service*": "", "b.service*": "Requires=a.service", "c.service*": "PartOf=b.service" },
        "stop a",
      ),
    ).toEqual(["a/stop", "b/stop", "c/stop"]);
  });

  test("of what is not there is a job of its own", () => {
    expect(means({}, "stop a")).toEqual(["a/stop"]);
  });
});

describe("a restart", () => {
  test.each([
    ["Requires", true],
    ["Requisite", true],
    ["BindsTo", true],
    ["PartOf", true],
    ["StopPropagatedFrom", false],
    ["Wants", false],
  ])("of what a unit names in %s= restarts it: %s, and only if it is up", (key, along) => {
    const up = means({ "a.service*": "", "b.service*": `${key}=a.service` }, "restart a");
    expect(up).toEqual(along ? ["a/restart", "b/restart"] : ["a/restart"]);
    const down = means({ "a.service*": "", "b.service": `${key}=a.service` }, "restart a");
    expect(down).toEqual(["a/restart"]);
  });

  test("starts what the unit needs", () => {
    expect(means({ "a.service": "Requires=b.service", "b.service": "" }, "restart a")).toEqual([
      "a/restart",
      "b/start",
    ]);
  });

  test("of a unit that is down and only to be restarted if it is up is nothing", () => {
    expect(means({ "a.service": "Requires=b.service", "b.service": "" }, "try-restart a")).toEqual(["a/nop"]);
  });
});

test("a reload goes where it is propagated to, to units that are up and can", () => {
  const units = {
    "a.service*": "PropagatesReloadTo=b.service c.service d.service; CanReload=",
    "b.service*": "CanReload=",
    "c.service": "CanReload=",
    "d.service*": "",
  };
  expect(means(units, "reload a")).toEqual(["a/reload", "b/reload"]);
  expect(means({ "a.service*": "" }, "reload a")).toBe("JobTypeNotApplicable");
});

describe("circles of orders", () => {
  test("are broken at a job that does not matter, with a word in the journal", () => {
    const transaction = plan(
      paperMachine({ "a.service": "Wants=b.service; After=b.service", "b.service": "After=a.service" }),
      "start a",
    );
    expect(show(transaction)).toEqual(["a/start"]);
    expect(transaction.notes.map(({ text }) => text)).toEqual([
      "a.service: Found ordering cycle on b.service/start",
      "a.service: Found dependency on a.service/start",
      "a.service: Job b.service/start deleted to break ordering cycle starting with a.service/start",
    ]);
  });

  test("take along what cannot be without the job that is left out", () => {
    const units = {
      "a.service": "Wants=b.service; After=b.service",
      "b.service": "Requires=c.service; After=c.service",
      "c.service": "After=a.service",
    };
    expect(means(units, "start a")).toEqual(["a/start"]);
  });

  test("are refused where every job matters, and tell who waits for whom", () => {
    const transaction = plan(
      paperMachine({ "a.service": "Requires=b.service; After=b.service", "b.service": "After=a.service" }),
      "start a",
    );
    expect(transaction).toMatchObject({
      error: "TransactionOrderIsCyclic",
      message: expect.stringMatching(/a\.service.*b\.service|b\.service.*a\.service/),
    });
    expect(transaction.notes.at(-1)).toMatchObject({ priority: 3, text: expect.stringContaining("Unable") });
  });

  test("are none where a stop and a start are concerned, since stops go first", () => {
    const units = { "a.service": "Conflicts=b.service; After=b.service", "b.service*": "After=a.service" };
    expect(means(units, "start a")).toEqual(["a/start", "b/stop"]);
  });

  test("go through jobs in the queue as well", () => {
    const units = { "a.service": "After=b.service", "b.service~": "After=a.service" };
    const view = paperMachine(units, { "b.service": "start" });
    expect(show(plan(view, "start a"))).toBe("TransactionOrderIsCyclic");
    expect(show(plan(view, "start a", "ignore-dependencies"))).toEqual(["a/start"]);
  });
});

describe("jobs that contradict each other", () => {
  test("are refused where both matter", () => {
    const units = {
      "a.service": "Requires=b.service c.service",
      "b.service": "Conflicts=c.service",
      "c.service": "",
    };
    const transaction = plan(paperMachine(units), "start a");
    expect(transaction).toMatchObject({
      error: "TransactionJobsConflicting",
      message: expect.stringMatching(/conflicting jobs 'st\w+' and 'st\w+' for [abc]\.service/),
    });
  });

  test("lose the one that does not matter", () => {
    const units = {
      "a.service": "Requires=b.service; Wants=c.service",
      "b.service": "Conflicts=c.service",
      "c.service": "",
    };
    expect(means(units, "start a")).toEqual(["a/start", "b/start"]);
  });

  test("lose, of two that do not matter, the start where the stop is for Conflicts=", () => {
    const units = {
      "a.service": "Wants=b.service c.service",
      "b.service": "Conflicts=c.service",
      "c.service": "",
    };
    expect(means(units, "start a")).toEqual(["a/start", "b/start"]);
  });

  test("lose, of two that do not matter, the stop where only the other side conflicts", () => {
    const units = {
      "a.service": "Wants=b.service c.service",
      "b.service": "",
      "c.service": "Conflicts=b.service",
    };
    expect(means(units, "start a")).toEqual(["a/start", "c/start"]);
  });
});

describe("against the queue", () => {
  const units = { "a.service": "Conflicts=b.service", "b.service~": "" };

  test("a job may turn a queued one around, but not in mode fail", () => {
    const view = paperMachine(units, { "b.service": "start" });
    expect(show(plan(view, "start a"))).toEqual(["a/start", "b/stop"]);
    expect(plan(view, "start a", "fail")).toMatchObject({
      error: "TransactionIsDestructive",
      message:
        "Transaction for a.service/start is destructive " +
        "(b.service has 'start' job queued, but 'stop' is included in transaction).",
    });
  });

  test("an irreversible job stands in every mode", () => {
    const view = paperMachine(units, { "b.service": "start!" });
    expect(show(plan(view, "start a"))).toBe("TransactionIsDestructive");
    expect(show(plan(view, "start b"))).toEqual(["b/start"]);
  });

  test("mode fail leaves out what does not matter and would stop a unit or turn a job around", () => {
    const wanted = { "a.service": "", "b.service*": "Conflicts=a.service" };
    expect(means(wanted, "start a", "fail")).toEqual(["a/start"]);
    const view = paperMachine({ "a.service": "Wants=b.service", "b.service*": "" }, { "b.service": "stop" });
    expect(show(plan(view, "start a", "fail"))).toEqual(["a/start"]);
    expect(show(plan(view, "start a"))).toEqual(["a/start", "b/start"]);
  });

  test("a job that the unit's state makes needless is kept where a queued one contradicts it", () => {
    const view = paperMachine(
      { "a.service": "Requires=b.service", "b.service*": "" },
      { "b.service": "stop" },
    );
    expect(show(plan(view, "start a"))).toEqual(["a/start", "b/start"]);
  });
});

describe("modes", () => {
  test("isolate stops all that is up and not named, but for what ignores it", () => {
    const units = {
      "t.target": "AllowIsolate=yes; Requires=a.service",
      "a.service*": "",
      "b.service*": "",
      "c.service*": "IgnoreOnIsolate=yes",
      "d.service": "",
    };
    expect(means(units, "start t.target", "isolate")).toEqual(["b/stop", "t.target/start"]);
    expect(means({ "a.service": "" }, "start a", "isolate")).toBe("NoIsolation");
  });

  test("isolate stops units on their way up, too", () => {
    const view = paperMachine({ "t.target": "AllowIsolate=yes", "a.service": "" }, { "a.service": "start" });
    expect(show(plan(view, "start t.target", "isolate"))).toEqual(["a/stop", "t.target/start"]);
  });

  test.each(["ignore-dependencies", "ignore-requirements"] as const)("%s names no other unit", (mode) => {
    const units = {
      "a.service": "Requires=b.service none.service; Conflicts=c.service",
      "b.service": "",
      "c.service*": "",
    };
    expect(means(units, "start a", mode)).toEqual(["a/start"]);
  });
});

describe("of a unit that has several jobs, until they are merged", () => {
  test("the one that was added last stands in the order, which can close a circle", () => {
    const units = {
      "b.target": "Upholds=c.service\nAfter=c.service",
      "c.service": "Requires=b.target\nAfter=b.target",
    };
    expect(means(units, "restart c")).toBe("TransactionOrderIsCyclic");
    expect(means(units, "start c")).toBe("TransactionOrderIsCyclic");
  });

  test("one that nothing asks for any more stays behind another that is asked for", () => {
    const units = {
      "a.target": "Upholds=c.service\nConflicts=b.service\nAfter=b.service",
      "b.service": "Upholds=a.target",
      "c.service": "Wants=b.service\nRequisite=a.target\nAfter=a.target",
    };
    expect(means(units, "start c")).toEqual(["a.target/start", "c/start"]);
  });
});
