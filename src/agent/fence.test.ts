import { describe, expect, test } from "vitest";
import { VirtualClock } from "#base/virtual-clock.ts";
import { FakeMachine } from "#supervisor/fake.ts";
import { Fence } from "./fence.ts";

const TTL_MS = 5_000;
const UNIT = "strict.service";
const FILE = "a".repeat(64);

async function scene(stopMs = 1_000) {
  const clock = new VirtualClock();
  const supervisor = new FakeMachine({ clock }).supervisor();
  await supervisor.load([{ name: UNIT, text: "", file: FILE }]);
  let claimed: bigint | undefined = 7n;
  const asked: string[] = [];
  const claims = {
    revisionOf: () => claimed,
    want: (unit: string) => void asked.push(`want ${unit}`),
    release: (unit: string) => void asked.push(`release ${unit}`),
  };
  const makeFence = (): Fence => {
    const fence = new Fence({ clock, supervisor, claims, leaseTtlMs: TTL_MS, onDue: () => (due += 1) });
    fence.note(UNIT, stopMs);
    return fence;
  };
  let due = 0;
  const fence = makeFence();
  return {
    clock,
    supervisor,
    fence,
    makeFence,
    asked,
    setClaim: (revision: bigint | undefined) => (claimed = revision),
    due: () => due,
    standing: () => fence.standings().get(UNIT),
    pass: (durationMs: number) => {
      const untilMs = clock.monotonic() + durationMs;
      while (clock.fireNext(untilMs));
      clock.skipTo(untilMs);
    },
  };
}

describe("a strict unit", () => {
  test("that is not claimed is fenced, and cannot be started by anything else either", async () => {
    const { fence, supervisor, standing, setClaim, asked } = await scene();
    setClaim(undefined);
    fence.extend(5_000);
    expect(asked).toContain(`want ${UNIT}`);
    expect(standing()).toBe("fenced");
    expect((await supervisor.start(UNIT)).result).toBe("failed");
  });

  test("is free under a lease, until what its stop takes is all that is left", async () => {
    const { fence, supervisor, standing, pass, due } = await scene(1_000);
    fence.extend(5_000);
    expect(standing()).toBe("free");
    expect(supervisor.heldUntil(UNIT)).toBe(5_000);
    pass(3_999);
    expect([standing(), due()]).toEqual(["free", 0]);
    pass(1);
    expect([standing(), due()]).toEqual(["fenced", 1]);
  });

  test("whose stop may take longer than fits is stopped with two fifths of the lease left", async () => {
    const { fence, standing, pass } = await scene(90_000);
    fence.extend(TTL_MS);
    pass(2_999);
    expect(standing()).toBe("free");
    pass(1);
    expect(standing()).toBe("fenced");
  });

  test("has its time put off with each renewal", async () => {
    const { fence, standing, pass } = await scene();
    fence.extend(5_000);
    pass(3_500);
    fence.extend(8_500);
    pass(1_500);
    expect(standing()).toBe("free");
  });

  test("is looked at again as soon as a lease that was given up is renewed after all", async () => {
    const { fence, standing, pass, due } = await scene();
    fence.extend(5_000);
    pass(5_000);
    expect([standing(), due()]).toEqual(["fenced", 0]);
    fence.extend(10_000);
    expect([standing(), due()]).toEqual(["free", 1]);
    fence.extend(11_000);
    expect(due()).toBe(1);
  });

  test("may run on under the next daemon for as long as it was held, but not be started", async () => {
    const { fence, makeFence, pass, setClaim } = await scene();
    fence.extend(5_000);
    setClaim(undefined);
    const next = makeFence();
    expect(next.standings().get(UNIT)).toBe("held");
    pass(4_000);
    expect(next.standings().get(UNIT)).toBe("fenced");
  });

  test("loses nothing at once when the lease is lost, only what was not promised", async () => {
    const { fence, standing, setClaim } = await scene();
    fence.extend(5_000);
    setClaim(undefined);
    fence.extend(Number.NEGATIVE_INFINITY);
    expect(standing()).toBe("held");
  });

  test("that lost its claim has its time put off no more, whatever becomes of the lease", async () => {
    const { fence, supervisor, setClaim } = await scene();
    fence.extend(5_000);
    setClaim(undefined);
    fence.extend(9_000);
    expect(supervisor.heldUntil(UNIT)).toBe(5_000);
  });

  test("that is strict no longer is not held any longer; one that is taken away is, until it is gone", async () => {
    const { fence, supervisor, asked } = await scene();
    fence.extend(5_000);
    fence.forget(UNIT);
    expect(asked).toContain(`release ${UNIT}`);
    expect(supervisor.heldUntil(UNIT)).toBe(5_000);
    fence.note(UNIT, 1_000);
    fence.note(UNIT, undefined);
    expect(supervisor.heldUntil(UNIT)).toBe(undefined);
    expect(fence.units).toEqual([]);
  });
});
