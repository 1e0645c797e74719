import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { claimSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { deleteKey, putJson } from "#store/ops.ts";
import { type Revision, type Store, StoreError } from "#store/store.ts";
import { passTime } from "../../test/simulation/time.ts";
import { Claims } from "./claims.ts";

const UNIT = "strict.service";
const [A, B] = ["a".repeat(32), "b".repeat(32)];

let clock: VirtualClock;
let store: Store;
let claims: Claims[];

beforeEach(() => {
  clock = new VirtualClock();
  store = createMemoryStore({ clock, random: seededRandom(1) });
  claims = [];
});
afterEach(async () => {
  for (const one of claims) await one.stop();
  await store.close();
});

function claimsOf(machine: string): Claims {
  const random = seededRandom(2);
  const means = { store, clock, random, log: silentLogger };
  const made = new Claims({ ...means, machine, onClaimed: () => undefined });
  claims.push(made);
  return made;
}

async function write(...success: Parameters<Store["txn"]>[0]["success"]): Promise<Revision> {
  return (await store.txn({ compare: [], success, failure: [] })).header.revision;
}

async function assign(machine: string): Promise<Revision> {
  return write(putJson(keys.assignment(machine, UNIT), {}));
}

async function holder(): Promise<string | undefined> {
  const { kvs } = await store.range({ key: toBytes(keys.claim(UNIT)) });
  const value = kvs[0]?.value;
  return value === undefined ? undefined : claimSchema.parse(JSON.parse(toText(value))).machine;
}

async function lease(ttlS = 1_000): Promise<bigint> {
  return (await store.leaseGrant({ ttlS })).id;
}

describe("a claim", () => {
  test("is made of a unit that is here and assigned here, on the machine's lease", async () => {
    const mine = claimsOf(A);
    mine.want(UNIT);
    mine.useLease(await lease(5));
    await passTime(clock, 100);
    expect(mine.revisionOf(UNIT)).toBe(undefined);
    mine.assign(UNIT, await assign(A));
    await passTime(clock, 100);
    expect([await holder(), typeof mine.revisionOf(UNIT)]).toEqual([A, "bigint"]);
    await passTime(clock, 6_000);
    expect(await holder()).toBe(undefined);
  });

  test("whose answer was lost is given up, too, when the unit has gone", async () => {
    const txn = store.txn.bind(store);
    let isLost = true;
    store.txn = async (...call) => {
      const answer = await txn(...call);
      if (isLost) throw new StoreError("unavailable", "the connection broke before the answer came");
      return answer;
    };
    const mine = claimsOf(A);
    const assigned = (
      await txn({ compare: [], success: [putJson(keys.assignment(A, UNIT), {})], failure: [] })
    ).header.revision;
    mine.assign(UNIT, assigned);
    mine.useLease(await lease());
    mine.want(UNIT);
    await passTime(clock, 1);
    expect([await holder(), mine.revisionOf(UNIT)]).toEqual([A, undefined]);
    mine.assign(UNIT, undefined);
    mine.release(UNIT);
    isLost = false;
    await passTime(clock, 5_000);
    expect(await holder()).toBe(undefined);
  });

  test("is not made by what is known of an assignment that has gone meanwhile", async () => {
    const mine = claimsOf(A);
    const revision = await assign(A);
    await write(deleteKey(keys.assignment(A, UNIT)));
    mine.useLease(await lease());
    mine.want(UNIT);
    mine.assign(UNIT, revision);
    await passTime(clock, 5_000);
    expect([await holder(), mine.revisionOf(UNIT)]).toEqual([undefined, undefined]);
  });

  test("waits for another machine's to go, and two seconds more, and has a higher revision then", async () => {
    const [theirs, mine] = [claimsOf(B), claimsOf(A)];
    theirs.useLease(await lease());
    theirs.want(UNIT);
    theirs.assign(UNIT, await assign(B));
    await passTime(clock, 100);
    const before = theirs.revisionOf(UNIT) ?? 0n;
    mine.useLease(await lease());
    mine.want(UNIT);
    mine.assign(UNIT, await assign(A));
    await passTime(clock, 5_000);
    expect(await holder()).toBe(B);
    theirs.release(UNIT);
    await passTime(clock, 1_000);
    expect(await holder()).toBe(undefined);
    await passTime(clock, 2_000);
    expect(await holder()).toBe(A);
    expect(mine.revisionOf(UNIT) ?? 0n).toBeGreaterThan(before);
  });

  test("of this machine's earlier daemon is taken over, on the new lease", async () => {
    const earlier = claimsOf(A);
    const revision = await assign(A);
    earlier.useLease(await lease(5));
    earlier.want(UNIT);
    earlier.assign(UNIT, revision);
    await passTime(clock, 100);
    await earlier.stop();
    const next = claimsOf(A);
    next.useLease(await lease());
    next.want(UNIT);
    next.assign(UNIT, revision);
    await passTime(clock, 10_000);
    expect(await holder()).toBe(A);
  });

  test("ends when the lease does, and is made anew on the next", async () => {
    const mine = claimsOf(A);
    mine.useLease(await lease());
    mine.want(UNIT);
    mine.assign(UNIT, await assign(A));
    await passTime(clock, 100);
    const before = mine.revisionOf(UNIT) ?? 0n;
    mine.useLease(undefined);
    expect(mine.revisionOf(UNIT)).toBe(undefined);
    mine.useLease(await lease());
    await passTime(clock, 100);
    expect(mine.revisionOf(UNIT) ?? 0n).toBeGreaterThan(before);
  });
});
