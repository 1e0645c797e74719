/**
 * A cluster of four machines, from the embedded store to three members of etcd, under a load of writes: nothing that
 * was acknowledged is lost and no unit stops, whatever happens to members.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoreStatus } from "#model/store-status.ts";
import { Cluster } from "../../cluster/cluster.ts";
import { launch, rowsOf, running } from "../../cluster/units.ts";
import { lost, startWriter, type Writer } from "./writer.ts";

const UNITS = ["a.service", "b.service", "c.service", "d.service"];

let cluster: Cluster;
let writer: Writer;
let before: ReadonlyMap<string, number | null>;

beforeAll(async () => {
  cluster = await Cluster.start({ machines: 4, leaseTtlS: 5, network: "auto" });
  before = running(await launch(cluster, UNITS));
  writer = startWriter(["m1", "m2", "m3"].map((name) => cluster.client(name)));
}, 60_000);
afterAll(async () => {
  await writer.stop();
  await cluster.stop();
}, 60_000);

function status(through = "m1"): Promise<StoreStatus> {
  return cluster.client(through).store();
}

async function untilStatus(holds: (status: StoreStatus) => boolean, through = "m1"): Promise<StoreStatus> {
  for (;;) {
    const found = await status(through).catch(() => undefined);
    if (found !== undefined && holds(found)) return found;
  }
}

/** Resolves when so many more writes have been acknowledged. */
async function moreWrites(count: number): Promise<void> {
  const client = cluster.client("m2");
  const { revision } = await client.kv({ prefix: "load/", limit: 1 });
  const seen: string[] = [];
  for await (const change of client.watchKv({ prefix: "load/", after: revision })) {
    if ("type" in change) seen.push(change.revision);
    if (seen.length >= count) return;
  }
}

async function etcdPid(machine: string): Promise<number> {
  const [row] = await rowsOf(cluster, [`flotilla-etcd@${machine}.service`], "m2");
  return row?.mainPid ?? 0;
}

describe("a store that outgrows one machine", () => {
  test("is promoted under load from any machine, at the same address", async () => {
    const { access } = await status();
    const { exitCode, stderr } = await cluster.flotilla(["store", "promote"], "m3");
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("done: ") });
    await moreWrites(20);
    const after = await status("m2");
    expect(after).toMatchObject({ kind: "etcd", quorum: { voters: 1, answering: 1 } });
    expect(after.access.endpoints).toEqual(access.endpoints);
    expect(after.members.map(({ name, answers }) => [name, answers])).toEqual([["m1", true]]);
  }, 40_000);

  test("gets members on other machines, one after the other, each first without a vote", async () => {
    for (const name of ["m2", "m3"]) {
      const { exitCode, stderr } = await cluster.flotilla(["store", "add", name]);
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 0,
        stderr: expect.stringContaining("without a vote"),
      });
    }
    const { members, quorum } = await status();
    expect(quorum).toEqual({ voters: 3, answering: 3, needed: 2 });
    expect(members.filter(({ role }) => role === "leader")).toHaveLength(1);
    expect((await cluster.flotilla(["store", "add", "m3"])).stderr).toBe("m3 is a member already\n");
  }, 40_000);

  test("goes on when its leader is killed, and the member comes back by itself", async () => {
    const { members } = await status();
    const leader = members.find(({ role }) => role === "leader")?.name ?? "";
    process.kill(await etcdPid(leader), "SIGKILL");
    await moreWrites(20);
    await untilStatus(({ quorum }) => quorum.answering === 3);
  }, 40_000);

  test("goes on while a member is cut off, and says so", async () => {
    const pid = await etcdPid("m3");
    process.kill(pid, "SIGSTOP");
    try {
      await moreWrites(20);
      const { problems } = await untilStatus(({ quorum }) => quorum.answering === 2);
      expect(problems[0]).toMatchObject({
        grade: "danger",
        message: expect.stringContaining("member m3 does not answer; when one more is lost"),
        commands: ["flotilla store replace m3 m4", "flotilla store remove m3"],
      });
      const refused = await cluster.flotilla(["store", "remove", "m2"]);
      expect(refused.exitCode).toBe(9);
      expect(refused.stderr).toContain("without m2 the store would lose its quorum");
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await untilStatus(({ quorum }) => quorum.answering === 3);
  }, 40_000);

  test("has another machine take a member's place", async () => {
    const { exitCode, stderr } = await cluster.flotilla(["store", "replace", "m3", "m4"]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const { members } = await status("m3");
    expect(members.map(({ name }) => name)).toEqual(["m1", "m2", "m4"]);
    expect(members.every(({ answers }) => answers)).toBe(true);
  }, 40_000);

  test("has lost nothing that was acknowledged, and has stopped no unit", async () => {
    await writer.stop();
    expect(writer.acknowledged.size).toBeGreaterThan(100);
    expect(await lost(cluster.client("m2"), writer)).toEqual([]);
    expect(running(await rowsOf(cluster, UNITS))).toEqual(before);
  }, 20_000);
});
