import { describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import { passTime } from "../../test/simulation/time.ts";
import { Election, type Seat, stillElected } from "./election.ts";

const MACHINE_A = "a".repeat(32);
const MACHINE_B = "b".repeat(32);

class Candidate {
  seat: Seat | undefined;
  readonly unreachable = new Set<string>();
  readonly election: Election;
  readonly #store: Store;

  constructor(store: Store, clock: VirtualClock, machine: string, instance: string) {
    this.#store = store;
    this.election = new Election({
      store,
      clock,
      random: seededRandom(1),
      log: silentLogger,
      machine,
      instance,
      isUnreachable: (other) => this.unreachable.has(other),
      onSeat: (seat) => {
        this.seat = seat;
      },
    });
  }

  async stand(ttlS = 60): Promise<bigint> {
    const { id } = await this.#store.leaseGrant({ ttlS });
    this.election.useLease(id);
    return id;
  }
}

function start(): {
  clock: VirtualClock;
  store: Store;
  candidate: (machine: string, instance?: string) => Candidate;
} {
  const clock = new VirtualClock();
  const store = createMemoryStore({ clock, random: seededRandom(2) });
  return {
    clock,
    store,
    candidate: (machine, instance = "1") => new Candidate(store, clock, machine, instance),
  };
}

test("of two candidates one is elected, and the other follows when its lease ends", async () => {
  const { clock, store, candidate } = start();
  const [a, b] = [candidate(MACHINE_A), candidate(MACHINE_B)];
  const lease = await a.stand();
  await passTime(clock, 100);
  await b.stand();
  await passTime(clock, 100);
  expect(a.seat).toBeDefined();
  expect(b.seat).toBeUndefined();
  await store.leaseRevoke(lease);
  await passTime(clock, 100);
  expect(a.seat).toBeUndefined();
  expect(b.seat).toBeDefined();
  await Promise.all([a.election.stop(), b.election.stop()]);
});

test("what a deposed engine commits is refused, also before it knows that it is deposed", async () => {
  const { clock, store, candidate } = start();
  const a = candidate(MACHINE_A);
  const lease = await a.stand();
  await passTime(clock, 100);
  const { seat } = a;
  if (seat === undefined) throw new Error("nobody was elected");
  const commit = { compare: [stillElected(seat)], success: [putJson("/x", 1)], failure: [] };
  expect((await store.txn(commit)).succeeded).toBe(true);
  await store.leaseRevoke(lease);
  expect((await store.txn(commit)).succeeded).toBe(false);
  await a.election.stop();
});

test("a daemon takes the seat over from its own machine's earlier instance without waiting for its lease", async () => {
  const { clock, candidate } = start();
  const [before, after] = [candidate(MACHINE_A, "1"), candidate(MACHINE_A, "2")];
  await before.stand();
  await passTime(clock, 100);
  expect(before.seat).toBeDefined();
  await before.election.stop();
  await after.stand();
  await passTime(clock, 100);
  expect(after.seat).toBeDefined();
  await after.election.stop();
});

test("a machine without a lease does not stand, and withdraws when it loses it", async () => {
  const { clock, candidate } = start();
  const a = candidate(MACHINE_A);
  a.election.useLease(undefined);
  await passTime(clock, 1_000);
  expect(a.seat).toBeUndefined();
  await a.stand();
  await passTime(clock, 100);
  expect(a.seat).toBeDefined();
  a.election.useLease(undefined);
  expect(a.seat).toBeUndefined();
  await a.election.stop();
});

test("an engine record that cannot be read is nobody's seat to take until it is gone", async () => {
  const { clock, store, candidate } = start();
  await store.txn({ compare: [], success: [putJson(keys.engine(), { machine: "?" })], failure: [] });
  const a = candidate(MACHINE_A);
  await a.stand();
  await passTime(clock, 1_000);
  expect(a.seat).toBeUndefined();
  await store.deleteRange({ key: new TextEncoder().encode(keys.engine()) });
  await passTime(clock, 100);
  expect(a.seat).toBeDefined();
  await a.election.stop();
});

/** A in its seat for some time, and B beside it. */
async function seated(tenureMs: number) {
  const { clock, store, candidate } = start();
  const [a, b] = [candidate(MACHINE_A), candidate(MACHINE_B)];
  const lease = await a.stand();
  await passTime(clock, 100);
  await b.stand();
  await passTime(clock, tenureMs);
  const lose = (): void => {
    b.unreachable.add(MACHINE_A);
    b.election.reconsider();
  };
  const stop = (): Promise<unknown> => Promise.all([a.election.stop(), b.election.stop()]);
  return { clock, store, a, b, lease, lose, stop };
}

describe("a machine in the seat that nobody reaches", () => {
  test("is deposed at once, keeps its lease, and can write nothing any more", async () => {
    const { clock, store, a, b, lease, lose, stop } = await seated(20_000);
    const { seat } = a;
    lose();
    await passTime(clock, 100);
    expect([a.seat, b.seat === undefined]).toEqual([undefined, false]);
    expect((await store.leaseTimeToLive(lease, false)).ttlS).toBeGreaterThan(0);
    if (seat === undefined) throw new Error("nobody was elected");
    const commit = { compare: [stillElected(seat)], success: [putJson("/x", 1)], failure: [] };
    expect((await store.txn(commit)).succeeded).toBe(false);
    await stop();
  });

  test("is deposed by one of several", async () => {
    const { clock, a, b, lose, store, stop } = await seated(20_000);
    const c = new Candidate(store, clock, "c".repeat(32), "1");
    await c.stand();
    await passTime(clock, 20_000);
    c.unreachable.add(MACHINE_A);
    c.election.reconsider();
    lose();
    await passTime(clock, 100);
    expect([a, b, c].filter(({ seat }) => seat !== undefined)).toHaveLength(1);
    await Promise.all([c.election.stop(), stop()]);
  });

  test("keeps its seat for ten seconds from its election, however often it is found unreachable", async () => {
    const { clock, a, b, lose, stop } = await seated(2_000);
    lose();
    await passTime(clock, 5_000);
    expect([a.seat === undefined, b.seat]).toEqual([false, undefined]);
    await passTime(clock, 5_000);
    expect([a.seat, b.seat === undefined]).toEqual([undefined, false]);
    await stop();
  });

  test("keeps it when it is reached again before it could be deposed", async () => {
    const { clock, a, b, lose, stop } = await seated(2_000);
    lose();
    await passTime(clock, 1_000);
    b.unreachable.clear();
    await passTime(clock, 20_000);
    expect([a.seat === undefined, b.seat]).toEqual([false, undefined]);
    await stop();
  });

  test("keeps it while the one that does not reach it has no lease itself", async () => {
    const { clock, a, b, lose, stop } = await seated(20_000);
    b.election.useLease(undefined);
    lose();
    await passTime(clock, 5_000);
    expect([a.seat === undefined, b.seat]).toEqual([false, undefined]);
    await stop();
  });
});
