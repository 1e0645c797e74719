import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { type ClusterMirror, startClusterMirror } from "#mirror/cluster-mirror.ts";
import { keys, ranges } from "#model/keys.ts";
import { type ClusterEvent, clusterEventSchema, type UnitRecord, type UnitState } from "#model/records.ts";
import type { ClusterPlan, PlanCluster, PlanContext } from "#plan/cluster-plan.ts";
import { planCluster } from "#plan/reconcile/plan-cluster.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import { ClusterBuilder, fileHash, machineId } from "#plan/testing/cluster-builder.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { deleteKey, putJson } from "#store/ops.ts";
import type { RequestOp, Store } from "#store/store.ts";
import { ANYWHERE, type Placement } from "#unit/placement.ts";
import { passTime } from "../../test/simulation/time.ts";
import { Engine } from "./engine.ts";

const [M1, M2] = [machineId("1"), machineId("2")];
const FILE = fileHash("text");
const STRICT: Placement = { ...ANYWHERE, failover: "strict", overlap: false };
const STATE: UnitState = {
  load: "loaded",
  active: "active",
  sub: "running",
  result: "success",
  file: FILE,
  launch: 1,
  sinceMs: 0,
  restarts: 0,
};

/** One engine over a store, with machines that only the test speaks for. */
class Bench {
  readonly clock = new VirtualClock();
  readonly store: Store = createMemoryStore({ clock: this.clock, random: seededRandom(1) });
  readonly placements = new Map<string, Placement>();
  readonly #mirror = startClusterMirror({ store: this.store, clock: this.clock, random: seededRandom(2) });
  readonly engine: Engine;
  /** How often the engine has planned. */
  plans = 0;
  plan: PlanCluster = planCluster;

  constructor() {
    this.engine = this.makeEngine(this.#mirror);
  }

  makeEngine(cluster: ClusterMirror): Engine {
    return new Engine({
      store: this.store,
      cluster,
      clock: this.clock,
      random: seededRandom(3),
      log: silentLogger,
      planCluster: (view, context) => {
        this.plans += 1;
        return this.plan(view, context);
      },
      placementOf: (unit) => this.placements.get(unit) ?? ANYWHERE,
      settings: DEFAULT_PLAN_SETTINGS,
      machine: M1,
    });
  }

  async write(...success: readonly RequestOp[]): Promise<bigint> {
    return (await this.store.txn({ compare: [], success, failure: [] })).header.revision;
  }

  /** Seats the engine as if it had won an election. */
  async elect(): Promise<void> {
    const record = { machine: M1, instance: "i", electedMs: 0 };
    this.engine.useSeat({ revision: await this.write(putJson(keys.engine(), record)) });
    await this.pass(100);
  }

  pass(durationMs: number): Promise<void> {
    return passTime(this.clock, durationMs);
  }

  async machine(short: string, metadata: Record<string, string> = {}): Promise<void> {
    await this.write(await this.registration(short, metadata));
  }

  async registration(short: string, metadata: Record<string, string> = {}): Promise<RequestOp> {
    const lease = await this.store.leaseGrant({ ttlS: 3_600 });
    const record = new ClusterBuilder().machine(short, metadata).state.machines.get(machineId(short));
    return putJson(keys.machine(machineId(short)), record, lease.id);
  }

  async lose(...shorts: readonly string[]): Promise<void> {
    await this.write(...shorts.map((short) => deleteKey(keys.machine(machineId(short)))));
  }

  async unit(name: string, change: Partial<UnitRecord> = {}): Promise<void> {
    const record: UnitRecord = {
      file: FILE,
      desired: "launched",
      launch: 1,
      changedMs: 0,
      history: [],
      ...change,
    };
    await this.write(putJson(keys.unit(name), record), {
      kind: "put",
      request: { key: toBytes(keys.file(FILE)), value: toBytes("text") },
    });
  }

  async state(name: string, machine: string, change: Partial<UnitState> = {}): Promise<void> {
    await this.write(putJson(keys.state(machine, name), { ...STATE, ...change }));
  }

  async revision(): Promise<bigint> {
    return (await this.store.range({ key: toBytes("x") })).header.revision;
  }

  async keysUnder(prefix: string): Promise<readonly string[]> {
    const { kvs } = await this.store.range(prefixRange(prefix));
    return kvs.map(({ key }) => toText(key).slice(prefix.length));
  }

  async events(kind: ClusterEvent["kind"]): Promise<readonly string[]> {
    const { kvs } = await this.store.range(prefixRange(ranges.events));
    const events = kvs.map(({ value }) => clusterEventSchema.parse(JSON.parse(toText(value))));
    return events.filter((event) => event.kind === kind).map(({ message }) => message);
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.#mirror.stop();
    await this.store.close();
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

describe("an engine that is elected", () => {
  test("places what was asked for, and says so once", async () => {
    await bench.machine("1");
    await bench.unit("a.service");
    await bench.elect();
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual(["a.service"]);
    await bench.pass(60_000);
    expect(await bench.events("unit-placed")).toHaveLength(1);
    expect(await bench.events("engine-elected")).toEqual(["the engine runs on node-1"]);
  });

  test("writes nothing at a fixpoint", async () => {
    for (const short of ["1", "2", "3"]) await bench.machine(short);
    for (let index = 0; index < 20; index += 1) await bench.unit(`u${index}.service`);
    await bench.unit("nowhere.service");
    bench.placements.set("nowhere.service", { ...ANYWHERE, machineId: "f".repeat(32) });
    await bench.elect();
    await bench.pass(10_000);
    const before = await bench.revision();
    await bench.pass(60_000);
    expect(await bench.revision()).toBe(before);
  });

  test("tells of what happens, once", async () => {
    await bench.machine("1");
    await bench.unit("a.service");
    await bench.elect();
    await bench.state("a.service", M1);
    await bench.machine("2");
    await bench.pass(60_000);
    expect(await bench.events("unit-active")).toEqual(["a.service is active on node-1"]);
    expect(await bench.events("machine-joined")).toEqual(["machine node-2 joined"]);
  });

  test("does not plan for a state or an event, which decide nothing", async () => {
    await bench.machine("1");
    await bench.unit("a.service");
    await bench.elect();
    const before = bench.plans;
    await bench.state("a.service", M1);
    await bench.pass(100);
    expect(bench.plans).toBe(before);
    await bench.unit("b.service");
    await bench.pass(100);
    expect(bench.plans).toBeGreaterThan(before);
  });
});

describe("an engine that is deposed", () => {
  test("writes nothing, also before it knows", async () => {
    await bench.machine("1");
    await bench.elect();
    await bench.write(putJson(keys.engine(), { machine: M2, instance: "i", electedMs: 0 }));
    await bench.unit("a.service");
    const before = await bench.revision();
    await bench.pass(5_000);
    expect(await bench.revision()).toBe(before);
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual([]);
  });

  test("does not even look once it knows, and tells of its election anew when it is back", async () => {
    await bench.machine("1");
    await bench.elect();
    bench.engine.useSeat(undefined);
    const before = bench.plans;
    await bench.unit("a.service");
    await bench.pass(60_000);
    expect(bench.plans).toBe(before);
    await bench.elect();
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual(["a.service"]);
    expect(await bench.events("engine-elected")).toHaveLength(2);
  });
});

describe("a unit without a place", () => {
  const onTape: Placement = { ...ANYWHERE, metadata: [{ key: "disk", values: ["tape"] }] };

  test("is told of once, and again only when other things stand in its way", async () => {
    await bench.machine("1");
    await bench.unit("a.service");
    bench.placements.set("a.service", onTape);
    await bench.elect();
    await bench.unit("b.service");
    await bench.pass(60_000);
    expect(await bench.events("unit-refused")).toHaveLength(1);
    await bench.machine("2");
    await bench.pass(60_000);
    expect(await bench.events("unit-refused")).toHaveLength(2);
  });

  test("is told of anew when it had a place in between", async () => {
    await bench.machine("1");
    await bench.unit("a.service");
    bench.placements.set("a.service", onTape);
    await bench.elect();
    await bench.machine("2", { disk: "tape" });
    await bench.pass(1_000);
    expect(await bench.keysUnder(ranges.assignments(M2))).toEqual(["a.service"]);
    await bench.machine("2", { disk: "ssd" });
    await bench.pass(1_000);
    expect(await bench.events("unit-refused")).toHaveLength(2);
  });
});

describe("time", () => {
  test("many machines that vanish at once are waited for, which is told once, and then their units move", async () => {
    for (const short of ["1", "2", "3"]) await bench.machine(short);
    for (let index = 0; index < 6; index += 1) await bench.unit(`u${index}.service`);
    await bench.elect();
    await bench.lose("2", "3");
    await bench.pass(DEFAULT_PLAN_SETTINGS.settleMs - 200);
    expect((await bench.keysUnder(ranges.assignments(M2))).length).toBe(2);
    expect(await bench.events("holding")).toHaveLength(1);
    await bench.pass(1_000);
    expect((await bench.keysUnder(ranges.assignments(M1))).length).toBe(6);
    expect(await bench.events("holding")).toHaveLength(1);
  });

  test("those that come back one after the other keep their units", async () => {
    for (const short of ["1", "2", "3"]) await bench.machine(short);
    for (let index = 0; index < 6; index += 1) await bench.unit(`u${index}.service`);
    await bench.elect();
    const before = await bench.keysUnder(ranges.assignments(M2));
    await bench.lose("2", "3");
    await bench.pass(200);
    await bench.machine("3");
    await bench.pass(DEFAULT_PLAN_SETTINGS.settleMs - 500);
    expect(await bench.events("unit-moved")).toEqual([]);
    await bench.machine("2");
    await bench.pass(2 * DEFAULT_PLAN_SETTINGS.settleMs);
    expect(await bench.events("unit-moved")).toEqual([]);
    expect(await bench.keysUnder(ranges.assignments(M2))).toEqual(before);
  });

  test("wakes when the plan said that it may come out different", async () => {
    const wakeAtMs = 7_000;
    bench.plan = (_view, context): ClusterPlan => ({
      steps: [],
      unplaced: [],
      moves: [],
      ...(context.monotonicMs < wakeAtMs ? { wakeAtMs } : {}),
    });
    await bench.machine("1");
    await bench.elect();
    const before = bench.plans;
    await bench.pass(wakeAtMs - bench.clock.monotonic() - 1);
    expect(bench.plans).toBe(before);
    await bench.pass(100);
    expect(bench.plans).toBe(before + 1);
  });
});

describe("a strict unit", () => {
  test("is placed elsewhere when the machine says that its last copy has stopped", async () => {
    await bench.machine("1", { disk: "ssd" });
    bench.placements.set("a.service", {
      ...STRICT,
      metadata: [{ key: "disk", values: ["ssd"] }],
    });
    await bench.unit("a.service");
    await bench.elect();
    await bench.state("a.service", M1);
    await bench.machine("2", { disk: "ssd" });
    await bench.machine("1", { disk: "tape" });
    await bench.pass(30_000);
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual([]);
    expect(await bench.keysUnder(ranges.assignments(M2))).toEqual([]);
    await bench.state("a.service", M1, { active: "inactive" });
    await bench.pass(100);
    expect(await bench.keysUnder(ranges.assignments(M2))).toEqual(["a.service"]);
  });

  test("does not leave a machine that has come back before the decision was written", async () => {
    await bench.machine("1");
    bench.placements.set("a.service", STRICT);
    await bench.unit("a.service");
    await bench.elect();
    await bench.machine("2");
    const decide = bench.plan;
    const back = await bench.registration("1");
    bench.plan = (view, context: PlanContext) => {
      const plan = decide(view, context);
      const moves = plan.steps.some((step) => step.kind === "assign" && step.from === M1);
      // The machine registers again between the decision and its commit.
      if (moves) void bench.write(back);
      return plan;
    };
    await bench.lose("1");
    await bench.pass(10_000);
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual(["a.service"]);
    expect(await bench.keysUnder(ranges.assignments(M2))).toEqual([]);
  });
});

describe("a unit that is stopped before it is started elsewhere", () => {
  const alone: Placement = { ...ANYWHERE, overlap: false };

  beforeEach(async () => {
    await bench.machine("1", { disk: "ssd" });
    await bench.machine("2", { disk: "tape" });
    bench.placements.set("a.service", { ...alone, metadata: [{ key: "disk", values: ["ssd"] }] });
    await bench.unit("a.service");
    await bench.elect();
    await bench.state("a.service", M1);
    bench.placements.set("a.service", { ...alone, metadata: [{ key: "disk", values: ["tape"] }] });
    await bench.machine("2", { disk: "tape", more: "yes" });
    await bench.pass(1_000);
  });

  test("is told to be taken off its machine, and not to fit nowhere", async () => {
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual([]);
    expect(await bench.keysUnder(ranges.assignments(M2))).toEqual([]);
    expect(await bench.events("unit-unplaced")).toHaveLength(1);
    expect(await bench.events("unit-refused")).toEqual([]);
  });

  test("is told to fit nowhere when it has stopped and there is no machine for it any more", async () => {
    await bench.machine("2", { disk: "floppy" });
    await bench.write(deleteKey(keys.state(M1, "a.service")));
    await bench.pass(1_000);
    expect(await bench.events("unit-refused")).toHaveLength(1);
  });
});

describe("decisions and what is told", () => {
  test("are written side by side, and a write of events that fails does not take the decision back", async () => {
    await bench.machine("1");
    await bench.elect();
    const { txn } = bench.store;
    let failing = true;
    bench.store.txn = (request, options) => {
      const tells = request.success.every(
        (operation) => operation.kind === "put" && toText(operation.request.key).startsWith(ranges.events),
      );
      if (!tells || !failing) return txn.call(bench.store, request, options);
      failing = false;
      return Promise.reject(new Error("no room for events"));
    };
    await bench.unit("a.service");
    await bench.state("b.service", M1);
    await bench.pass(1_000);
    expect(failing).toBe(false);
    expect(await bench.keysUnder(ranges.assignments(M1))).toEqual(["a.service"]);
    expect(await bench.events("unit-active")).toHaveLength(1);
    expect(await bench.events("unit-placed")).toHaveLength(1);
  });
});
