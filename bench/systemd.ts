/**
 * Units on a real systemd 252, which is booted for it in systemd-nspawn: one start through the supervisor alone and
 * through a whole daemon, a hundred at once, and what a daemon with five hundred of them costs at rest. Beside them, in
 * the same run: systemctl, started in the machine just as the command is.
 *
 * Usage: node bench/systemd.ts [samples] [idle units] [idle seconds]
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FlotillaClient } from "#client/client.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { untilActive, untilUnits } from "../test/cluster/following.ts";
import { service } from "../test/supervisor/machine.ts";
import { CHECKOUT, MachineDaemon, PROGRAM_PATHS } from "../test/supervisor/systemd/daemon.ts";
import { SystemdMachine } from "../test/supervisor/systemd/machine.ts";
import { SLEEPER, timeProgram, unitNames } from "./bench-cluster.ts";
import { processorSeconds, residentMiB } from "./proc.ts";
import { type BenchResult, progress, report, toResult } from "./result.ts";

const [samples = 20, idleUnits = 500, idleSeconds = 20] = process.argv.slice(2).map(Number);
const WARM_UP = 3;
const ROUNDS = 3;
const LAUNCHER = join(CHECKOUT, "bin/flotilla");

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** A program inside; what it takes to get there is the same for all. */
function timeInside(machine: SystemdMachine, ...command: readonly string[]): Promise<number> {
  const [program = "", ...enter] = machine.container.enter;
  return timeProgram(program, [...enter, ...command]);
}

async function supervisorAlone(machine: SystemdMachine): Promise<readonly BenchResult[]> {
  const supervisor = await machine.supervisor();
  const rows = [await startOne(machine, supervisor), await startHundred(machine, supervisor)];
  await machine.clear();
  return rows;
}

async function startOne(machine: SystemdMachine, supervisor: Supervisor): Promise<BenchResult> {
  const [times, peers]: [number[], number[]] = [[], []];
  await supervisor.load([service("one.service", "Type=exec", "ExecStart=/bin/sleep infinity")]);
  for (let sample = 0; sample < samples + WARM_UP; sample++) {
    times.push(await timed(() => supervisor.start("one.service")));
    await supervisor.stop("one.service");
    peers.push(await timeInside(machine, "systemctl", "start", "one.service"));
    await supervisor.stop("one.service");
  }
  return toResult({
    name: "systemd-start-one-supervisor",
    what: "one unit on systemd, request to active, supervisor alone",
    unit: "ms",
    samples: times.slice(WARM_UP),
    peers: { "systemctl start": peers.slice(WARM_UP) },
  });
}

async function startHundred(machine: SystemdMachine, supervisor: Supervisor): Promise<BenchResult> {
  const [times, peers]: [number[], number[]] = [[], []];
  const names = unitNames("hundred", 100);
  await supervisor.load(names.map((name) => service(name, "Type=exec", "ExecStart=/bin/sleep infinity")));
  const stopAll = (): Promise<unknown> => Promise.all(names.map((name) => supervisor.stop(name)));
  for (let round = 0; round < ROUNDS; round++) {
    times.push(await timed(() => Promise.all(names.map((name) => supervisor.start(name)))));
    await stopAll();
    peers.push(await timeInside(machine, "systemctl", "start", ...names));
    await stopAll();
  }
  return toResult({
    name: "systemd-start-hundred-supervisor",
    what: "100 units on systemd at once, all active, supervisor alone",
    unit: "ms",
    samples: times,
    peers: { "systemctl start of 100": peers },
  });
}

async function wholeDaemon(machine: SystemdMachine): Promise<readonly BenchResult[]> {
  await timeProgram(LAUNCHER, ["--version"]);
  await using daemon = await MachineDaemon.start(machine, [LAUNCHER]);
  return [
    await commandOne(machine, daemon),
    await commandHundred(machine, daemon),
    ...(await atRest(daemon)),
  ];
}

function writeFiles(machine: SystemdMachine, names: readonly string[]): readonly string[] {
  for (const name of names) writeFileSync(join(machine.container.shared, name), SLEEPER);
  return names.map((name) => `/scenarios/${name}`);
}

function command(daemon: MachineDaemon, ...words: readonly string[]): readonly string[] {
  return ["env", "-u", "NODE_EXTRA_CA_CERTS", `FLOTILLA_ENDPOINT=${daemon.endpoint}`, LAUNCHER, ...words];
}

async function commandOne(machine: SystemdMachine, daemon: MachineDaemon): Promise<BenchResult> {
  const [times, peers]: [number[], number[]] = [[], []];
  const names = unitNames("one", samples + WARM_UP);
  for (const path of writeFiles(machine, names)) {
    times.push(await timeInside(machine, ...command(daemon, "start", path)));
    peers.push(await timeInside(machine, "systemd-run", "--quiet", "/bin/true"));
  }
  await removeAll(daemon.client, names);
  return toResult({
    name: "systemd-start-one",
    what: "flotilla start of one unit on systemd, command to active",
    unit: "ms",
    target: { atMost: 120 },
    samples: times.slice(WARM_UP),
    peers: { "systemd-run of /bin/true": peers.slice(WARM_UP) },
  });
}

async function commandHundred(machine: SystemdMachine, daemon: MachineDaemon): Promise<BenchResult> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const names = unitNames(`hundred${round}`, 100);
    const paths = writeFiles(machine, names);
    times.push(await timeInside(machine, ...command(daemon, "start", ...paths)));
    progress(`100 units in ${Math.round(times.at(-1) ?? 0)} ms`);
    await removeAll(daemon.client, names);
  }
  return toResult({
    name: "systemd-start-hundred",
    what: "flotilla start of 100 units on one systemd, all active",
    unit: "ms",
    target: { atMost: 1_500 },
    samples: times,
  });
}

async function removeAll(client: FlotillaClient, names: readonly string[]): Promise<void> {
  await client.change("destroy", names);
  await untilUnits(client, names, (rows) => names.every((name) => rows.get(name)?.length === 0));
}

async function atRest({ client, pid }: MachineDaemon): Promise<readonly BenchResult[]> {
  const names = unitNames("idle", idleUnits);
  await client.submit({ units: names.map((unit) => ({ unit, text: SLEEPER })), desired: "launched" });
  await untilActive(client, names, undefined, 120_000);
  await delay(idleSeconds * 1_000);
  const before = await processorSeconds(pid);
  await delay(idleSeconds * 1_000);
  const used = (100 * ((await processorSeconds(pid)) - before)) / idleSeconds;
  const memory = await residentMiB(pid);
  return [
    toResult({
      name: "systemd-idle-memory",
      what: `a daemon with ${idleUnits} units on systemd, at rest`,
      unit: "MiB",
      target: { atMost: 80 },
      samples: [memory],
    }),
    toResult({
      name: "systemd-idle-processor",
      what: `a daemon with ${idleUnits} units on systemd, at rest`,
      unit: "% of a core",
      target: { atMost: 0.5 },
      samples: [used],
    }),
  ];
}

await using machine = await SystemdMachine.boot(PROGRAM_PATHS);
report(...(await supervisorAlone(machine)), ...(await wholeDaemon(machine)));
