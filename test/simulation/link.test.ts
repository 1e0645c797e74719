import { expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { prefixRange, toBytes } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { goodNetwork, Link } from "./link.ts";
import { ProcessClock } from "./process-clock.ts";
import { passTime } from "./time.ts";

/** A machine that follows the store, and the revisions it has heard of. */
function follow() {
  const world = new VirtualClock();
  const random = seededRandom(1);
  const store = createMemoryStore({ clock: world, random });
  const skew = { wallMs: 0, bootMs: 0, suspendedMs: 0 };
  const process = new ProcessClock(world, skew);
  const link = new Link({
    ...{ store: () => store, world, process, random, network: goodNetwork() },
    writer: { machine: "m", instance: "i" },
    onRequest: () => undefined,
    onWritten: () => undefined,
  });
  const heard: bigint[] = [];
  const ended = new AbortController();
  const listen = async (): Promise<void> => {
    for await (const response of link.watch({ ...prefixRange("a/") }, { signal: ended.signal }))
      if (response.kind === "events") heard.push(...response.events.map(({ kv }) => kv.modRevision));
  };
  void listen();
  const suspend = (durationMs: number): void => {
    skew.suspendedMs += durationMs;
    process.pause(durationMs);
  };
  const put = (): Promise<unknown> => store.put({ key: toBytes("a/1"), value: toBytes("") });
  return { world, heard, suspend, put, end: () => ended.abort() };
}

// Seed 1667028392 once lost a change this way, and the engine kept what was destroyed for 71 seconds.
test.each([0, 0.03, 0.5, 1, 1.9, 3])(
  "a stream keeps its order when the machine is suspended %f ms behind a change and hears of another meanwhile",
  async (afterMs) => {
    const { world, heard, suspend, put, end } = follow();
    await passTime(world, 100);
    await put();
    await passTime(world, afterMs);
    suspend(1_000);
    await passTime(world, 500);
    await put();
    await passTime(world, 499);
    await put();
    await passTime(world, 1_000);
    expect(heard).toHaveLength(3);
    expect(heard).toEqual(heard.toSorted((one, other) => Number(one - other)));
    end();
  },
);
