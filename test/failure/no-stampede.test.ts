/** Failure rule 5: when many machines vanish at once, nothing is moved before it is sure that they are gone. */
import { afterEach, describe, expect, test } from "vitest";
import type { EventBody } from "#api/bodies.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import { Cluster } from "../cluster/cluster.ts";
import { untilActive, untilEvent } from "../cluster/following.ts";
import { afterNextPlan, launch, rowsOf, running } from "../cluster/units.ts";

const isHolding = (event: EventBody): boolean => event.kind === "holding";

describe("when most machines vanish at once", () => {
  let cluster: Cluster;
  const names = Array.from({ length: 9 }, (_, index) => `many-${index}.service`);
  afterEach(() => cluster.stop());

  test("the engine says that it waits, and moves nothing when they come back in time", async () => {
    // Leases are told in whole seconds: with fewer of them a late one cannot be told from one just renewed.
    cluster = await Cluster.start({ machines: 3, leaseTtlS: 5, network: "shared" });
    const before = running(await launch(cluster, names));
    const holding = untilEvent(cluster.client("m1"), isHolding);
    for (const machine of ["m2", "m3"]) cluster.signal(machine, "SIGSTOP");
    expect((await holding).message).toMatch(/2 of 3 machines are gone/);
    for (const machine of ["m2", "m3"]) cluster.signal(machine, "SIGCONT");
    await cluster.joined(["m1", "m2", "m3"]);
    await afterNextPlan(cluster, "after-return");
    expect(running(await rowsOf(cluster, names))).toEqual(before);
    const events = await cluster.client("m1").events();
    expect(events.filter((event) => event.kind === "unit-moved")).toEqual([]);
  });

  test("it moves their units when they stay away", async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: 5, network: "shared" });
    await launch(cluster, names);
    const holding = untilEvent(cluster.client("m1"), isHolding);
    await Promise.all(["m2", "m3"].map((machine) => cluster.host.kill(machine)));
    const held = await holding;
    await untilActive(cluster.client("m1"), names, (machine) => machine === "m1");
    const events = await cluster.client("m1").events();
    const moves = events.filter((event) => event.kind === "unit-moved");
    expect(moves.length).toBe(6);
    // Both times are the engine's, so that they can be compared; the first loss may be older than the event.
    const earliestMs = Math.min(...moves.map((event) => event.timeMs));
    expect(earliestMs - held.timeMs).toBeGreaterThan(0.8 * DEFAULT_PLAN_SETTINGS.settleMs);
  });
});
