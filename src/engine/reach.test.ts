import { describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { cluster, machineId } from "#plan/testing/cluster-builder.ts";
import { passTime } from "../../test/simulation/time.ts";
import { ReachWatch, watches } from "./reach.ts";

/** Who hears whom: `bc` means that b gets a sign of c. */
async function watching(heard: Set<string>, shorts: readonly string[] = ["a", "b", "c"], engine = "a") {
  const clock = new VirtualClock();
  const view = cluster(...shorts).state;
  const mirror = { view, connected: true };
  view.engine = seatOf(engine);
  let changes = 0;
  const watch = new ReachWatch({
    clock,
    log: silentLogger,
    cluster: mirror,
    machine: machineId("a"),
    reach: {
      knock: async ({ id }) => heard.has(`a${id[0]}`),
      heardMsAgo: () => Number.POSITIVE_INFINITY,
      knockFrom: async (peer, { id }) =>
        heard.has(`a${peer.id[0]}`) ? heard.has(`${peer.id[0]}${id[0]}`) : undefined,
    },
    onChange: () => (changes += 1),
  });
  watch.start();
  await passTime(clock, 100);
  return {
    watch,
    mirror,
    changes: () => changes,
    unreachable: () => [...watch.unreachable].map((id) => id[0]),
    pass: (durationMs: number) => passTime(clock, durationMs),
  };
}

function seatOf(short: string) {
  return { machine: machineId(short), instance: "1", electedMs: 0 };
}

const ALL = ["ab", "ac", "bc", "cb"];

describe("a machine is unreachable", () => {
  test.each<[why: string, heard: readonly string[], unreachable: readonly string[]]>([
    ["not while the engine hears it", ALL, []],
    ["when neither the engine nor another hears it", ["ab"], ["c"]],
    ["not when another hears it", ["ab", "bc"], []],
    ["not when nobody else answers the engine, which may be cut off itself", [], []],
  ])("%s", async (_why, heard, expected) => {
    const { unreachable, watch } = await watching(new Set(heard));
    expect(unreachable()).toEqual(expected);
    watch.stop();
  });

  test("not in a cluster of two, where nobody else could say so", async () => {
    const { unreachable, watch } = await watching(new Set(), ["a", "b"]);
    expect(unreachable()).toEqual([]);
    watch.stop();
  });

  test.each([
    { afterMs: 200, asked: 0 },
    { afterMs: 900, asked: 1 },
  ])(
    "not while it is only far away: a sign after $afterMs ms counts, $asked others asked meanwhile",
    async ({ afterMs, asked }) => {
      const clock = new VirtualClock();
      const elapsed = (delayMs: number): Promise<void> =>
        new Promise((resolve) => clock.setTimer(delayMs, resolve));
      let knocks = 0;
      const watch = new ReachWatch({
        clock,
        log: silentLogger,
        cluster: { connected: true, view: { ...cluster("a", "b", "c").state, engine: seatOf("a") } },
        machine: machineId("a"),
        reach: {
          knock: ({ id }) => elapsed(id === machineId("c") ? afterMs : 1).then(() => true),
          heardMsAgo: () => Number.POSITIVE_INFINITY,
          knockFrom: async () => {
            knocks += 1;
            await elapsed(500);
            return false;
          },
        },
        onChange: () => expect.unreachable("nothing is unreachable"),
      });
      watch.start();
      await passTime(clock, 1_000);
      expect([knocks, watch.unreachable.size]).toEqual([asked, 0]);
      watch.stop();
    },
  );

  test("until it gives a sign again, and each change is told once", async () => {
    const heard = new Set(ALL);
    const { unreachable, changes, pass, watch } = await watching(heard);
    heard.delete("ac");
    heard.delete("bc");
    await pass(3_000);
    expect([unreachable(), changes()]).toEqual([["c"], 1]);
    heard.add("ac");
    await pass(3_000);
    expect([unreachable(), changes()]).toEqual([[], 2]);
    watch.stop();
    expect(unreachable()).toEqual([]);
  });
});

test("while the store is away nothing is known of anybody, so that nothing old is acted on when it is back", async () => {
  const { unreachable, mirror, pass, watch } = await watching(new Set(["ab"]));
  expect(unreachable()).toEqual(["c"]);
  mirror.connected = false;
  await pass(1_000);
  expect(unreachable()).toEqual([]);
  mirror.connected = true;
  await pass(1_000);
  expect(unreachable()).toEqual(["c"]);
  watch.stop();
});

describe("a deputy", () => {
  const four = ["a", "b", "c", "d"];

  test.each<[why: string, heard: readonly string[], unreachable: readonly string[]]>([
    ["does not look at others while it hears the engine's machine", ["ad"], []],
    ["finds that machine alone when all others are there", ["ab", "ac", "bc", "cb"], ["d"]],
    ["finds who else is gone before it takes the seat", ["ab"], ["d", "c"]],
  ])("%s", async (_why, heard, expected) => {
    const { unreachable, watch } = await watching(new Set(heard), four, "d");
    expect(unreachable()).toEqual(expected);
    watch.stop();
  });
});

describe("a deputy that the engine's machine knocks at", () => {
  /** On b, with the engine on a, which opens a connection to b whenever `connect` is called. */
  async function deputy(self = "b", engine = "a") {
    const clock = new VirtualClock();
    let heardMs = Number.NEGATIVE_INFINITY;
    const knocked: string[] = [];
    const watch = new ReachWatch({
      clock,
      log: silentLogger,
      cluster: { view: { ...cluster("a", "b", "c").state, engine: seatOf(engine) }, connected: true },
      machine: machineId(self),
      reach: {
        knock: async ({ id }) => knocked.push(`${id[0]} ${clock.monotonic() - startMs}`) > 0,
        heardMsAgo: () => clock.monotonic() - heardMs,
        knockFrom: async () => undefined,
      },
      onChange: () => expect.unreachable("nothing is unreachable"),
    });
    const startMs = clock.monotonic();
    watch.start();
    await passTime(clock, 0);
    return {
      knocked,
      watch,
      connect: () => (heardMs = clock.monotonic()),
      pass: (durationMs: number) => passTime(clock, durationMs),
    };
  }

  test("does not knock in turn, for as long as that goes on", async () => {
    const { knocked, connect, pass, watch } = await deputy();
    for (let round = 0; round < 10; round += 1) {
      connect();
      await pass(1_010);
    }
    expect(knocked).toEqual(["a 0"]);
    watch.stop();
  });

  test("knocks as soon as the next knock is 150 ms late, and goes on by itself", async () => {
    const { knocked, connect, pass, watch } = await deputy();
    await pass(200);
    connect();
    await pass(4_000);
    expect(knocked).toEqual(["a 0", "a 1350", "a 2350", "a 3350"]);
    watch.stop();
  });

  test("knocks where that machine, which watches all, hears others", async () => {
    const { knocked, connect, pass, watch } = await deputy("a", "a");
    connect();
    await pass(800);
    connect();
    await pass(800);
    expect(knocked).toEqual(["b 0", "c 0", "b 1000", "c 1000"]);
    watch.stop();
  });
});

describe("who watches", () => {
  const view = cluster("a", "b", "c", "d", "e").state;
  const watchedBy = (self: string): string =>
    [..."abcde"]
      .filter((other) => other !== self && watches(view, machineId(self), machineId(other)))
      .join("");

  test.each<[engine: string, watched: readonly string[]]>([
    ["a", ["bcde", "a", "a", "a", ""]],
    ["e", ["e", "e", "e", "", "abcd"]],
    ["b", ["b", "acde", "b", "b", ""]],
  ])("the engine on %s watches all, and three deputies watch it", (engine, expected) => {
    view.engine = seatOf(engine);
    expect([..."abcde"].map(watchedBy)).toEqual(expected);
  });

  test("nobody while nobody is elected", () => {
    view.engine = undefined;
    expect([..."abcde"].map(watchedBy)).toEqual(["", "", "", "", ""]);
  });
});
