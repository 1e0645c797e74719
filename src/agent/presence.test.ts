import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { machineRecordSchema } from "#model/records.ts";
import { ClusterBuilder, machineId } from "#plan/testing/cluster-builder.ts";
import { toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { type LeaseId, type Store, StoreError } from "#store/store.ts";
import { passTime } from "../../test/simulation/time.ts";
import { Presence } from "./presence.ts";

const M1 = machineId("1");
const KEY = toBytes(keys.machine(M1));

let clock: VirtualClock;
let store: Store;
let leases: (LeaseId | undefined)[];
let presences: Presence[];
/** How long a keep-alive takes to be answered; undefined: it fails. */
let answerMs: number | undefined;
let renewals = 0;
let announced: LeaseId[];

beforeEach(() => {
  clock = new VirtualClock();
  store = createMemoryStore({ clock, random: seededRandom(1) });
  [leases, presences, announced, answerMs] = [[], [], [], 0];
  const keepAlive = store.leaseKeepAlive.bind(store);
  store.leaseKeepAlive = async (id) => {
    const delayMs = answerMs;
    renewals += 1;
    if (delayMs === undefined) throw new StoreError("unavailable", "away");
    const ttlS = await keepAlive(id);
    await new Promise<void>((resolve) => clock.setTimer(delayMs, resolve));
    return ttlS;
  };
});
afterEach(async () => {
  for (const presence of presences) await presence.stop();
  await store.close();
});

async function start(instance = "i"): Promise<Presence> {
  const machine = new ClusterBuilder().machine("1").state.machines.get(M1);
  if (machine === undefined) throw new Error("no machine");
  const presence = new Presence({
    store,
    clock,
    random: seededRandom(2),
    log: silentLogger,
    machine: { ...machine, instance },
    announce: async (lease) => {
      expect(await registered()).not.toMatchObject({ lease });
      announced.push(lease);
    },
    onKept: () => undefined,
    onLease: (lease) => leases.push(lease),
  });
  presences.push(presence);
  presence.start();
  await passTime(clock, 10);
  return presence;
}

async function registered(): Promise<{ instance: string; lease: LeaseId } | undefined> {
  const kv = (await store.range({ key: KEY })).kvs[0];
  if (kv === undefined) return undefined;
  const { instance } = machineRecordSchema.parse(JSON.parse(toText(kv.value)));
  return { instance, lease: kv.lease };
}

describe("Presence", () => {
  test("registers the machine on a lease of its own, which it announced before", async () => {
    const { lease } = await start();
    expect(lease).toBeDefined();
    expect(await registered()).toEqual({ instance: "i", lease });
    expect(announced).toEqual([lease]);
    expect(leases).toEqual([lease]);
  });

  test("takes the place of an earlier instance at once, whose lease then takes nothing away", async () => {
    const before = await start("before");
    await before.stop();
    const { lease } = await start("after");
    expect(await registered()).toEqual({ instance: "after", lease });
    await passTime(clock, 60_000);
    expect(await registered()).toEqual({ instance: "after", lease });
  });

  test("keeps its lease alive, and writes nothing for it", async () => {
    const { lease } = await start();
    const { revision } = (await store.range({ key: KEY })).header;
    await passTime(clock, 600_000);
    expect((await store.range({ key: KEY })).header.revision).toBe(revision);
    expect(await registered()).toEqual({ instance: "i", lease });
  });

  test("counts the deadline from when a keep-alive was sent, not from when it was answered", async () => {
    const presence = await start();
    const registeredMs = clock.monotonic() - 10;
    expect(presence.deadlineMs).toBe(registeredMs + 5_000);
    answerMs = 1_000;
    await passTime(clock, 5_000 / 3);
    expect(presence.deadlineMs).toBe(registeredMs + 5_000);
    await passTime(clock, 1_000);
    expect(presence.deadlineMs).toBeCloseTo(registeredMs + 5_000 / 3 + 5_000, 3);
  });

  test("renews a third of the lease after it sent the renewal before, also where the store is far away", async () => {
    const presence = await start();
    answerMs = 1_300;
    let leastMs = Number.POSITIVE_INFINITY;
    renewals = 0;
    for (let step = 0; step < 600; step += 1) {
      await passTime(clock, 100);
      leastMs = Math.min(leastMs, presence.deadlineMs - clock.boottime());
    }
    expect(Math.abs(leastMs - (5_000 - 5_000 / 3 - 1_300))).toBeLessThan(100);
    expect(renewals).toBe(36);
    answerMs = 0;
    await passTime(clock, 2_000);
  });

  test("registers anew when its lease has run out", async () => {
    const presence = await start();
    const first = presence.lease;
    answerMs = undefined;
    await passTime(clock, 20_000);
    expect(await registered()).toBe(undefined);
    expect(presence.deadlineMs).toBeLessThan(clock.monotonic());
    answerMs = 0;
    await passTime(clock, 2_000);
    expect(presence.lease).not.toBe(first);
    expect(leases).toEqual([first, undefined, presence.lease]);
    expect(await registered()).toEqual({ instance: "i", lease: presence.lease });
  });

  test("that stops lets the lease run out by itself; one that leaves ends it", async () => {
    const stopped = await start();
    await stopped.stop();
    expect(await registered()).toBeDefined();
    await passTime(clock, 6_000);
    expect(await registered()).toBe(undefined);
    const left = await start();
    await left.leave();
    expect(await registered()).toBe(undefined);
    expect([left.lease, left.deadlineMs]).toEqual([undefined, Number.NEGATIVE_INFINITY]);
  });
});
