import { beforeEach, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { usageSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import type { KeyValue, Store } from "#store/store.ts";
import type { UnitUsage } from "#supervisor/supervisor.ts";
import { passTime } from "../../test/simulation/time.ts";
import { isWorthWriting, UsagePublisher } from "./usage-publisher.ts";

const MACHINE = "1".repeat(32);
const CAPACITY = { cpuMillis: 1000, memoryBytes: 1000 };

let clock: VirtualClock;
let store: Store;
let usage: UnitUsage;
let publisher: UsagePublisher;

beforeEach(() => {
  clock = new VirtualClock();
  store = createMemoryStore({ clock, random: seededRandom(1) });
  usage = { cpuMs: 0, memoryBytes: 0 };
  publisher = new UsagePublisher({
    store,
    supervisor: { usage: () => usage },
    clock,
    random: seededRandom(1),
    log: silentLogger,
    machine: MACHINE,
    capacity: CAPACITY,
  });
});

async function record(): Promise<KeyValue | undefined> {
  return (await store.range({ key: toBytes(keys.usage(MACHINE)) })).kvs[0];
}

async function published(): Promise<unknown> {
  const value = (await record())?.value;
  return value === undefined ? undefined : usageSchema.parse(JSON.parse(toText(value)));
}

async function lease(): Promise<bigint> {
  return (await store.leaseGrant({ id: 0n, ttlS: 600 })).id;
}

test("processor time is counted over the span between two looks, and published with the memory", async () => {
  publisher.useLease(await lease());
  await passTime(clock, 10);
  usage = { cpuMs: 5000, memoryBytes: 400 };
  await passTime(clock, 10_000);
  expect(await published()).toEqual({ cpuMillis: 500, memoryBytes: 400 });
  await publisher.stop();
});

test("a machine whose use stays about the same writes nothing", async () => {
  publisher.useLease(await lease());
  usage = { cpuMs: 0, memoryBytes: 400 };
  await passTime(clock, 20_000);
  const written = (await record())?.modRevision;
  usage = { cpuMs: 0, memoryBytes: 440 };
  await passTime(clock, 60_000);
  expect((await record())?.modRevision).toBe(written);
  expect(await published()).toEqual({ cpuMillis: 0, memoryBytes: 400 });
  await publisher.stop();
});

test("it is published anew on a new lease, and not without one or where nothing is counted", async () => {
  usage = { cpuMs: 0, memoryBytes: 900 };
  publisher.useLease(undefined);
  await passTime(clock, 30_000);
  expect(await published()).toBeUndefined();
  const first = await lease();
  publisher.useLease(first);
  await passTime(clock, 10);
  expect(await published()).toEqual({ cpuMillis: 0, memoryBytes: 900 });
  await store.leaseRevoke(first);
  publisher.useLease(await lease());
  await passTime(clock, 10);
  expect(await published()).toEqual({ cpuMillis: 0, memoryBytes: 900 });
  await publisher.stop();
});

test.each([
  { tookMs: 0, looks: 11 },
  { tookMs: 5, looks: 11 },
  { tookMs: 25, looks: 4 },
  { tookMs: 500, looks: 2 },
])("a look that takes $tookMs ms is had $looks times in 100 s, and at once on a new lease", async (given) => {
  let looks = 0;
  const slow = new UsagePublisher({
    ...{ store, clock, random: seededRandom(1), log: silentLogger, machine: MACHINE, capacity: CAPACITY },
    supervisor: {
      usage: () => {
        looks += 1;
        clock.skipTo(clock.monotonic() + given.tookMs);
        return usage;
      },
    },
  });
  slow.useLease(await lease());
  await passTime(clock, 100_100);
  expect(looks).toBe(given.looks);
  slow.useLease(await lease());
  await passTime(clock, 10);
  expect(looks).toBe(given.looks + 1);
  await slow.stop();
});

test("only a change of more than a twentieth of the machine is worth a write", () => {
  const before = { cpuMillis: 500, memoryBytes: 500 };
  expect(isWorthWriting(before, { cpuMillis: 549, memoryBytes: 451 }, CAPACITY)).toBe(false);
  expect(isWorthWriting(before, { cpuMillis: 551, memoryBytes: 500 }, CAPACITY)).toBe(true);
  expect(isWorthWriting(before, { cpuMillis: 500, memoryBytes: 449 }, CAPACITY)).toBe(true);
  expect(isWorthWriting(undefined, { cpuMillis: 10, memoryBytes: 10 }, CAPACITY)).toBe(false);
});
