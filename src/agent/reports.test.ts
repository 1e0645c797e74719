import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { unitStateSchema } from "#model/records.ts";
import type { MachineStepKind } from "#plan/reconcile/plan-machine.ts";
import { toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { FakeMachine } from "#supervisor/fake.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { passTime } from "../../test/simulation/time.ts";
import { StatePublisher } from "./publisher.ts";
import { UnitReports } from "./reports.ts";

const MACHINE = "1".repeat(32);
const UNIT = "a.service";

let clock: VirtualClock;
let store: Store;
let supervisor: Supervisor;
let publisher: StatePublisher;
let reports: UnitReports;
let underWay: Map<string, MachineStepKind>;

beforeEach(async () => {
  clock = new VirtualClock();
  const random = seededRandom(1);
  store = createMemoryStore({ clock, random });
  supervisor = new FakeMachine({ clock }).supervisor();
  publisher = new StatePublisher({ store, clock, random, log: silentLogger, machine: MACHINE });
  publisher.useLease((await store.leaseGrant({ ttlS: 3_600 })).id);
  underWay = new Map();
  const assignments = new Map();
  const applied = new Map();
  reports = new UnitReports({ publisher, supervisor, clock, assignments, applied, underWay });
  await supervisor.load([{ name: UNIT, file: "f".repeat(64), text: "" }]);
  await supervisor.start(UNIT);
  await tell();
});
afterEach(async () => {
  await publisher.stop();
  await store.close();
});

/** Tells of the unit, and gives that time to be written. */
async function tell(durationMs = 1): Promise<void> {
  reports.publish(UNIT);
  await passTime(clock, durationMs);
}

/** What the store says that the unit is; undefined: nothing is said of it. */
async function told(): Promise<string | undefined> {
  const [kv] = (await store.range({ key: toBytes(keys.state(MACHINE, UNIT)) })).kvs;
  return kv === undefined ? undefined : unitStateSchema.parse(JSON.parse(toText(kv.value))).active;
}

describe("a unit that is taken away", () => {
  test("is told of when it has gone, and not of each state before", async () => {
    underWay.set(UNIT, "unload");
    await supervisor.stop(UNIT);
    await tell();
    expect(await told()).toBe("active");
    await supervisor.unload([UNIT]);
    await tell();
    expect(await told()).toBe(undefined);
  });

  test("is told of all the same when it takes its time to go", async () => {
    underWay.set(UNIT, "unload");
    await supervisor.stop(UNIT);
    await tell(60);
    expect(await told()).toBe("inactive");
  });
});

test("a unit that is asked to stop and stays loaded is told of at once", async () => {
  underWay.set(UNIT, "stop");
  await supervisor.stop(UNIT);
  await tell();
  expect(await told()).toBe("inactive");
});

test("a unit that is being started is told of when it has started", async () => {
  await supervisor.stop(UNIT);
  await tell();
  underWay.set(UNIT, "start");
  await tell();
  expect(await told()).toBe("inactive");
  await supervisor.start(UNIT);
  await tell();
  expect(await told()).toBe("active");
});
