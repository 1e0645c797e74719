/** Where the engine is, for tests and benchmarks that end its machine, or another. */
import { setTimeout as delay } from "node:timers/promises";
import { keys } from "#model/keys.ts";
import { machineRecordSchema } from "#model/records.ts";
import { prefixRange, toText } from "#store/keys.ts";
import { putJson } from "#store/ops.ts";
import type { Cluster } from "./cluster.ts";

/** An engine is deposed only when it has had its seat for so long (engine/election.ts), as it has in life. */
const TENURE_MS = 10_000;

/** Gives the machine the engine's seat; resolves when it has had it for so long that it can be deposed. */
export async function seatEngine(cluster: Cluster, name: string): Promise<void> {
  await cluster.withStore(async (store) => {
    const { kvs } = await store.range(prefixRange(keys.machine("")));
    for (const { value, lease } of kvs) {
      const record = machineRecordSchema.parse(JSON.parse(toText(value)));
      if (record.name !== name) continue;
      // It takes over what its own machine seems to have had before.
      const earlier = { machine: record.id, instance: "earlier", electedMs: 0 };
      await store.txn({ compare: [], success: [putJson(keys.engine(), earlier, lease)], failure: [] });
    }
  });
  await delay(TENURE_MS);
}
