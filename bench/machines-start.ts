/**
 * From `flotilla start` to active on three machines with real systemd: one unit, and a hundred in one command. The
 * command is the built executable, run on the first machine by root, and the daemons are what `flotilla install` made of
 * it. Beside it, in the same rounds: `systemctl start` there, and the executable's `--version`.
 *
 * Usage: node bench/machines-start.ts [samples]
 */
import { untilUnits } from "../test/cluster/following.ts";
import type { Machine } from "../test/machines/machine.ts";
import { Machines } from "../test/machines/machines.ts";
import { SLEEPER, unitNames } from "./bench-cluster.ts";
import { type BenchResult, progress, report, toResult } from "./result.ts";

const [samples = 15] = process.argv.slice(2).map(Number);
const WARM_UP = 3;
const ROUNDS = 3;

/** A program on the machine; what it takes to get there is the same for all. */
async function timeOn(machine: Machine, ...argv: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  await machine.must(...argv);
  return performance.now() - startedMs;
}

async function writeFiles(machine: Machine, names: readonly string[]): Promise<readonly string[]> {
  await Promise.all(names.map((name) => machine.write(`root/${name}`, SLEEPER)));
  return names.map((name) => `/root/${name}`);
}

async function removeAll({ client }: Machine, names: readonly string[]): Promise<void> {
  await client.change("destroy", names);
  await untilUnits(client, names, (rows) => names.every((name) => rows.get(name)?.length === 0));
}

async function startOne(machine: Machine): Promise<BenchResult> {
  const [times, version, systemctl]: [number[], number[], number[]] = [[], [], []];
  await machine.write("run/systemd/system/own.service", `[Unit]\nStartLimitIntervalSec=0\n${SLEEPER}`);
  const names = unitNames("one", samples + WARM_UP);
  for (const path of await writeFiles(machine, names)) {
    times.push(await timeOn(machine, "flotilla", "start", path));
    version.push(await timeOn(machine, "flotilla", "--version"));
    systemctl.push(await timeOn(machine, "systemctl", "restart", "own.service"));
  }
  await removeAll(machine, names);
  return toResult({
    name: "machines-start-one",
    what: "flotilla start of one unit on three machines with systemd, command to active",
    unit: "ms",
    target: { atMost: 120 },
    samples: times.slice(WARM_UP),
    peers: { "flotilla --version": version.slice(WARM_UP), "systemctl restart": systemctl.slice(WARM_UP) },
  });
}

async function startHundred(machine: Machine): Promise<BenchResult> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const names = unitNames(`hundred${round}`, 100);
    const paths = await writeFiles(machine, names);
    times.push(await timeOn(machine, "flotilla", "start", ...paths));
    progress(`100 units in ${Math.round(times.at(-1) ?? 0)} ms`);
    await removeAll(machine, names);
  }
  return toResult({
    name: "machines-start-hundred",
    what: "flotilla start of 100 units on three machines with systemd, all active",
    unit: "ms",
    target: { atMost: 1_500 },
    samples: times,
  });
}

const machines = await Machines.start({ count: 3 });
try {
  const machine = machines.get("m1");
  report(await startOne(machine), await startHundred(machine));
} finally {
  await machines.stop();
}
