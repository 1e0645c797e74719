/**
 * The embedded supervisor alone, in this process: how long a service takes from the request to active, a hundred at
 * once, what each running one costs in memory, and what five hundred that do nothing cost in time. Beside it, in the
 * same run: the same command started by Node with nothing around it, which is the floor.
 *
 * Usage: node bench/supervisor.ts [samples] [idle services] [idle seconds]
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock, systemRandom } from "#host/system.ts";
import { createEmbeddedSupervisor } from "#supervisor/embedded/embedded-supervisor.ts";
import type { Supervisor, UnitSource } from "#supervisor/supervisor.ts";
import { processesTitled, proportionalMiB } from "./proc.ts";
import { progress, report, toResult } from "./result.ts";

const TOGETHER = 100;
const ROUNDS = 5;

function service(name: string): UnitSource {
  const text = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=/bin/sleep 100000\n";
  return { name, text, file: createHash("sha256").update(text).digest("hex") };
}

/** @throws when it is not active afterwards: a start that fails at once is no fast start. */
async function start(supervisor: Supervisor, name: string): Promise<void> {
  const outcome = await supervisor.start(name);
  if (outcome.result !== "done") throw new Error(`${name}: ${outcome.message ?? outcome.result}`);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

async function startOne(supervisor: Supervisor, samples: number): Promise<readonly number[]> {
  await supervisor.load([service("one.service")]);
  const times: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    times.push(await timed(() => start(supervisor, "one.service")));
    await supervisor.stop("one.service");
  }
  await supervisor.unload(["one.service"]);
  return times;
}

async function startTogether(supervisor: Supervisor): Promise<readonly number[]> {
  const units = Array.from({ length: TOGETHER }, (_, index) => service(`many@${index}.service`));
  const names = units.map(({ name }) => name);
  await supervisor.load(units);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    times.push(await timed(() => Promise.all(names.map((name) => start(supervisor, name)))));
    await Promise.all(names.map((name) => supervisor.stop(name)));
  }
  await supervisor.unload(names);
  return times;
}

/** The same program with nothing around it: from the call until it runs. */
async function spawnPlain(count: number): Promise<number> {
  const children: ReturnType<typeof spawn>[] = [];
  const ms = await timed(() =>
    Promise.all(
      Array.from({ length: count }, () => {
        const child = spawn("/bin/sleep", ["100000"], { stdio: "ignore" });
        children.push(child);
        return once(child, "spawn");
      }),
    ),
  );
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(children.map((child) => once(child, "exit")));
  return ms;
}

async function repeated(times: number, measure: () => Promise<number>): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let time = 0; time < times; time++) samples.push(await measure());
  return samples;
}

interface Idle {
  readonly shimMiB: readonly number[];
  readonly corePercent: number;
}

async function holdIdle(supervisor: Supervisor, count: number, seconds: number): Promise<Idle> {
  const before = new Set(await processesTitled("flotilla-shim"));
  const units = Array.from({ length: count }, (_, index) => service(`idle@${index}.service`));
  await supervisor.load(units);
  for (let from = 0; from < count; from += TOGETHER) {
    await Promise.all(units.slice(from, from + TOGETHER).map(({ name }) => start(supervisor, name)));
  }
  const shims = (await processesTitled("flotilla-shim")).filter((pid) => !before.has(pid));
  const shimMiB = await Promise.all(shims.map((pid) => proportionalMiB(pid)));
  // Ten seconds after the last start the collector tidies up once, and again after what was read of so many shims.
  await delay(40_000);
  const used = process.cpuUsage();
  await delay(seconds * 1000);
  const { user, system } = process.cpuUsage(used);
  await supervisor.unload(units.map(({ name }) => name));
  return { shimMiB, corePercent: ((user + system) / 1e6 / seconds) * 100 };
}

const [samples = 40, idleServices = 500, idleSeconds = 20] = process.argv.slice(2).map(Number);
const directory = await mkdtemp(join(tmpdir(), "flotilla-bench-supervisor-"));
const supervisor = await createEmbeddedSupervisor({
  directory,
  runDirectory: join(directory, "run"),
  cgroupName: `flotilla-bench-${process.pid}`,
  clock: systemClock,
  random: systemRandom,
});
try {
  progress("one service at a time");
  const one = await startOne(supervisor, samples);
  const onePlain = await repeated(samples, () => spawnPlain(1));
  progress(`${TOGETHER} services at once`);
  const together = await startTogether(supervisor);
  const togetherPlain = await repeated(ROUNDS, () => spawnPlain(TOGETHER));
  progress(`${idleServices} services that do nothing, for ${idleSeconds} s`);
  const idle = await holdIdle(supervisor, idleServices, idleSeconds);
  report(
    toResult({
      name: "supervisor-start",
      what: "start request to active, Type=exec",
      unit: "ms",
      target: { atMost: 15 },
      samples: one,
      peers: { "the same command, spawned by Node": onePlain },
    }),
    toResult({
      name: "supervisor-start-100",
      what: `${TOGETHER} services started at once, all active`,
      unit: "ms",
      target: { atMost: 500 },
      samples: together,
      peers: { "the same commands, spawned by Node": togetherPlain },
    }),
    toResult({
      name: "supervisor-memory",
      what: "memory of ours for each running service (PSS)",
      unit: "MiB",
      target: { atMost: 2.5 },
      samples: idle.shimMiB,
    }),
    toResult({
      name: "supervisor-idle",
      what: `processor of the supervisor with ${idleServices} idle services`,
      unit: "% of a core",
      target: { atMost: 0.5 },
      samples: [idle.corePercent],
    }),
  );
} finally {
  await supervisor.unload(supervisor.statuses().map(({ name }) => name));
  await supervisor.close();
  await rm(directory, { recursive: true, force: true });
}
