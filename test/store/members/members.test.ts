/**
 * A cluster from the embedded store to three members of etcd, under a load of writes: nothing that was acknowledged is
 * lost and no unit stops, whatever happens to members. FLOTILLA_TEST_HARDSHIPS says how much happens to them.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Cluster } from "../../cluster/cluster.ts";
import { launch, rowsOf, running } from "../../cluster/units.ts";
import { freeDisk, HARDSHIPS, smallDisk } from "./hardships.ts";
import { moreWrites, untilStatus } from "./waits.ts";
import { lost, startWriter, type Writer } from "./writer.ts";

const UNITS = ["a.service", "b.service", "c.service", "d.service"];
const LENGTH = Number(process.env.FLOTILLA_TEST_HARDSHIPS ?? 1);
const PATIENCE_MS = 90_000;

let cluster: Cluster;
let writer: Writer;
let before: ReadonlyMap<string, number | null>;

beforeAll(async () => {
  const isLong = LENGTH > 1;
  cluster = await Cluster.start({
    machines: isLong ? 4 : 3,
    leaseTtlS: 5,
    network: "auto",
    ...(isLong ? { prepare: smallDisk } : {}),
  });
  before = running(await launch(cluster, UNITS));
  writer = startWriter(["m1", "m2", "m3"].map((name) => cluster.client(name)));
}, PATIENCE_MS);
afterAll(async () => {
  try {
    await writer.stop();
  } finally {
    if (LENGTH > 1) await freeDisk(cluster.directory);
    await cluster.stop();
  }
}, PATIENCE_MS);

describe("a store that outgrows one machine", () => {
  test("is promoted under load from any machine, at the same address", { timeout: PATIENCE_MS }, async () => {
    const { access } = await cluster.client("m1").store();
    const { exitCode, stderr } = await cluster.flotilla(["store", "promote"], "m3");
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("done: ") });
    await moreWrites(cluster, 20);
    const after = await cluster.client("m2").store();
    expect(after).toMatchObject({ kind: "etcd", quorum: { voters: 1, answering: 1 } });
    expect(after.access.endpoints).toEqual(access.endpoints);
    expect(after.members.map(({ name, answers }) => [name, answers])).toEqual([["m1", true]]);
  });

  test("gets members on other machines, each first without a vote", { timeout: PATIENCE_MS }, async () => {
    for (const name of ["m2", "m3"]) {
      const { exitCode, stderr } = await cluster.flotilla(["store", "add", name]);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining("without a vote"),
      });
    }
    const { members, quorum } = await untilStatus(cluster, (status) => status.leader !== null);
    expect(quorum).toEqual({ voters: 3, answering: 3, needed: 2 });
    expect(members.filter(({ role }) => role === "leader")).toHaveLength(1);
    expect((await cluster.flotilla(["store", "add", "m3"])).stderr).toBe("m3 is a member already\n");
  });

  test.each(HARDSHIPS.slice(0, LENGTH))(
    "goes on when $what",
    { timeout: PATIENCE_MS },
    async ({ happens }) => {
      await happens(cluster);
      expect((await cluster.client("m1").store()).quorum.answering).toBe(3);
    },
  );

  test("has lost nothing that was acknowledged, and has stopped no unit", {
    timeout: PATIENCE_MS,
  }, async () => {
    await writer.stop();
    expect(writer.acknowledged.size).toBeGreaterThan(100);
    expect(await lost(cluster.client("m2"), writer)).toEqual([]);
    // A machine that could not renew its lease in time tells of its units anew; they are the same ones.
    await expect.poll(async () => running(await rowsOf(cluster, UNITS)), { timeout: 15_000 }).toEqual(before);
  });
});
