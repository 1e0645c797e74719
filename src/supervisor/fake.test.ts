import { expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { FakeMachine, type FakeRun } from "./fake.ts";
import type { UnitSource } from "./supervisor.ts";

const unit = (name: string): UnitSource => ({ name, file: "0".repeat(64), text: "" });

function machineOf(runs: Record<string, FakeRun>): { clock: VirtualClock; machine: FakeMachine } {
  const clock = new VirtualClock();
  const machine = new FakeMachine({ clock, behaviour: ({ name }) => runs[name] ?? { kind: "serve" } });
  return { clock, machine };
}

test("a service is active at once, and a crash at its time makes it failed", async () => {
  const { clock, machine } = machineOf({ "a.service": { kind: "serve", crashAfterMs: 500 } });
  const supervisor = machine.supervisor();
  await supervisor.load([unit("a.service")]);
  expect(await supervisor.start("a.service")).toEqual({ result: "done" });
  expect(supervisor.status("a.service")).toMatchObject({ active: "active", sub: "running" });
  clock.fireNext();
  expect(supervisor.status("a.service")).toMatchObject({ active: "failed", result: "exit-code" });
  expect(machine.running()).toEqual([]);
});

test("a oneshot is activating until it has run to its end, and completed from then on", async () => {
  const { clock, machine } = machineOf({ "job.service": { kind: "finish", afterMs: 100 } });
  const supervisor = machine.supervisor();
  await supervisor.load([unit("job.service")]);
  const ended = supervisor.start("job.service");
  expect(supervisor.status("job.service")).toMatchObject({ active: "activating", completed: false });
  clock.fireNext();
  expect(await ended).toEqual({ result: "done" });
  expect(supervisor.status("job.service")).toMatchObject({ active: "inactive", completed: true });
});

test("a unit scripted to fail answers the start job with the reason", async () => {
  const { machine } = machineOf({ "bad.service": { kind: "fail", message: "no such port" } });
  const supervisor = machine.supervisor();
  await supervisor.load([unit("bad.service")]);
  expect(await supervisor.start("bad.service")).toEqual({ result: "failed", message: "no such port" });
});

test("a stop while starting cancels the start", async () => {
  const { clock, machine } = machineOf({ "slow.service": { kind: "serve", startMs: 1000 } });
  const supervisor = machine.supervisor();
  await supervisor.load([unit("slow.service")]);
  const starting = supervisor.start("slow.service");
  await supervisor.stop("slow.service");
  expect(await starting).toMatchObject({ result: "canceled" });
  expect(clock.nextDueMs()).toBeUndefined();
});

test("units outlive a closed supervisor, and the next one takes them over", async () => {
  const { machine } = machineOf({});
  const first = machine.supervisor();
  await first.load([unit("a.service")]);
  await first.start("a.service");
  await first.close();
  expect(machine.supervisor().status("a.service")).toMatchObject({ active: "active" });
});

test("a power cut ends every run and keeps the unit files", async () => {
  const { clock, machine } = machineOf({ "a.service": { kind: "serve", crashAfterMs: 500 } });
  const before = machine.supervisor();
  const seen: string[] = [];
  before.onStatus((name) => seen.push(name));
  await before.load([unit("a.service")]);
  await before.start("a.service");
  seen.length = 0;
  machine.cutPower();
  expect(machine.running()).toEqual([]);
  expect(seen).toEqual([]);
  expect(clock.nextDueMs()).toBeUndefined();
  expect(machine.supervisor().status("a.service")).toMatchObject({ load: "loaded", active: "inactive" });
});

test("the journal resumes behind a cursor and follows until aborted", async () => {
  const { machine } = machineOf({});
  const supervisor = machine.supervisor();
  await supervisor.load([unit("a.service")]);
  await supervisor.start("a.service");
  const [first] = await Array.fromAsync(supervisor.journal({ units: ["a.service"], lines: 1 }));
  expect(first?.message).toBe("Started a.service.");
  const abort = new AbortController();
  const follow = supervisor.journal({
    units: ["a.service"],
    after: first?.cursor ?? "",
    follow: true,
    signal: abort.signal,
  });
  const iterator = follow[Symbol.asyncIterator]();
  const next = iterator.next();
  await supervisor.stop("a.service");
  expect(await next).toMatchObject({ value: { message: "Stopped a.service." } });
  abort.abort();
  expect((await iterator.next()).done).toBe(true);
});
