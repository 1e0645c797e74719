import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { machineRecordSchema } from "#model/records.ts";
import { createFakeSupervisor } from "#supervisor/fake.ts";
import { readConfig } from "./config.ts";
import { describeMachine, readBootId, readMachineId } from "./identity.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "flotilla-identity-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("readMachineId", () => {
  test("gives a directory an ID once, and finds it again from then on", async () => {
    const first = await readMachineId(directory, seededRandom(1));
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(await readFile(join(directory, "machine-id"), "utf8")).toBe(`${first}\n`);
    expect(await readMachineId(directory, seededRandom(2))).toBe(first);
  });

  test("gives two directories two IDs", async () => {
    const random = seededRandom(1);
    const first = await readMachineId(directory, random);
    await rm(join(directory, "machine-id"));
    expect(await readMachineId(directory, random)).not.toBe(first);
  });

  test.each(["", "not an id", "0123", "A".repeat(32), `${"a".repeat(32)}\n${"b".repeat(32)}`])(
    "refuses to take another identity for a file that is damaged: %j",
    async (content) => {
      const path = join(directory, "machine-id");
      await writeFile(path, content);
      await expect(readMachineId(directory, seededRandom(1))).rejects.toMatchObject({
        code: "bad-config",
        message: expect.stringContaining(path),
        hint: expect.stringContaining("remove the file"),
      });
      expect(await readFile(path, "utf8")).toBe(content);
    },
  );
});

describe("describeMachine", () => {
  const identity = { machine: "1".repeat(32), instance: "i", bootId: "b", version: "1.2.3", startedMs: 7 };
  const supervisor = createFakeSupervisor({ clock: new VirtualClock() });

  test("is a record that others can read", () => {
    const config = readConfig({ name: "m1", address: "192.0.2.7", metadata: "disk=ssd" }, {});
    const record = describeMachine(config, identity, supervisor, 7_400);
    expect(machineRecordSchema.parse(record)).toEqual(record);
    expect(record).toMatchObject({
      name: "m1",
      api: "http://192.0.2.7:7400",
      metadata: { disk: "ssd" },
      hasStore: true,
      supervisor: "fake",
      leaseTtlS: 5,
    });
  });

  test("has what the machine has unless it is told otherwise", () => {
    const own = describeMachine(readConfig({ name: "m1" }, {}), identity, supervisor, 1);
    expect(own.capacity.cpuMillis).toBe(availableParallelism() * 1_000);
    expect(own.capacity.memoryBytes).toBeGreaterThan(0);
    const told = readConfig({ name: "m1", cpus: "0.5", memory: "1024", store: "http://192.0.2.1:1" }, {});
    const given = describeMachine(told, identity, supervisor, 1);
    expect(given.capacity).toEqual({ cpuMillis: 500, memoryBytes: 1_024 });
    expect(given.hasStore).toBe(false);
  });
});

test("readBootId is the same until the machine boots again", async () => {
  const id = await readBootId();
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(await readBootId()).toBe(id);
});
