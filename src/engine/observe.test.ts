import { describe, expect, test } from "vitest";
import type { Outcome, UnitState } from "#model/records.ts";
import { ClusterBuilder, fileHash, machineId } from "#plan/testing/cluster-builder.ts";
import { type Observed, observe } from "./observe.ts";

const M1 = machineId("1");
const NOW_MS = 1_000;

class Observer {
  readonly cluster = new ClusterBuilder();
  readonly unreachable = new Set<string>();
  #observed: Observed | undefined;

  /** Sets what a machine says of a unit; undefined: it says nothing any more. */
  state(unit: string, short: string, change: Partial<UnitState> | undefined): this {
    const units = this.cluster.state.states.get(machineId(short)) ?? new Map<string, UnitState>();
    this.cluster.state.states.set(machineId(short), units);
    if (change === undefined) units.delete(unit);
    else units.set(unit, { ...RUNNING, ...change });
    return this;
  }

  outcome(unit: string, launch: number): this {
    const outcome: Outcome = { launch, file: RUNNING.file, machine: M1, finishedMs: NOW_MS };
    this.cluster.state.outcomes.set(unit, outcome);
    return this;
  }

  /** Looks again, and returns what it tells. */
  look(): readonly string[] {
    const { observed, events } = observe(this.#observed, this.cluster.state, this.unreachable, NOW_MS);
    this.#observed = observed;
    return events.map(({ kind, message }) => `${kind}: ${message}`);
  }
}

const RUNNING: UnitState = {
  load: "loaded",
  active: "active",
  sub: "running",
  result: "success",
  file: fileHash("a"),
  launch: 1,
  sinceMs: 0,
  restarts: 0,
};

function watching(...machines: readonly string[]): Observer {
  const observer = new Observer();
  for (const short of machines) observer.cluster.machine(short);
  observer.look();
  return observer;
}

describe("a new engine", () => {
  test("tells nothing of what it finds", () => {
    const observer = new Observer();
    observer.cluster.machine("1");
    observer.state("a.service", "1", {}).outcome("job.service", 1);
    expect(observer.look()).toEqual([]);
    expect(observer.look()).toEqual([]);
  });

  test("tells of machines that went while nobody looked: those that still have units", () => {
    const observer = new Observer();
    observer.cluster
      .machine("1")
      .machine("2")
      .unit("a.service", { on: ["2"] })
      .lose("2");
    expect(observer.look()).toEqual(["machine-lost: machine 22222222 is gone: its lease has ended"]);
    expect(observer.look()).toEqual([]);
  });
});

describe("machines", () => {
  test("are told of once when they come and once when they go", () => {
    const observer = watching("1");
    observer.cluster.machine("2");
    expect(observer.look()).toEqual(["machine-joined: machine node-2 joined"]);
    expect(observer.look()).toEqual([]);
    observer.cluster.lose("2");
    expect(observer.look()).toEqual(["machine-lost: machine node-2 is gone: its lease has ended"]);
    expect(observer.look()).toEqual([]);
  });
});

describe("a machine that nobody reaches", () => {
  test("is told of once, and once more when it answers again", () => {
    const observer = watching("1", "2");
    observer.unreachable.add(machineId("2"));
    const silent = "machine-unreachable: machine node-2 does not answer anybody; its lease has not ended yet";
    expect(observer.look()).toEqual([silent]);
    expect(observer.look()).toEqual([]);
    observer.unreachable.clear();
    expect(observer.look()).toEqual(["machine-reachable: machine node-2 answers again"]);
    expect(observer.look()).toEqual([]);
  });

  test("is told of by a new engine as well, which may have been elected for that", () => {
    const observer = new Observer();
    observer.cluster.machine("1").machine("2");
    observer.unreachable.add(machineId("2"));
    expect(observer.look()).toEqual([expect.stringMatching(/^machine-unreachable: machine node-2 /)]);
  });

  test("does not answer again by its lease's end", () => {
    const observer = watching("1", "2");
    observer.unreachable.add(machineId("2"));
    observer.look();
    observer.cluster.lose("2");
    expect(observer.look()).toEqual(["machine-lost: machine node-2 is gone: its lease has ended"]);
    observer.unreachable.clear();
    expect(observer.look()).toEqual([]);
  });
});

describe("units", () => {
  test("are told of when they become active, once", () => {
    const observer = watching("1").state("a.service", "1", { active: "activating" });
    expect(observer.look()).toEqual([]);
    observer.state("a.service", "1", {});
    expect(observer.look()).toEqual(["unit-active: a.service is active on node-1"]);
    observer.state("a.service", "1", { mainPid: 7 });
    expect(observer.look()).toEqual([]);
  });

  test("are told of when they fail, with why", () => {
    const observer = watching("1").state("a.service", "1", { active: "failed", result: "exit-code" });
    expect(observer.look()).toEqual(["unit-failed: a.service failed on node-1: exit-code"]);
    observer.state("b.service", "1", { active: "failed", result: "timeout", message: "no READY=1" });
    expect(observer.look()).toEqual(["unit-failed: b.service failed on node-1: timeout, no READY=1"]);
  });

  test("are told of again when they have been something else in between", () => {
    const observer = watching("1").state("a.service", "1", {});
    observer.look();
    observer.state("a.service", "1", { active: "activating" });
    expect(observer.look()).toEqual([]);
    observer.state("a.service", "1", {});
    expect(observer.look()).toHaveLength(1);
  });

  test("are told of on each machine they are on", () => {
    const observer = watching("1", "2").state("a.service", "1", {});
    observer.look();
    observer.state("a.service", "2", {}).state("a.service", "1", undefined);
    expect(observer.look()).toEqual(["unit-active: a.service is active on node-2"]);
  });
});

describe("oneshots", () => {
  test("are told of once for each launch that has finished", () => {
    const observer = watching("1").outcome("job.service", 1);
    expect(observer.look()).toEqual(["unit-finished: job.service finished on node-1"]);
    expect(observer.look()).toEqual([]);
    observer.outcome("job.service", 2);
    expect(observer.look()).toHaveLength(1);
  });
});
