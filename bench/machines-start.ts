/**
 * From `flotilla start` to active on three machines with real systemd: one unit, and a hundred in one command. The
 * command is the built executable, run on the first machine by root, and the daemons are what `flotilla install` made of
 * it. Beside it, in the same rounds: `systemctl restart` there, and the executable's `--version`.
 *
 * Each is timed on the machine, by a shell there that begins one command after the other, as by somebody who types them:
 * to enter a machine's namespaces from outside takes another 20 ms, which nobody has who works there.
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
const ROUNDS = 7;

/** Runs its arguments, each a command, and prints when each began and ended, in seconds. */
const TIMED = `for line; do
  read -r -a command <<< "$line"
  began=$EPOCHREALTIME
  "\${command[@]}" > /dev/null || exit
  echo "$began $EPOCHREALTIME"
done`;

/** Milliseconds that each of the commands takes on the machine, one after the other. Their words are without blanks. */
async function timesOn(
  machine: Machine,
  ...commands: readonly (readonly string[])[]
): Promise<readonly number[]> {
  const printed = await machine.must(
    "bash",
    "-c",
    TIMED,
    "bash",
    ...commands.map((words) => words.join(" ")),
  );
  const lines = printed.trimEnd().split("\n");
  return lines.map((line) => {
    const [began, ended] = line.split(" ").map(Number);
    return ((ended ?? Number.NaN) - (began ?? Number.NaN)) * 1_000;
  });
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
  await machine.write("run/systemd/system/own.service", `[Unit]\nStartLimitIntervalSec=0\n${SLEEPER}`);
  const names = unitNames("one", samples + WARM_UP);
  const paths = await writeFiles(machine, names);
  const commands = paths.map((path) => [
    ["flotilla", "start", path],
    ["flotilla", "--version"],
    ["systemctl", "restart", "own.service"],
  ]);
  const times = await timesOn(machine, ...commands.flat());
  const [start, version, systemctl] = [0, 1, 2].map((command) =>
    times.filter((_, at) => at >= WARM_UP * 3 && at % 3 === command),
  );
  await removeAll(machine, names);
  return toResult({
    name: "machines-start-one",
    what: "flotilla start of one unit on three machines with systemd, command to active",
    unit: "ms",
    target: { atMost: 120 },
    samples: start ?? [],
    peers: { "flotilla --version": version ?? [], "systemctl restart": systemctl ?? [] },
  });
}

async function startHundred(machine: Machine): Promise<BenchResult> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const names = unitNames(`hundred${round}`, 100);
    const paths = await writeFiles(machine, names);
    times.push(...(await timesOn(machine, ["flotilla", "start", ...paths])));
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
