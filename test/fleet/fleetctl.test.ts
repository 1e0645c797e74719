/** fleetctl's commands, as it sends them, against a cluster of real daemons. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { socketOf } from "#dev/layout.ts";
import { Cluster } from "../cluster/cluster.ts";
import { untilUnits } from "../cluster/following.ts";
import { Fleetctl } from "./fleetctl.ts";

/** As go-systemd writes it, so that it comes back byte for byte. */
const SLEEPER = "[Unit]\nDescription=Sleeps\n\n[Service]\nExecStart=/bin/sleep infinity\n";
const OTHER = "[Unit]\nDescription=Sleeps otherwise\n\n[Service]\nExecStart=/bin/sleep infinity\n";

let cluster: Cluster;
let fleetctl: Fleetctl;

beforeAll(async () => {
  cluster = await Cluster.start({ machines: 2, leaseTtlS: 5, network: "shared" });
  fleetctl = new Fleetctl(socketOf(cluster.machine("m1")));
});
afterAll(() => cluster.stop());

afterEach(async () => {
  const names = (await fleetctl.units()).map(({ name }) => name);
  await fleetctl.destroy(...names);
  await untilUnits(cluster.client("m1"), names, (rows) =>
    [...rows.values()].every((all) => all.length === 0),
  );
});

const stateOf = async (name: string): Promise<unknown> => {
  const unit = await fleetctl.unit(name);
  return unit === undefined ? undefined : [unit.desiredState, unit.currentState];
};

test("list-machines shows every machine with its address and metadata", async () => {
  const machines = await fleetctl.machines();
  expect(machines).toHaveLength(2);
  for (const { id, primaryIP, metadata } of machines) {
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(primaryIP).toMatch(/^[0-9.]+$/);
    expect(metadata).toMatchObject({ disk: "ssd" });
  }
});

test("submit makes a unit known, cat gives it back byte for byte, and list-units has none", async () => {
  await fleetctl.submit({ "hello.service": SLEEPER });
  expect(await stateOf("hello.service")).toEqual(["inactive", "inactive"]);
  expect(await fleetctl.cat("hello.service")).toBe(SLEEPER);
  expect(await fleetctl.states()).toEqual([]);
});

test("start, stop, unload and destroy each wait until it is so", async () => {
  await fleetctl.start({ "hello.service": SLEEPER });
  expect(await stateOf("hello.service")).toEqual(["launched", "launched"]);
  const [state] = await fleetctl.states();
  const machines = await fleetctl.machines();
  expect(machines.map(({ id }) => id)).toContain(state?.machineID);
  expect(state).toEqual({
    name: "hello.service",
    hash: createHash("sha1").update(SLEEPER).digest("hex"),
    machineID: (await fleetctl.unit("hello.service"))?.machineID,
    systemdLoadState: "loaded",
    systemdActiveState: "active",
    systemdSubState: "running",
  });
  await fleetctl.stop("hello.service");
  expect(await stateOf("hello.service")).toEqual(["loaded", "loaded"]);
  await fleetctl.unload("hello.service");
  expect(await stateOf("hello.service")).toEqual(["inactive", "inactive"]);
  await fleetctl.destroy("hello.service");
  expect(await fleetctl.unit("hello.service")).toBeUndefined();
});

test("load puts a unit on a machine without starting it", async () => {
  await fleetctl.load({ "hello.service": SLEEPER });
  expect(await stateOf("hello.service")).toEqual(["loaded", "loaded"]);
  expect((await fleetctl.states()).map(({ systemdActiveState: active }) => active)).toEqual(["inactive"]);
});

test("several at once", async () => {
  const names = Array.from({ length: 5 }, (_, index) => `many@${index}.service`);
  await fleetctl.start(Object.fromEntries(names.map((name) => [name, SLEEPER])));
  expect((await fleetctl.states()).map(({ name }) => name)).toEqual(names);
});

test("a file that differs from the unit is only told of, unless it is to replace it", async () => {
  await fleetctl.start({ "hello.service": SLEEPER });
  expect(await fleetctl.submit({ "hello.service": OTHER })).toEqual(["hello.service"]);
  expect(await fleetctl.cat("hello.service")).toBe(SLEEPER);
  await fleetctl.start({ "hello.service": OTHER }, true);
  expect(await fleetctl.cat("hello.service")).toBe(OTHER);
  expect(await stateOf("hello.service")).toEqual(["launched", "launched"]);
});

test("the same file again changes nothing, whatever its comments", async () => {
  await fleetctl.start({ "hello.service": SLEEPER });
  expect(await fleetctl.submit({ "hello.service": `# A comment\n${SLEEPER}` })).toEqual([]);
});

test("a global unit has no current state and no machine, and runs on each", async () => {
  const text = `${SLEEPER}\n[X-Fleet]\nGlobal=true\n`;
  await fleetctl.start({ "everywhere.service": text });
  expect(await fleetctl.unit("everywhere.service")).toEqual({
    desiredState: "launched",
    name: "everywhere.service",
    options: expect.arrayContaining([{ section: "X-Fleet", name: "Global", value: "true" }]),
  });
  await untilUnits(
    cluster.client("m1"),
    ["everywhere.service"],
    (rows) => rows.get("everywhere.service")?.filter(({ active }) => active === "active").length === 2,
  );
  expect(await fleetctl.states()).toHaveLength(2);
});

test("restart runs the unit anew", async () => {
  await fleetctl.start({ "hello.service": SLEEPER });
  const before = (await cluster.client("m1").units({ units: ["hello.service"] })).units[0]?.mainPid;
  await fleetctl.restart("hello.service");
  expect(await stateOf("hello.service")).toEqual(["launched", "launched"]);
  const rows = await untilUnits(cluster.client("m1"), ["hello.service"], (all) =>
    [...all.values()].flat().some(({ active, mainPid }) => active === "active" && mainPid !== before),
  );
  expect([...rows.values()].flat()).toHaveLength(1);
});

test("restart runs a unit that has failed anew, though nothing of it is left to stop", async () => {
  await fleetctl.load({ "fails.service": "[Service]\nExecStart=/bin/false\n" });
  await cluster.client("m1").submit({ units: [{ unit: "fails.service" }], desired: "launched" });
  await untilUnits(cluster.client("m1"), ["fails.service"], (all) =>
    [...all.values()].flat().some(({ active }) => active === "failed"),
  );
  await fleetctl.restart("fails.service");
  expect(await stateOf("fails.service")).toEqual(["launched", "launched"]);
});

test("restart of a unit that was stopped starts it; stop and unload leave alone what is not known", async () => {
  await fleetctl.load({ "hello.service": SLEEPER });
  await fleetctl.restart("hello.service");
  expect(await stateOf("hello.service")).toEqual(["launched", "launched"]);
  await fleetctl.stop("hello.service", "unknown.service");
  expect(await stateOf("hello.service")).toEqual(["loaded", "loaded"]);
  await fleetctl.unload("unknown.service", "hello.service");
  expect(await stateOf("hello.service")).toEqual(["inactive", "inactive"]);
});

test("what is not there is left alone, and what is wrong is said in the words that fleetctl prints", async () => {
  await fleetctl.destroy("no.service");
  await expect(fleetctl.stop("no.service")).resolves.toBeUndefined();
  await expect(fleetctl.start({ "hello@.service": SLEEPER })).rejects.toThrow(
    /^googleapi: Error 400: hello@.service is a template/,
  );
  await expect(fleetctl.submit({ "hello.service": "[Service]\nType=oneshot\n" })).rejects.toThrow(
    /^googleapi: Error 400: /,
  );
});
