import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { keys, ranges } from "#model/keys.ts";
import { toBytes, toText } from "#store/keys.ts";
import { putJson } from "#store/ops.ts";
import { away, Bench, M1, OTHER_TEXT, TEXT } from "../../test/agent/bench.ts";
import { hashOf } from "./unit-files.ts";

let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.cluster();
  await bench.file(TEXT);
});
afterEach(async () => {
  await bench.stop();
  await bench.memoryStore.close();
});

describe("an assignment", () => {
  test("is written down, then started, then told of", async () => {
    await bench.start();
    bench.trace.length = 0;
    await bench.assign("a.service");
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect(bench.trace.indexOf("save")).toBeLessThan(bench.trace.indexOf("start a.service"));
    expect(bench.memory.applied["a.service"]).toMatchObject({ desired: "launched", launch: 1 });
    expect(await bench.state("a.service")).toMatchObject({ active: "active", launch: 1 });
  });

  test("is not started while it cannot be written down, which its state says", async () => {
    await bench.start();
    bench.diskIsFull = true;
    await bench.assign("a.service");
    expect(bench.hardware.running()).toEqual([]);
    expect((await bench.state("a.service"))?.message).toBe("cannot start it: no space left on the disk");
    bench.diskIsFull = false;
    await bench.pass(6_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect((await bench.state("a.service"))?.message).toBe(undefined);
  });

  test("is not started before what came with it is loaded, also where only that file has to be fetched", async () => {
    const other = await bench.file(OTHER_TEXT);
    await bench.start();
    bench.files.set(hashOf(TEXT), TEXT);
    const assignment = { file: hashOf(TEXT), desired: "launched", launch: 1, reason: "r", assignedMs: 0 };
    const success = [
      putJson(keys.assignment(M1, "follower.service"), assignment),
      putJson(keys.assignment(M1, "peer.service"), { ...assignment, file: other }),
    ];
    await bench.memoryStore.txn({ compare: [], success, failure: [] });
    await bench.pass(200);
    expect(bench.hardware.running().toSorted()).toEqual(["follower.service", "peer.service"]);
    expect(bench.trace.indexOf("load peer.service")).toBeLessThan(
      bench.trace.indexOf("start follower.service"),
    );
  });

  test("that is taken away stops the unit, and nothing of it stays", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.unassign("a.service");
    expect(bench.hardware.running()).toEqual([]);
    expect(await bench.state("a.service")).toBe(undefined);
    expect(bench.memory.applied).toEqual({});
    expect([...bench.files]).toEqual([]);
  });

  test("that is taken away while its unit starts does not wait for the start", async () => {
    bench.runs.set("slow.service", { kind: "serve", startMs: 60_000 });
    await bench.start();
    await bench.assign("slow.service");
    expect(bench.hardware.running()).toEqual(["slow.service"]);
    await bench.unassign("slow.service");
    expect(bench.hardware.running()).toEqual([]);
    expect(bench.hardware.supervisor().status("slow.service")).toBe(undefined);
  });

  test("of a new file stops what runs by the old one and starts the new", async () => {
    await bench.start();
    await bench.assign("a.service");
    const file = await bench.file(OTHER_TEXT);
    bench.trace.length = 0;
    await bench.assign("a.service", { file });
    expect(bench.trace.filter((what) => what !== "save")).toEqual([
      "stop a.service",
      "load a.service",
      "start a.service",
    ]);
    expect(await bench.state("a.service")).toMatchObject({ file, active: "active" });
  });
});

describe("a unit file that is missing", () => {
  test("is told of in the unit's state, and asked for until it comes", async () => {
    await bench.start();
    await bench.assign("a.service", { file: hashOf(OTHER_TEXT) });
    expect(await bench.state("a.service")).toMatchObject({
      load: "error",
      message: expect.stringMatching(/cannot read its unit file: the store has no unit file/),
    });
    await bench.file(OTHER_TEXT);
    await bench.pass(2_000);
    expect(await bench.state("a.service")).toMatchObject({ load: "loaded", active: "active" });
  });

  test("is no longer told of when the unit is taken away", async () => {
    await bench.start();
    await bench.assign("a.service", { file: hashOf(OTHER_TEXT) });
    await bench.unassign("a.service");
    expect(await bench.state("a.service")).toBe(undefined);
  });

  test("holds up no other unit once that is known", async () => {
    await bench.start();
    await bench.assign("a.service", { file: hashOf(OTHER_TEXT) });
    await bench.assign("b.service");
    expect(bench.hardware.running()).toEqual(["b.service"]);
  });
});

describe("a store that is away", () => {
  test("does not keep a machine that boots from starting what it was assigned last", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.assign("b.service", { desired: "loaded" });
    await bench.stop();
    bench.hardware.cutPower();
    await bench.start(away(bench.clock));
    expect(bench.hardware.running()).toEqual([]);
    await bench.pass(3_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
  });

  test("is waited for, so that what was moved while the machine was off does not run a second time", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.stop();
    bench.hardware.cutPower();
    await bench.unassign("a.service");
    bench.trace.length = 0;
    await bench.start();
    await bench.pass(10_000);
    expect(bench.trace.filter((what) => what.startsWith("start"))).toEqual([]);
    expect(bench.hardware.running()).toEqual([]);
  });

  test("stops nothing but strict units, whose lease may end", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.assign("strict.service");
    expect(bench.hardware.running()).toEqual(["a.service", "strict.service"]);
    await bench.memoryStore.close();
    await bench.pass(3_400);
    expect(bench.hardware.running()).toContain("a.service");
    await bench.pass(60_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
  });
});

describe("a strict unit", () => {
  test("runs on under the next daemon that comes within its time", async () => {
    await bench.start();
    await bench.assign("strict.service");
    const before = bench.hardware.supervisor().status("strict.service")?.invocation;
    await bench.stop();
    await bench.pass(1_000);
    await bench.start();
    await bench.pass(20_000);
    expect(bench.hardware.supervisor().status("strict.service")).toMatchObject({
      active: "active",
      invocation: before,
    });
  });

  test("is ended before the lease can have, where no daemon is left to stop it, and started by the next", async () => {
    await bench.start();
    await bench.assign("strict.service");
    await bench.assign("a.service");
    await bench.stop();
    await bench.pass(5_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
    await bench.start();
    expect(bench.hardware.running()).toEqual(["a.service", "strict.service"]);
  });

  test("that is taken away is held until it has stopped", async () => {
    await bench.start();
    await bench.assign("strict.service");
    await bench.unassign("strict.service");
    expect(bench.hardware.supervisor().status("strict.service")).toBe(undefined);
  });
});

describe("a daemon that comes back", () => {
  test("repeats nothing that it finds running", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.stop();
    bench.trace.length = 0;
    await bench.start();
    await bench.pass(10_000);
    expect(bench.trace.filter((what) => what !== "save")).toEqual([]);
    expect(await bench.state("a.service")).toMatchObject({ active: "active", launch: 1 });
  });

  test("does not run a finished oneshot again, also not after a reboot, until it is launched anew", async () => {
    bench.runs.set("job.service", { kind: "finish", afterMs: 50 });
    await bench.start();
    await bench.assign("job.service");
    expect(bench.memory.applied["job.service"]).toMatchObject({ completed: true });
    await bench.stop();
    bench.hardware.cutPower();
    bench.trace.length = 0;
    await bench.start();
    expect(bench.trace).not.toContain("start job.service");
    await bench.assign("job.service", { launch: 2 });
    expect(bench.trace).toContain("start job.service");
  });

  test("tells of a oneshot that finished while nobody could be told", async () => {
    bench.runs.set("job.service", { kind: "finish", afterMs: 50 });
    await bench.memoryStore.put({ key: toBytes(keys.unit("job.service")), value: toBytes("{}") });
    await bench.start();
    await bench.assign("job.service");
    expect(await bench.has(keys.outcome("job.service"))).toBe(1);
    await bench.stop();
    const untold = { launch: 7, file: hashOf(TEXT), machine: M1, finishedMs: 1 };
    bench.memory = { ...bench.memory, applied: {}, untold: { "job.service": untold } };
    await bench.start();
    const { kvs } = await bench.memoryStore.range({ key: toBytes(keys.outcome("job.service")) });
    expect(JSON.parse(toText(kvs[0]?.value ?? new Uint8Array()))).toEqual(untold);
  });
});

describe("a machine that leaves", () => {
  test("has stopped its strict units before its lease ends, and leaves the others to its daemon", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.assign("strict.service");
    const revoke = bench.memoryStore.leaseRevoke.bind(bench.memoryStore);
    let runningAtTheEnd: readonly string[] = [];
    bench.memoryStore.leaseRevoke = (id) => {
      runningAtTheEnd = bench.hardware.running();
      return revoke(id);
    };
    await bench.agent?.leave();
    expect(runningAtTheEnd).toEqual(["a.service"]);
    expect(await bench.has(keys.machine(""))).toBe(0);
    await bench.pass(60_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
  });
});

describe("the store of another cluster", () => {
  test("is refused, and what the machine had runs on", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.stop();
    await bench.cluster("another");
    await bench.unassign("a.service");
    const machines = await bench.has(keys.machine(""));
    await bench.start();
    await bench.pass(60_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect(await bench.has(keys.machine(""))).toBeLessThanOrEqual(machines);
    expect(await bench.has(ranges.states(M1))).toBe(0);
    expect(bench.memory.cluster).toBe("c");
  });
});

describe("what belongs together", () => {
  test("is loaded as a whole before anything of it starts", async () => {
    const file = await bench.file(OTHER_TEXT);
    await bench.memoryStore.txn({
      compare: [],
      success: ["a.service", "b.service"].map((unit, index) =>
        putJson(keys.assignment(M1, unit), {
          file: index === 0 ? hashOf(TEXT) : file,
          desired: "launched",
          launch: 1,
          reason: "r",
          assignedMs: 0,
        }),
      ),
      failure: [],
    });
    await bench.start();
    const did = bench.trace.filter((what) => what !== "save");
    expect(did.slice(2).sort()).toEqual(["start a.service", "start b.service"]);
    expect(did.slice(0, 2).sort()).toEqual(["load a.service", "load b.service"]);
  });

  test("a unit whose peer was not there yet is started again once the peer is loaded", async () => {
    const supervisor = bench.hardware.supervisor();
    const real = bench.hardware.supervisor.bind(bench.hardware);
    let starts = 0;
    bench.hardware.supervisor = () => ({
      ...real(),
      start: async (name) => {
        if (name !== "sidekick.service") return real().start(name);
        starts += 1;
        if (supervisor.status("peer.service") !== undefined) return real().start(name);
        return { result: "invalid", message: "peer.service is not loaded" };
      },
    });
    await bench.start();
    await bench.assign("sidekick.service");
    expect(bench.hardware.running()).toEqual([]);
    expect((await bench.state("sidekick.service"))?.message).toBe("peer.service is not loaded");
    await bench.pass(10_000);
    expect(starts).toBe(1);
    await bench.assign("peer.service");
    expect(bench.hardware.running()).toEqual(["peer.service", "sidekick.service"]);
    expect((await bench.state("sidekick.service"))?.message).toBe(undefined);
  });
});
