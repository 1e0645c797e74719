import { expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { putJson } from "#store/ops.ts";
import { passTime } from "../../test/simulation/time.ts";
import { confirmCluster } from "./cluster-check.ts";

function start(known?: string, founds = false) {
  const clock = new VirtualClock();
  const store = createMemoryStore({ clock, random: seededRandom(1) });
  const stop = new AbortController();
  const init = async (id: string): Promise<void> => {
    const info = { id, name: "n", createdMs: 0 };
    await store.txn({ compare: [], success: [putJson(keys.cluster(), info)], failure: [] });
  };
  const found = founds ? () => init("new") : undefined;
  const means = { store, clock, random: seededRandom(2), log: silentLogger };
  const confirmed = confirmCluster({ ...means, known, found, signal: stop.signal });
  return { clock, stop, confirmed, init };
}

test("a machine of no cluster founds one in a store of none, where it may", async () => {
  const { clock, confirmed } = start(undefined, true);
  await passTime(clock, 1_000);
  expect(await confirmed).toBe("new");
});

test("a machine that has a cluster founds none in an empty store, but waits for its own", async () => {
  const { init, clock, confirmed } = start("c", true);
  await passTime(clock, 60_000);
  await init("c");
  await passTime(clock, 2_000);
  expect(await confirmed).toBe("c");
});

test("a machine that belongs to no cluster joins the one that the store is of", async () => {
  const { init, clock, confirmed } = start();
  await init("c");
  await passTime(clock, 2_000);
  expect(await confirmed).toBe("c");
});

test("a machine waits until the store has a cluster, for as long as it takes", async () => {
  const { init, clock, confirmed } = start("c");
  await passTime(clock, 600_000);
  await init("c");
  await passTime(clock, 1_000);
  expect(await confirmed).toBe("c");
});

test("a machine refuses the store of another cluster and says what can be done", async () => {
  const { init, clock, confirmed } = start("mine");
  await init("theirs");
  const refused = confirmed.catch((error: unknown) => error);
  await passTime(clock, 2_000);
  expect(await refused).toMatchObject({
    code: "conflict",
    message: "this machine belongs to cluster mine, the store is of cluster theirs",
    hint: expect.stringContaining("its own cluster's store"),
  });
});

test("waiting ends when the daemon does", async () => {
  const { stop, clock, confirmed } = start();
  const ended = confirmed.catch((error: unknown) => error);
  await passTime(clock, 100);
  stop.abort(new Error("enough"));
  expect(await ended).toMatchObject({ message: "enough" });
});
