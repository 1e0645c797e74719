/** Failure rule 1: a store that is away stops nothing. */
import { watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { sleep } from "#base/clock.ts";
import { systemClock } from "#host/system.ts";
import { Cluster } from "../cluster/cluster.ts";
import { afterNextPlan, isAlive, launch, rowsOf, running } from "../cluster/units.ts";

const TTL_S = 4;
/** The outage itself: longer than every lease. */
const OUTAGE_MS = 1.5 * TTL_S * 1000;

describe("while the store is away", () => {
  let cluster: Cluster;
  afterEach(() => cluster.stop());

  test("no unit stops, and none is restarted or moved when a frozen store goes on", async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: TTL_S, network: "shared" });
    const names = Array.from({ length: 6 }, (_, index) => `steady-${index}.service`);
    const before = running(await launch(cluster, names));
    cluster.signal("m1", "SIGSTOP");
    await sleep(systemClock, OUTAGE_MS);
    expect([...before.values()].every(isAlive)).toBe(true);
    cluster.signal("m1", "SIGCONT");
    await afterNextPlan(cluster, "after-freeze");
    expect(running(await rowsOf(cluster, names))).toEqual(before);
    const events = await cluster.client("m1").events();
    expect(events.filter((event) => event.kind === "unit-moved")).toEqual([]);
  });

  test("machines run on when the store's machine is dead, and one that boots then starts what it had", async () => {
    cluster = await Cluster.start({ machines: 3, leaseTtlS: TTL_S, network: "shared" });
    const started = join(cluster.directory, "started");
    await mkdir(started);
    const names = Array.from({ length: 6 }, (_, index) => `kept-${index}.service`);
    const marker = `[Service]\nExecStart=/bin/sh -c 'touch ${started}/%n-$$$$; exec sleep infinity'\n`;
    const rows = await launch(cluster, names, marker);
    const elsewhere = rows.filter((row) => row.machineName !== "m1");
    const onM2 = rows.filter((row) => row.machineName === "m2").map((row) => row.unit);
    expect(onM2.length).toBeGreaterThan(0);

    await cluster.host.kill("m1");
    await sleep(systemClock, OUTAGE_MS);
    expect(elsewhere.every((row) => isAlive(row.mainPid))).toBe(true);
    const { units } = await cluster.client("m2").units({ units: names });
    expect(units.length).toBe(names.length);
    expect((await cluster.client("m2").cluster()).connected).toBe(false);

    await cluster.host.kill("m2");
    const before = new Set(await readdir(started));
    const booted = untilStarted(started, before, onM2);
    await cluster.host.restart("m2");
    await booted;

    await cluster.host.restart("m1");
    await cluster.joined(["m1", "m2", "m3"]);
    await afterNextPlan(cluster, "after-boot");
    const after = await rowsOf(cluster, names);
    const places = (all: typeof after): string[] => all.map((row) => `${row.unit} ${row.machineName}`).sort();
    expect(places(after)).toEqual(places(rows));
    expect(after.every((row) => row.active === "active")).toBe(true);
  });
});

/** Resolves when each of the units has left a mark in the directory that was not there before. */
async function untilStarted(
  directory: string,
  before: ReadonlySet<string>,
  units: readonly string[],
): Promise<void> {
  const done = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    const marks = (await readdir(directory)).filter((mark) => !before.has(mark));
    if (units.every((unit) => marks.some((mark) => mark.startsWith(unit)))) done.resolve();
  };
  const watcher = watch(directory, () => void look());
  await look();
  await done.promise.finally(() => watcher.close());
}
