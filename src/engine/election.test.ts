import { expect, test } from "vitest";
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
