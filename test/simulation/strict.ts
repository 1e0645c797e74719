/**
 * A run for strict units alone: partitions, machines that are stopped or suspended as a whole, clocks that jump, store
 * outages and daemons that die, over units whose stops take long. The witness watches.
 */
import { submitUnits } from "#api/unit-requests.ts";
import { randomInteger, seededRandom } from "#base/random.ts";
import { layAmbushes } from "./ambushes.ts";
import { FAULTS, type Faultiness, injectFaults, Troubles } from "./faults.ts";
import { watchWitness } from "./invariants/witness.ts";
import { Operator, STRICT_ACTIONS } from "./operator.ts";
import { UNITS, unitFileOf } from "./workload.ts";
import { World } from "./world.ts";

export interface StrictResult {
  readonly seed: number;
  readonly failure: Error | undefined;
  /** How many faults of each kind there were. */
  readonly faults: ReadonlyMap<string, number>;
  /** How often a strict unit became active. */
  readonly runs: number;
  readonly trace: readonly string[];
  readonly virtualMs: number;
}

const CHAOS_MS = 240_000;
const LONGEST_FAULT_MS = 31_000;
const BETWEEN_FAULTS_MS = 6_000;
/** Longer than any lease: a stop that a machine cannot wait for. */
const STOP_MAX_MS = 12_000;
const LEASES_S = [3, 5, 5, 10];

/** What the issue names, with power cuts and daemons that die beside it. */
const STRICT_FAULTS = FAULTS.filter(({ strict }) => strict === true);
const STRICT_UNITS = UNITS.filter(({ strict }) => strict === true);

/** Runs one seed; never throws for what the seed brings about. */
export async function simulateStrict(seed: number): Promise<StrictResult> {
  const random = seededRandom(seed);
  const count = randomInteger(random, 2, 4);
  const world = new World({
    seed,
    machines: Array.from({ length: count }, () => ({ metadata: { disk: "ssd" }, memoryBytes: 2 ** 30 })),
    behaviour: () => () => ({ kind: "serve", startMs: randomInteger(random, 0, 300) }),
    leaseTtlS: LEASES_S[randomInteger(random, 0, LEASES_S.length - 1)] ?? 5,
    stopMaxMs: STOP_MAX_MS,
  });
  let runs = 0;
  world.watchers.push(watchWitness(world), {
    onStatus: (_machine, _unit, status) => {
      if (status?.active === "active") runs += 1;
    },
  });
  const faults = new Map<string, number>();
  const failure = await live(world, faults).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  const result = { seed, failure, faults, runs, trace: world.trace.lines, virtualMs: world.nowMs };
  await world.end();
  return result;
}

async function live(world: World, faults: Map<string, number>): Promise<void> {
  await world.start();
  await world.run(1_000);
  const api = world.machines[0]?.daemon?.api;
  if (api === undefined) throw new Error("no daemon");
  const units = STRICT_UNITS.map((spec) => ({ unit: spec.name, text: unitFileOf(spec, 1) }));
  const submitted = submitUnits(units, { desired: "launched", replace: false }, api);
  await world.run(3_000);
  await submitted;
  new Operator(world, STRICT_ACTIONS).workFor(CHAOS_MS);
  const troubles = new Troubles(world);
  const how: Faultiness = {
    faults: STRICT_FAULTS,
    betweenMs: BETWEEN_FAULTS_MS,
    onFault: (name) => faults.set(name, (faults.get(name) ?? 0) + 1),
  };
  injectFaults(world, troubles, CHAOS_MS, how);
  world.watchers.push(layAmbushes(world, troubles, CHAOS_MS, how));
  await world.run(CHAOS_MS + LONGEST_FAULT_MS);
  await world.run(60_000);
  checkAllRun(world);
  await world.run(0);
}

/** The fence is lifted when the trouble is over: what a machine shall run runs there. */
function checkAllRun(world: World): void {
  for (const machine of world.machines) {
    for (const [unit, { desired }] of world.history.view.assignments.get(machine.id) ?? []) {
      if (desired === "launched" && !machine.running().includes(unit))
        world.fail("a strict unit runs when faults stop", `${unit} does not run on ${machine.name}`);
    }
  }
}
