/**
 * Kills the supervisor again and again at random moments, while services of every type run, end, are restarted, and
 * are started and stopped; then looks what became of them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type Random, randomInteger, seededRandom } from "#base/random.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { isAlive, output, statusWhere, TestMachine } from "../machine.ts";
import { faultsOfLife } from "./ledger.ts";
import { fileIn, PATH, roundUnits, SOCKET, STEADY, socketIn, TIMER, WATCHED, WORKERS } from "./units.ts";

/** From the moment the supervisor begins to take over what runs, or has done so. */
const LONGEST_ROUND_MS = 600;

/** Every other supervisor is killed right behind one of its first effects, which a random moment seldom meets. */
const MOST_EFFECTS = 400;

/** How long a connection is waited for in the end. */
const SERVED_MS = 60_000;

/**
 * What was found wrong, a sentence each. Then the machine as it was in the end, its journals and what it knew, is copied
 * to `keep`, with the times of the kills and the states of the units.
 */
export async function killRounds(rounds: number, seed: number, keep: string): Promise<readonly string[]> {
  await using machine = new TestMachine();
  const faults = await faultsOfRounds(machine, rounds, seed);
  if (faults.length > 0) keepMachine(machine, keep);
  return faults;
}

function keepMachine({ directory }: TestMachine, keep: string): void {
  // Sockets cannot be copied.
  cpSync(directory, keep, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
}

async function faultsOfRounds(
  machine: TestMachine,
  rounds: number,
  seed: number,
): Promise<readonly string[]> {
  const ledgers = join(machine.directory, "ledgers");
  mkdirSync(join(machine.directory, "trace"), { recursive: true });
  mkdirSync(ledgers, { recursive: true });
  const first = await machine.boot();
  await first.load(roundUnits(ledgers));
  const begun = await Promise.all([...STEADY, SOCKET, PATH].map((name) => first.start(name)));
  const pids = STEADY.map((name) => first.status(name)?.mainPid);
  await first.close();
  const random = seededRandom(seed);
  const served: Socket[] = [];
  for (let round = 0; round < rounds; round++) {
    const kill = oneRound(machine, random);
    await sleep(randomInteger(random, 0, LONGEST_ROUND_MS));
    served.push(connect(socketIn(ledgers)).resume());
    writeFileSync(fileIn(ledgers), String(round));
    await kill;
  }
  const last = await machine.boot();
  note(machine, JSON.stringify(last.statuses(), undefined, 1));
  // What changes while the service runs is not watched, as with systemd.
  await statusWhere(last, PATH, ({ sub }) => sub === "waiting");
  const watchedRuns = startsOf(ledgers, WATCHED);
  writeFileSync(fileIn(ledgers), "changed at last");
  await statusWhere(last, WATCHED, ({ sub }) => sub === "dead" && startsOf(ledgers, WATCHED) > watchedRuns);
  const unserved = (await Promise.all(served.map(faultsOfConnection))).flat();
  const stopped = STEADY.flatMap((name, index) => faultsOfSteady(last, name, pids[index]));
  for (const name of [TIMER, SOCKET, PATH]) await last.stop(name);
  const ends = await Promise.all(WORKERS.map((name) => last.stop(name)));
  // Those that have come to their end are not known any more, which is refused.
  await Promise.all(instancesIn(ledgers).map((name) => last.stop(name)));
  const jobs = [...begun, ...ends]
    .filter(({ result }) => result !== "done")
    .map((job) => JSON.stringify(job));
  const runs = instancesIn(ledgers).reduce((sum, name) => sum + startsOf(ledgers, name), 0);
  const counted = runs === served.length ? [] : [`${served.length} connections were served by ${runs} runs`];
  return [...jobs, ...unserved, ...counted, ...stopped, ...(await faultsOfLives(last, ledgers))];
}

async function faultsOfLives(supervisor: Supervisor, ledgers: string): Promise<readonly string[]> {
  const names = [...WORKERS, ...instancesIn(ledgers)];
  const faults = names.map(async (name) =>
    faultsOfLife(name, readLedger(ledgers, name), await output(supervisor, name)),
  );
  return (await Promise.all(faults)).flat();
}

/** The instances that have served a connection. */
function instancesIn(ledgers: string): readonly string[] {
  const files = readdirSync(ledgers).filter((file) => file.includes("@") && file.endsWith(".ledger"));
  return files.map((file) => file.slice(0, -".ledger".length));
}

/** The other end is closed when a connection has been served. */
async function faultsOfConnection(socket: Socket): Promise<readonly string[]> {
  if (socket.closed) return [];
  const giveUp = sleep(SERVED_MS, ["a connection was not served"], { ref: false });
  const faults = await Promise.race([once(socket, "close").then(() => []), giveUp]);
  socket.destroy();
  return faults;
}

async function oneRound(machine: TestMachine, random: Random): Promise<void> {
  const { directory, runDirectory, cgroupName } = machine.options;
  const options = JSON.stringify({ directory, runDirectory, cgroupName });
  const seed = String(randomInteger(random, 0, 2 ** 31));
  const cut = random.next() < 0.5 ? [String(randomInteger(random, 1, MOST_EFFECTS))] : [];
  const daemon = spawn(process.execPath, [`${import.meta.dirname}/daemon.ts`, options, seed, ...cut], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const isGone = once(daemon, "exit");
  if (cut.length > 0) {
    await isGone;
    note(machine, `${Date.now()} killed ${daemon.pid} behind effect ${cut.join()}`);
    return;
  }
  await Promise.race([said(daemon.stdout, random.next() < 0.4 ? "begun" : "up"), isGone]);
  await sleep(randomInteger(random, 0, LONGEST_ROUND_MS));
  daemon.kill("SIGKILL");
  await isGone;
  note(machine, `${Date.now()} killed ${daemon.pid}`);
}

/** For whoever looks for the cause of a fault. */
function note(machine: TestMachine, text: string): void {
  appendFileSync(join(machine.directory, "notes"), `${text}\n`);
}

/** Resolves when the daemon has written the word. */
async function said(output: Readable, word: string): Promise<void> {
  for await (const chunk of output.iterator({ destroyOnReturn: false }))
    if (String(chunk).includes(word)) return;
}

function faultsOfSteady(supervisor: Supervisor, name: string, pid: number | undefined): readonly string[] {
  const { active, mainPid } = supervisor.status(name) ?? {};
  if (active !== "active" || mainPid !== pid)
    return [`${name} is ${active} with process ${mainPid}, it was started as ${pid}`];
  return pid !== undefined && isAlive(pid) ? [] : [`${name} has ended`];
}

function startsOf(ledgers: string, name: string): number {
  return readLedger(ledgers, name).match(/^start /gm)?.length ?? 0;
}

/** Empty when the worker has never run. */
function readLedger(ledgers: string, name: string): string {
  const path = join(ledgers, `${name}.ledger`);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
