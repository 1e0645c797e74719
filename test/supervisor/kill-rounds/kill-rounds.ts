/**
 * Kills the supervisor again and again at random moments, while services of every type run, end, are restarted, and
 * are started and stopped; then looks what became of them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, randomInteger, seededRandom } from "#base/random.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { isAlive, output, TestMachine } from "../machine.ts";
import { faultsOfLife } from "./ledger.ts";
import { roundUnits, STEADY, TIMER, WORKERS } from "./units.ts";

/** From the moment the supervisor begins to take over what runs. */
const LONGEST_ROUND_MS = 600;

/** What was found wrong, a sentence each. */
export async function killRounds(rounds: number, seed: number): Promise<readonly string[]> {
  await using machine = new TestMachine();
  const ledgers = join(machine.directory, "ledgers");
  mkdirSync(ledgers, { recursive: true });
  const first = await machine.boot();
  await first.load(roundUnits(ledgers));
  const begun = await Promise.all(STEADY.map((name) => first.start(name)));
  const pids = STEADY.map((name) => first.status(name)?.mainPid);
  await first.close();
  const random = seededRandom(seed);
  for (let round = 0; round < rounds; round++) await oneRound(machine, random);
  const last = await machine.boot();
  const stopped = STEADY.flatMap((name, index) => faultsOfSteady(last, name, pids[index]));
  await last.stop(TIMER);
  const ends = await Promise.all(WORKERS.map((name) => last.stop(name)));
  const lives = await Promise.all(
    WORKERS.map(async (name) =>
      faultsOfLife(name, read(join(ledgers, `${name}.ledger`)), await output(last, name)),
    ),
  );
  const jobs = [...begun, ...ends]
    .filter(({ result }) => result !== "done")
    .map((job) => JSON.stringify(job));
  return [...jobs, ...stopped, ...lives.flat()];
}

async function oneRound(machine: TestMachine, random: Random): Promise<void> {
  const { directory, runDirectory, cgroupName } = machine.options;
  const options = JSON.stringify({ directory, runDirectory, cgroupName });
  const seed = String(randomInteger(random, 0, 2 ** 31));
  const daemon = spawn(process.execPath, [`${import.meta.dirname}/daemon.ts`, options, seed], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const isGone = once(daemon, "exit");
  await Promise.race([once(daemon.stdout, "data"), isGone]);
  await sleep(randomInteger(random, 0, LONGEST_ROUND_MS));
  daemon.kill("SIGKILL");
  await isGone;
}

function faultsOfSteady(supervisor: Supervisor, name: string, pid: number | undefined): readonly string[] {
  const { active, mainPid } = supervisor.status(name) ?? {};
  if (active !== "active" || mainPid !== pid)
    return [`${name} is ${active} with process ${mainPid}, it was started as ${pid}`];
  return pid !== undefined && isAlive(pid) ? [] : [`${name} has ended`];
}

/** Empty when the worker has never run. */
function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
