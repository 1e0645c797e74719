import { beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import type { MachineStep } from "#plan/reconcile/plan-machine.ts";
import { FakeMachine, type FakeRun } from "#supervisor/fake.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { passTime, settle } from "../../test/simulation/time.ts";
import { type StepEnd, StepRunner } from "./steps.ts";

const UNIT = "a.service";
const SOURCES = new Map([[UNIT, { name: UNIT, file: "f".repeat(64), text: "" }]]);

let clock: VirtualClock;
let run: FakeRun;
let supervisor: Supervisor;
let ends: (StepEnd & { readonly unit: string })[];
let steps: StepRunner;

beforeEach(async () => {
  clock = new VirtualClock();
  run = { kind: "serve" };
  ends = [];
  supervisor = new FakeMachine({ clock, behaviour: () => run }).supervisor();
  steps = new StepRunner(supervisor, (unit, end) => ends.push({ unit, ...end }));
  await take("load");
});

async function take(...kinds: readonly MachineStep["kind"][]): Promise<void> {
  const planned = kinds.map((kind) => ({ kind, unit: UNIT, reason: "r", applied: undefined }));
  await steps.take(planned, SOURCES);
  await settle();
}

describe("StepRunner", () => {
  test("awaits loading, which is no step under way", () => {
    expect(supervisor.status(UNIT)?.load).toBe("loaded");
    expect([...steps.underWay]).toEqual([]);
    expect(ends).toEqual([]);
  });

  test("goes on while a unit starts, says that it does, and tells when it has", async () => {
    run = { kind: "serve", startMs: 1_000 };
    await take("start");
    expect([...steps.underWay]).toEqual([[UNIT, "start"]]);
    await passTime(clock, 1_000);
    expect([...steps.underWay]).toEqual([]);
    expect(ends).toMatchObject([{ unit: UNIT, trouble: undefined, lacking: false, untried: false }]);
  });

  test("lets a stop overtake a start, which then does not report", async () => {
    run = { kind: "serve", startMs: 60_000 };
    await take("start");
    await take("stop");
    expect(supervisor.status(UNIT)?.active).toBe("inactive");
    await passTime(clock, 120_000);
    expect(ends).toHaveLength(1);
    expect([...steps.underWay]).toEqual([]);
  });

  test("an overtaken step that ends late neither ends nor speaks for the one that took its place", async () => {
    let failStart: (error: Error) => void = () => undefined;
    supervisor.start = () => new Promise((_resolve, reject) => (failStart = reject));
    let endStop: () => void = () => undefined;
    supervisor.stop = () => new Promise((resolve) => (endStop = () => resolve({ result: "done" })));
    await take("start");
    await take("stop");
    failStart(new Error("too late"));
    await settle();
    expect(ends).toEqual([]);
    expect([...steps.underWay]).toEqual([[UNIT, "stop"]]);
    endStop();
    await settle();
    expect(ends).toMatchObject([{ unit: UNIT, trouble: undefined, lacking: false, untried: false }]);
  });

  test("tells what went wrong in words, and whether another unit was lacking", async () => {
    run = { kind: "fail", message: "no such program" };
    await take("start");
    supervisor.start = async () => ({ result: "invalid", message: "peer.service is not loaded" });
    await take("start");
    supervisor.start = async () => ({ result: "timeout" });
    await take("start");
    supervisor.start = () => Promise.reject(new Error("no supervisor"));
    await take("start");
    expect(ends.map(({ trouble, lacking }) => [trouble, lacking])).toEqual([
      ["no such program", false],
      ["peer.service is not loaded", true],
      ["start job ended with timeout", false],
      ["start failed: no supervisor", false],
    ]);
  });

  test("takes neither a canceled nor a skipped job for trouble", async () => {
    for (const result of ["canceled", "skipped"] as const) {
      supervisor.start = async () => ({ result, message: "why" });
      await take("start");
    }
    expect(ends.map(({ trouble }) => trouble)).toEqual([undefined, undefined]);
  });

  test("gives a failed unit a new chance when it is started", async () => {
    run = { kind: "fail" };
    await take("start");
    expect(supervisor.status(UNIT)?.active).toBe("failed");
    run = { kind: "serve" };
    await take("start");
    expect(supervisor.status(UNIT)).toMatchObject({ active: "active", result: "success" });
  });

  test.each([
    ["that was taken away", async () => take("unload")],
    [
      "that is about to be taken away",
      async () => steps.overtake([{ kind: "unload", unit: UNIT, reason: "r", applied: undefined }]),
    ],
  ])("does not start a failed unit %s before its new chance was given", async (_when, overtake) => {
    run = { kind: "fail" };
    await take("start");
    run = { kind: "serve" };
    const reset = supervisor.resetFailed;
    let goOn: () => void = () => undefined;
    supervisor.resetFailed = (unit) =>
      new Promise<void>((resolve) => {
        goOn = resolve;
      }).then(() => reset(unit));
    const started: string[] = [];
    const start = supervisor.start;
    supervisor.start = (unit) => {
      started.push(unit);
      return start(unit);
    };
    await take("start");
    await overtake();
    goOn();
    await settle();
    expect(started).toEqual([]);
    await take("unload");
    expect([...steps.underWay]).toEqual([]);
  });

  test("replaces a file only when what ran by the old one has stopped", async () => {
    await take("start");
    const order: string[] = [];
    supervisor.onStatus((_unit, status) => order.push(`${status?.active} ${status?.file[0]}`));
    const source = { name: UNIT, file: "e".repeat(64), text: "" };
    await steps.take(
      [{ kind: "replace", unit: UNIT, reason: "r", applied: undefined }],
      new Map([[UNIT, source]]),
    );
    await settle();
    expect(order).toEqual(["inactive f", "inactive e"]);
  });
});
