/**
 * Kills the daemon while it promotes its store, at a random moment: afterwards the store is the embedded one as before or
 * the etcd, never neither, and has all that was acknowledged. FLOTILLA_TEST_PROMOTIONS says how often.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Cluster } from "../../cluster/cluster.ts";
import { launch, rowsOf, running } from "../../cluster/units.ts";
import { lost, startWriter } from "./writer.ts";

const UNITS = ["a.service", "b.service"];
/** A promotion takes about as long. */
const KILL_WITHIN_MS = 2_500;

interface Round {
  readonly killedAfterMs: number;
  readonly kind: string;
}

/** @throws Error when anything is lost. */
async function promoteRound(): Promise<Round> {
  const cluster = await Cluster.start({ machines: 2, leaseTtlS: 5, network: "shared" });
  try {
    const before = running(await launch(cluster, UNITS));
    const writer = startWriter([cluster.client("m1"), cluster.client("m2")]);
    const instance = await cluster.instanceOf("m1");
    const promoting = cluster.flotilla(["store", "promote"]);
    const killedAfterMs = randomInt(KILL_WITHIN_MS);
    await delay(killedAfterMs);
    cluster.signal("m1", "SIGKILL");
    await promoting;
    await cluster.rejoined("m1", instance);
    const { kind } = await settled(cluster);
    // What was half done must not be in the way.
    if (kind === "embedded") await mustPromote(cluster);
    await writer.stop();
    const gone = await lost(cluster.client("m2"), writer);
    if (gone.length > 0)
      throw new Error(`killed after ${killedAfterMs} ms (${kind}): lost ${gone.join(", ")}`);
    // The new daemon tells of them anew, by way of a store that may have only just come up.
    const why = `killed after ${killedAfterMs} ms (${kind}): units did not run on`;
    const told = async () => running(await rowsOf(cluster, UNITS, "m2").catch(() => []));
    await expect.poll(told, { timeout: 15_000, message: why }).toEqual(before);
    return { killedAfterMs, kind };
  } finally {
    await cluster.stop();
  }
}

/** What the store is once it answers, with nothing left to do. */
async function settled(cluster: Cluster): Promise<{ readonly kind: string }> {
  for (let tries = 0; tries < 300; tries += 1) {
    const status = await cluster
      .client("m1")
      .store()
      .catch(() => undefined);
    const isWhole = status !== undefined && status.clusterId !== null && status.quorum.answering > 0;
    if (isWhole && (status.kind === "embedded" || status.members.every(({ machine }) => machine !== null)))
      return status;
    await delay(100);
  }
  throw new Error("the store did not come back");
}

async function mustPromote(cluster: Cluster): Promise<void> {
  const { exitCode, stderr } = await cluster.flotilla(["store", "promote"]);
  if (exitCode !== 0) throw new Error(`the second promotion failed: ${stderr}`);
}

const ROUNDS = Number(process.env.FLOTILLA_TEST_PROMOTIONS ?? 1);

test.each(Array.from({ length: ROUNDS }, (_, round) => round))(
  "a promotion that is cut off has happened, or not (%d)",
  { timeout: 120_000 },
  async () => {
    expect(["embedded", "etcd"]).toContain((await promoteRound()).kind);
  },
);
