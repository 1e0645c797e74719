import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys, ranges } from "#model/keys.ts";
import { type Outcome, outcomeSchema, type UnitState, unitStateSchema } from "#model/records.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { deleteKey, putJson } from "#store/ops.ts";
import { type Store, StoreError, type TxnRequest, type TxnResponse } from "#store/store.ts";
import { passTime } from "../../test/simulation/time.ts";
import { StatePublisher } from "./publisher.ts";

const MACHINE = "1".repeat(32);
const FILE = "f".repeat(64);

function state(sub: string): UnitState {
  return {
    load: "loaded",
    active: "active",
    sub,
    result: "success",
    file: FILE,
    launch: 1,
    sinceMs: 0,
    restarts: 0,
  };
}

let clock: VirtualClock;
let store: Store;
let publisher: StatePublisher;
/** Transactions that reached the store, with how many operations. */
let sent: number[];
/** Set to lose the answer of each transaction. */
let answersAreLost: boolean;

beforeEach(() => {
  clock = new VirtualClock();
  const memory = createMemoryStore({ clock, random: seededRandom(1) });
  sent = [];
  answersAreLost = false;
  store = {
    range: (request) => memory.range(request),
    put: (request) => memory.put(request),
    deleteRange: (request) => memory.deleteRange(request),
    txn: async (request: TxnRequest): Promise<TxnResponse> => {
      sent.push(request.success.length);
      const response = await memory.txn(request);
      if (answersAreLost) throw new StoreError("unavailable", "the answer was lost");
      return response;
    },
    compact: (revision) => memory.compact(revision),
    watch: (request, options) => memory.watch(request, options),
    leaseGrant: (request) => memory.leaseGrant(request),
    leaseRevoke: (id) => memory.leaseRevoke(id),
    leaseKeepAlive: (id) => memory.leaseKeepAlive(id),
    leaseTimeToLive: (id, withKeys) => memory.leaseTimeToLive(id, withKeys),
    leaseList: () => memory.leaseList(),
    close: () => memory.close(),
  };
  publisher = new StatePublisher({
    store,
    clock,
    random: seededRandom(2),
    log: silentLogger,
    machine: MACHINE,
  });
});
afterEach(async () => {
  await publisher.stop();
  await store.close();
});

async function useNewLease(): Promise<bigint> {
  const { id } = await store.leaseGrant({ ttlS: 3_600 });
  publisher.useLease(id);
  await passTime(clock, 10);
  return id;
}

/** What the store has of this machine's units: unit, sub state, lease. */
async function published(): Promise<readonly (readonly [string, string, bigint])[]> {
  const prefix = ranges.states(MACHINE);
  const { kvs } = await store.range(prefixRange(prefix));
  return kvs.map(({ key, value, lease }) => [
    toText(key).slice(prefix.length),
    unitStateSchema.parse(JSON.parse(toText(value))).sub,
    lease,
  ]);
}

async function revision(): Promise<bigint> {
  return (await store.range({ key: toBytes("x") })).header.revision;
}

describe("states", () => {
  test("wait for a lease, and hang on it", async () => {
    publisher.set("a.service", state("running"));
    await passTime(clock, 1_000);
    expect(await published()).toEqual([]);
    const lease = await useNewLease();
    expect(await published()).toEqual([["a.service", "running", lease]]);
  });

  test("are written when they change and not otherwise", async () => {
    await useNewLease();
    publisher.set("a.service", state("running"));
    await passTime(clock, 10);
    const before = await revision();
    publisher.set("a.service", state("running"));
    await passTime(clock, 300_000);
    expect(await revision()).toBe(before);
    publisher.set("a.service", state("exited"));
    await passTime(clock, 10);
    expect(await revision()).toBe(before + 1n);
  });

  test("that change together go out in one transaction, and only the last of each", async () => {
    await useNewLease();
    sent = [];
    for (const sub of ["start", "running"])
      for (let index = 0; index < 50; index += 1) publisher.set(`u${index}.service`, state(sub));
    await passTime(clock, 10);
    expect(sent).toEqual([50]);
    expect(new Set((await published()).map(([, sub]) => sub))).toEqual(new Set(["running"]));
  });

  test("are cut into transactions that the store takes", async () => {
    await useNewLease();
    sent = [];
    for (let index = 0; index < 250; index += 1) publisher.set(`u${index}.service`, state("running"));
    await passTime(clock, 10);
    expect(sent).toEqual([100, 100, 50]);
  });

  test("are taken back when their unit is gone", async () => {
    await useNewLease();
    publisher.set("a.service", state("running"));
    await passTime(clock, 10);
    publisher.set("a.service", undefined);
    await passTime(clock, 10);
    expect(await published()).toEqual([]);
  });

  test("that a unit only passes through are not written", async () => {
    const lease = await useNewLease();
    sent = [];
    for (const sub of ["dead", "start"]) {
      publisher.set("a.service", state(sub), true);
      await passTime(clock, 20);
    }
    publisher.set("a.service", state("running"));
    await passTime(clock, 1);
    expect([sent, await published()]).toEqual([[1], [["a.service", "running", lease]]]);
    await passTime(clock, 1_000);
    expect(sent).toEqual([1]);
  });

  test("that it was to pass through are written when they last", async () => {
    const lease = await useNewLease();
    publisher.set("a.service", state("dead"), true);
    await passTime(clock, 45);
    publisher.set("a.service", state("start"), true);
    await passTime(clock, 10);
    expect(await published()).toEqual([["a.service", "start", lease]]);
    publisher.set("b.service", state("start"), true);
    await passTime(clock, 10);
    publisher.set("b.service", state("start"));
    await passTime(clock, 1);
    expect((await published()).map(([unit]) => unit)).toEqual(["a.service", "b.service"]);
  });

  test("of a unit that flaps are held to about one a second, and the last one is told", async () => {
    await useNewLease();
    sent = [];
    for (let turn = 0; turn < 100; turn += 1) {
      publisher.set("a.service", state(`turn ${turn}`));
      await passTime(clock, 50);
    }
    expect(sent.length).toBeLessThanOrEqual(16);
    await passTime(clock, 2_000);
    expect((await published()).map(([, sub]) => sub)).toEqual(["turn 99"]);
  });

  test("of a unit that is calm do not wait for one that flaps", async () => {
    await useNewLease();
    for (let turn = 0; turn < 30; turn += 1) {
      publisher.set("flapping.service", state(`turn ${turn}`));
      await passTime(clock, 10);
    }
    publisher.set("calm.service", state("running"));
    await passTime(clock, 1);
    expect((await published()).map(([unit]) => unit)).toContain("calm.service");
  });

  test("whose answer was lost are written again until one comes", async () => {
    await useNewLease();
    answersAreLost = true;
    publisher.set("a.service", state("running"));
    await passTime(clock, 10);
    publisher.set("a.service", undefined);
    await passTime(clock, 10);
    answersAreLost = false;
    await passTime(clock, 10_000);
    expect(await published()).toEqual([]);
  });
});

describe("a new lease", () => {
  test("has everything written anew on it", async () => {
    publisher.set("a.service", state("running"));
    const old = await useNewLease();
    const lease = await useNewLease();
    expect(lease).not.toBe(old);
    expect(await published()).toEqual([["a.service", "running", lease]]);
  });

  test("takes over what was announced on it, without writing it twice", async () => {
    publisher.set("a.service", state("running"));
    const { id } = await store.leaseGrant({ ttlS: 3_600 });
    await publisher.announce(id);
    const before = await revision();
    publisher.useLease(id);
    await passTime(clock, 10);
    expect(await revision()).toBe(before);
    expect(await published()).toEqual([["a.service", "running", id]]);
  });

  test("clears away what an earlier instance has left", async () => {
    const left = await store.leaseGrant({ ttlS: 3_600 });
    await store.txn({
      compare: [],
      success: ["a", "stale"].map((name) =>
        putJson(keys.state(MACHINE, `${name}.service`), state("left"), left.id),
      ),
      failure: [],
    });
    publisher.set("a.service", state("running"));
    const lease = await useNewLease();
    expect(await published()).toEqual([["a.service", "running", lease]]);
  });

  test("that is lost ends all publishing", async () => {
    await useNewLease();
    publisher.useLease(undefined);
    const before = await revision();
    publisher.set("a.service", state("running"));
    await passTime(clock, 100_000);
    expect(await revision()).toBe(before);
  });
});

describe("outcomes", () => {
  const outcome = (launch: number): Outcome => ({ launch, file: FILE, machine: MACHINE, finishedMs: 1 });

  async function recorded(): Promise<number | undefined> {
    const { kvs } = await store.range({ key: toBytes(keys.outcome("job.service")) });
    const value = kvs[0]?.value;
    return value === undefined ? undefined : outcomeSchema.parse(JSON.parse(toText(value))).launch;
  }

  beforeEach(() => store.put({ key: toBytes(keys.unit("job.service")), value: toBytes("{}") }));

  test("are kept until they are told, and told once", async () => {
    publisher.finish("job.service", outcome(1));
    await passTime(clock, 1_000);
    expect([...publisher.untold.keys()]).toEqual(["job.service"]);
    await useNewLease();
    expect(await recorded()).toBe(1);
    expect([...publisher.untold.keys()]).toEqual([]);
    const before = await revision();
    await passTime(clock, 300_000);
    expect(await revision()).toBe(before);
  });

  test("are told before the machine is seen", async () => {
    publisher.finish("job.service", outcome(1));
    const { id } = await store.leaseGrant({ ttlS: 3_600 });
    await publisher.announce(id);
    expect(await recorded()).toBe(1);
  });

  test("stand without a lease, so that they outlive the machine", async () => {
    publisher.finish("job.service", outcome(1));
    await store.leaseRevoke(await useNewLease());
    expect(await recorded()).toBe(1);
  });

  test("do not take the place of a later launch's, but of an earlier one's and of what cannot be read", async () => {
    await useNewLease();
    for (const [there, told, stands] of [
      [JSON.stringify(outcome(3)), 2, 3],
      [JSON.stringify(outcome(3)), 4, 4],
      ["damaged", 1, 1],
    ] as const) {
      await store.put({ key: toBytes(keys.outcome("job.service")), value: toBytes(there) });
      publisher.finish("job.service", outcome(told));
      await passTime(clock, 10);
      expect(await recorded()).toBe(stands);
    }
  });

  test("of a unit that is destroyed are not written", async () => {
    await store.txn({ compare: [], success: [deleteKey(keys.unit("job.service"))], failure: [] });
    publisher.finish("job.service", outcome(1));
    await useNewLease();
    expect(await recorded()).toBe(undefined);
    expect([...publisher.untold.keys()]).toEqual([]);
  });
});

describe("while it is paused", () => {
  test("nothing is written, and afterwards only what stands then, outcomes included", async () => {
    await useNewLease();
    await store.txn({ compare: [], success: [putJson(keys.unit("job.service"), {})], failure: [] });
    sent.length = 0;
    publisher.pause();
    publisher.set("a.service", state("dead"));
    publisher.finish("job.service", { launch: 1, file: FILE, machine: MACHINE, finishedMs: 5 });
    await passTime(clock, 1_000);
    expect(sent).toEqual([]);
    publisher.set("a.service", state("running"));
    publisher.resume();
    await passTime(clock, 1_000);
    const { kvs } = await store.range({ key: toBytes(keys.state(MACHINE, "a.service")) });
    expect(kvs.map(({ version }) => version)).toEqual([1n]);
    expect(toText(kvs[0]?.value ?? toBytes(""))).toContain('"sub":"running"');
    const outcome = await store.range({ key: toBytes(keys.outcome("job.service")) });
    expect(outcome.count).toBe(1);
  });
});
