/** Failure rule 2: the daemon is not in the data path. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import { Cluster } from "../cluster/cluster.ts";
import { afterNextPlan, launch, rowsOf, running } from "../cluster/units.ts";

/** As by default: a daemon that is started again on a busy computer is back within it. */
const TTL_S = 5;

describe("a daemon that ends", () => {
  let cluster: Cluster;
  const names = Array.from({ length: 9 }, (_, index) => `steady-${index}.service`);
  let before: ReadonlyMap<string, number | null>;

  beforeAll(async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: TTL_S, network: "shared" });
    before = running(await launch(cluster, names));
  });
  afterAll(() => cluster.stop());

  test.each([
    { what: "killed", machine: "m2", signal: "SIGKILL" },
    { what: "ended for an upgrade", machine: "m3", signal: "SIGTERM" },
    { what: "with the store, killed", machine: "m1", signal: "SIGKILL" },
    { what: "with the store, ended for an upgrade", machine: "m1", signal: "SIGTERM" },
  ] as const)(
    "$what ($machine), takes over what runs under a new instance, and nothing moves",
    async (fault) => {
      const instance = await cluster.instanceOf(fault.machine);
      cluster.signal(fault.machine, fault.signal);
      await cluster.rejoined(fault.machine, instance);
      // What the earlier instance left hangs on a lease that runs out only now.
      await sleep(systemClock, TTL_S * 1000);
      await afterNextPlan(cluster, `after-${fault.machine}-${fault.signal.toLowerCase()}`);
      expect(running(await rowsOf(cluster, names))).toEqual(before);
      const events = await cluster.client("m1").events();
      const disturbing = ["machine-lost", "unit-moved", "unit-unplaced", "unit-failed", "holding"];
      expect(events.filter((event) => disturbing.includes(event.kind))).toEqual([]);
    },
  );
});
