import { describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import type { MachineRecord } from "#model/records.ts";
import { createMemoryStore } from "#store/memory.ts";
import { putJson } from "#store/ops.ts";
import { passTime } from "../../test/simulation/time.ts";
import { awaitOwnPlace } from "./own-place.ts";

const HERE: MachineRecord = {
  ...{ id: "a".repeat(32), instance: "new", name: "m1", address: "10.0.0.1", api: "https://10.0.0.1:7400" },
  ...{ metadata: {}, capacity: { cpuMillis: 1000, memoryBytes: 1 }, version: "1", supervisor: "fake" },
  ...{ notEnforced: [], hasStore: false, startedMs: 0, bootId: "this boot", leaseTtlS: 5 },
};
const BEFORE: MachineRecord = { ...HERE, instance: "before", bootId: "the boot before" };
const COPY: MachineRecord = { ...BEFORE, instance: "copy", name: "m7", address: "10.0.0.7" };

function setUp() {
  const clock = new VirtualClock();
  const store = createMemoryStore({ clock, random: seededRandom(1) });
  const taken: string[] = [];
  const stop = new AbortController();
  const start = (ownsStore = false) => {
    const means = { store, clock, random: seededRandom(2), machine: HERE, ownsStore };
    const place = { ...means, signal: stop.signal, onTaken: () => taken.push("taken") };
    const outcome: { how?: unknown } = {};
    void awaitOwnPlace(place).then(
      () => (outcome.how = "free"),
      (error: unknown) => (outcome.how = error),
    );
    return outcome;
  };
  const put = async (record: MachineRecord) => {
    const { id } = await store.leaseGrant({ ttlS: record.leaseTtlS });
    await store.txn({ compare: [], success: [putJson(keys.machine(record.id), record, id)], failure: [] });
    return id;
  };
  return { clock, store, taken, stop, start, put };
}

describe("a machine that comes up", () => {
  test("takes its place where nobody has it", async () => {
    const { clock, start, taken } = setUp();
    const outcome = start();
    await passTime(clock, 10);
    expect(outcome.how).toBe("free");
    expect(taken).toEqual([]);
  });

  test("takes over at once what its own last daemon has left, on the same boot at the same address", async () => {
    const { clock, start, put, taken } = setUp();
    await put({ ...BEFORE, bootId: HERE.bootId });
    const outcome = start();
    await passTime(clock, 10);
    expect(outcome.how).toBe("free");
    expect(taken).toEqual([]);
  });

  test("waits, after a quick reboot, until the lease from before has ended", async () => {
    const { clock, start, put, taken } = setUp();
    await put(BEFORE);
    const outcome = start();
    await passTime(clock, 1_000);
    expect(outcome.how).toBeUndefined();
    expect(taken).not.toEqual([]);
    await passTime(clock, 6_000);
    expect(outcome.how).toBe("free");
  });

  test("does not wait where the store is its own, and has come up with it", async () => {
    const { clock, start, put, taken } = setUp();
    await put(BEFORE);
    const outcome = start(true);
    await passTime(clock, 10);
    expect(outcome.how).toBe("free");
    expect(taken).toEqual([]);
  });

  test("does not take the place of another that is alive, and names both and what to do", async () => {
    const { clock, store, start, put } = setUp();
    const lease = await put(COPY);
    const outcome = start();
    for (let second = 0; second < 10; second += 1) {
      await store.leaseKeepAlive(lease);
      await passTime(clock, 1_000);
    }
    expect(outcome.how).toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/m7 at 10\.0\.0\.7 .* m1 at 10\.0\.0\.1/),
      hint: expect.stringContaining("flotilla leave --force"),
    });
  });

  test("looks again when the other record changes while it waits", async () => {
    const { clock, start, put } = setUp();
    await put(COPY);
    const outcome = start();
    await passTime(clock, 1_000);
    await put({ ...BEFORE, bootId: HERE.bootId });
    await passTime(clock, 1_000);
    expect(outcome.how).toBe("free");
  });

  test("ends waiting when its daemon does", async () => {
    const { clock, start, put, stop } = setUp();
    await put(COPY);
    const outcome = start();
    await passTime(clock, 1_000);
    stop.abort();
    await passTime(clock, 10);
    expect(outcome.how).toBeInstanceOf(Error);
  });
});
