/** One run of a simulated cluster: a time of requests and faults, then quiet, in which everything must come right. */
import { randomInteger, seededRandom } from "#base/random.ts";
import { layAmbushes } from "./ambushes.ts";
import { injectFaults, Troubles } from "./faults.ts";
import { watchAssignments } from "./invariants/assignments.ts";
import { leftoverPlan, whatIsMissing } from "./invariants/convergence.ts";
import { watchCopies } from "./invariants/copies.ts";
import { whatIsLeft } from "./invariants/leftovers.ts";
import { watchPlacement } from "./invariants/placement.ts";
import { watchRuns } from "./invariants/runs.ts";
import { watchWitness } from "./invariants/witness.ts";
import { watchWriters } from "./invariants/writers.ts";
import { Operator } from "./operator.ts";
import { behaviourOf } from "./workload.ts";
import { type MachineSpec, World } from "./world.ts";

export interface SimulationResult {
  readonly seed: number;
  /** What did not hold; undefined when everything did. */
  readonly failure: Error | undefined;
  readonly trace: readonly string[];
  /** Hash of the trace: the same for the same seed. */
  readonly digest: string;
  readonly virtualMs: number;
  readonly revisions: number;
}

const CHAOS_MS = 60_000;
/** The longest fault, and the longest a unit runs before it ends by itself. */
const LAST_FAULTS_MS = 31_000;
/** What failed to move while there were faults is tried again after half a minute, then one, then two. */
const CONVERGE_MAX_MS = 150_000;
const REST_MS = 60_000;

/** Runs the simulation of a seed; never throws for what the seed brings about. */
export async function simulate(seed: number): Promise<SimulationResult> {
  const world = new World({ seed, machines: machinesOf(seed), behaviour: behaviourOf });
  const troubles = new Troubles(world);
  world.watchers.push(
    watchAssignments(world),
    watchWriters(world),
    watchPlacement(world),
    watchCopies(world, troubles),
    watchWitness(world),
    watchRuns(world, troubles),
  );
  const failure = await live(world, troubles).then(() => undefined, toError);
  const result = {
    seed,
    failure,
    trace: world.trace.lines,
    digest: world.trace.digest(),
    virtualMs: world.nowMs,
    revisions: Number(world.history.revision),
  };
  await world.end();
  return result;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function machinesOf(seed: number): readonly MachineSpec[] {
  const random = seededRandom(seed);
  return Array.from({ length: randomInteger(random, 2, 5) }, (_, index) => ({
    metadata: { zone: `z${index % 3}`, ...(random.next() < 0.5 ? { disk: "ssd" } : {}) },
    memoryBytes: 2 ** 30,
  }));
}

async function live(world: World, troubles: Troubles): Promise<void> {
  await world.start();
  await world.run(1_000);
  const operator = new Operator(world);
  operator.begin();
  await world.run(2_000);
  operator.workFor(CHAOS_MS);
  injectFaults(world, troubles, CHAOS_MS);
  world.watchers.push(layAmbushes(world, troubles, CHAOS_MS));
  await world.run(CHAOS_MS + LAST_FAULTS_MS);
  world.trace.note("fault", "no more faults and requests");
  await converge(world);
  await rest(world);
}

/** The cluster comes right by itself within a bounded time. */
async function converge(world: World): Promise<void> {
  const untilMs = world.nowMs + CONVERGE_MAX_MS;
  for (let amiss = await whatIsAmiss(world); amiss.length > 0; amiss = await whatIsAmiss(world)) {
    if (world.nowMs >= untilMs) world.fail("converges when faults stop", amiss.join("; "));
    await world.run(1_000);
  }
  world.trace.note("cluster", "has converged");
}

async function whatIsAmiss(world: World): Promise<readonly string[]> {
  return [...whatIsMissing(world), ...(await whatIsLeft(world))];
}

/** A cluster that is as it should be stays so, and nothing is written but leases renewed. */
async function rest(world: World): Promise<void> {
  await world.run(15_000);
  const { revision } = world.server;
  await world.run(REST_MS);
  const written = world.server.revision - revision;
  if (written > 0n) world.fail("nothing is written at rest", `${written} revisions in ${REST_MS} ms`);
  const steps = leftoverPlan(world);
  if (steps.length > 0) world.fail("a plan at a fixpoint is empty", steps.join("; "));
  const amiss = await whatIsAmiss(world);
  if (amiss.length > 0) world.fail("what has converged stays", amiss.join("; "));
  await world.run(0);
}
