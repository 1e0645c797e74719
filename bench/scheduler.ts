/**
 * How many units a second the scheduler places: 10,000 machines, 100,000 units of 1,000 templates that ask for
 * metadata, reserve memory and CPU, and are spread over racks or machines. Beside it, in the same run, the simplest
 * scheduler there is: for each unit the first machine in order of unit count that fits, as fleet did it.
 *
 * Usage: node bench/scheduler.ts [machines] [units] [runs]
 */
import { performance } from "node:perf_hooks";
import { seededRandom } from "#base/random.ts";
import type { Candidate } from "#plan/schedule/filters.ts";
import type { MachineFacts } from "#plan/schedule/machine.ts";
import { Scheduler } from "#plan/schedule/scheduler.ts";
import { ANYWHERE, type MetadataRequirement } from "#unit/placement.ts";
import { report, toResult } from "./result.ts";

const GIB = 1024 ** 3;
const INSTANCES = 100;

function machineFacts(count: number): readonly MachineFacts[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index.toString(16).padStart(32, "0"),
    name: `node${index}`,
    metadata: {
      zone: `z${index % 3}`,
      rack: `r${index % 100}`,
      disk: index % 4 === 0 ? "hdd" : "ssd",
      generation: `g${index % 7}`,
    },
    capacity: { cpuMillis: 16_000, memoryBytes: 64 * GIB },
    cordoned: index % 50 === 0,
  }));
}

/** Every template asks for something else: 12 combinations of metadata, 3 of spread, half reserve resources. */
function candidates(count: number): readonly Candidate[] {
  const random = seededRandom(1);
  return Array.from({ length: Math.ceil(count / INSTANCES) }, (_, template) => {
    const metadata: MetadataRequirement[] = [{ key: "disk", values: [random.next() < 0.8 ? "ssd" : "hdd"] }];
    if (template % 2 === 0) metadata.push({ key: "zone", values: [`z${template % 3}`, "z0"] });
    const spread = [["rack"], ["machine"], ["zone", "rack"]][template % 3] ?? [];
    const reservation = random.next() < 0.5 ? { cpuMillis: 250, memoryBytes: GIB / 2 } : {};
    const placement = { ...ANYWHERE, metadata, spread, reservation };
    return Array.from({ length: INSTANCES }, (_, instance) => ({
      unit: `app${template}@${instance}.service`,
      // Each unit has a placement of its own, as specifiers make it depend on the unit's name.
      placement: { ...placement },
    }));
  })
    .flat()
    .slice(0, count);
}

interface Run {
  readonly perSecond: number;
  /** By CPU time, helper threads included: what one core gives when others leave it alone. */
  readonly perCpuSecond: number;
  readonly placed: number;
}

function timed(count: number, place: () => number): Run {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  const placed = place();
  const { user, system } = process.cpuUsage(cpuStart);
  return {
    perSecond: Math.round((count / (performance.now() - start)) * 1000),
    perCpuSecond: Math.round((count / (user + system)) * 1_000_000),
    placed,
  };
}

function runScheduler(machines: readonly MachineFacts[], units: readonly Candidate[]): Run {
  return timed(units.length, () => {
    const scheduler = new Scheduler(machines);
    return units.filter((unit) => scheduler.place(unit).kind === "chosen").length;
  });
}

/** Sorting by unit count anew for every unit and taking the first that fits: no spread. */
function runFirstFit(machines: readonly MachineFacts[], units: readonly Candidate[]): Run {
  const loads = machines.map((facts) => ({ facts, units: 0, cpuMillis: 0, memoryBytes: 0 }));
  const fits = (load: (typeof loads)[number], { placement }: Candidate): boolean =>
    !load.facts.cordoned &&
    placement.metadata.every(({ key, values }) => values.includes(load.facts.metadata[key] ?? "")) &&
    load.cpuMillis + (placement.reservation.cpuMillis ?? 0) <= load.facts.capacity.cpuMillis &&
    load.memoryBytes + (placement.reservation.memoryBytes ?? 0) <= load.facts.capacity.memoryBytes;
  return timed(units.length, () => {
    let placed = 0;
    for (const unit of units) {
      loads.sort((left, right) => left.units - right.units || (left.facts.id < right.facts.id ? -1 : 1));
      const load = loads.find((other) => fits(other, unit));
      if (load === undefined) continue;
      load.units += 1;
      load.cpuMillis += unit.placement.reservation.cpuMillis ?? 0;
      load.memoryBytes += unit.placement.reservation.memoryBytes ?? 0;
      placed += 1;
    }
    return placed;
  });
}

const [machineCount = 10_000, unitCount = 100_000, runCount = 5] = process.argv.slice(2).map(Number);
const machines = machineFacts(machineCount);
const units = candidates(unitCount);
const runs = Array.from({ length: runCount }, () => runScheduler(machines, units));
// The peer takes milliseconds a unit, so a part of the units is enough to know its speed.
const firstFit = runFirstFit(machines, units.slice(0, 2_000));
const placed = runs[0]?.placed ?? 0;
report(
  toResult({
    name: "scheduler",
    what: `pure scheduler: ${machineCount} machines, ${units.length} units with metadata constraints and spread`,
    unit: "placements/s",
    target: { atLeast: 50_000 },
    samples: runs.map(({ perSecond }) => perSecond),
    peers: { "first fit over machines sorted by unit count, as fleet did it": [firstFit.perSecond] },
    details: { placed },
  }),
);
