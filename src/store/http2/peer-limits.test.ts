import { describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { PeerLimits } from "./peer-limits.ts";

function begun(): { clock: VirtualClock; limits: PeerLimits } {
  const clock = new VirtualClock();
  return { clock, limits: new PeerLimits(clock) };
}

/** How often something passes before it is refused, at most `most` times. */
function passes(act: () => void, most = 5_000): number {
  for (let count = 0; count < most; count += 1) {
    try {
      act();
    } catch {
      return count;
    }
  }
  return most;
}

describe("what costs a peer nothing", () => {
  test.for([
    ["reset", 2_000, 500],
    ["settings", 100, 10],
    ["idle", 1_000, 200],
  ] as const)("%s passes so often at once, and then as often as time allows", ([kind, burst, perSecond]) => {
    const { clock, limits } = begun();
    expect(passes(() => limits[kind]())).toBe(burst);
    clock.skipTo(1_000);
    expect(passes(() => limits[kind]())).toBe(perSecond);
  });

  test("what was not used is not saved up", () => {
    const { clock, limits } = begun();
    clock.skipTo(3_600_000);
    expect(passes(() => limits.settings())).toBe(100);
  });
});

describe("pings", () => {
  const pings = (everyMs: number, between: (limits: PeerLimits) => void = () => undefined): number => {
    const { clock, limits } = begun();
    let nowMs = 0;
    return passes(() => {
      nowMs += everyMs;
      clock.skipTo(nowMs);
      limits.ping();
      between(limits);
    }, 100);
  };

  test("every five seconds, etcd's least interval, pass for ever", () => {
    expect(pings(5_000)).toBe(100);
    expect(pings(4_900)).toBe(100);
  });

  test("that come faster are refused with the third that does", () => {
    expect(pings(1_000)).toBe(3);
  });

  test("pass however fast they come with answers between them: clients measure their line so", () => {
    expect(pings(1, (limits) => limits.answered())).toBe(100);
  });
});
