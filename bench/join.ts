/** A machine joins: from the command `flotilla join` to the moment in which others list the machine, so that units are placed on it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { LAUNCHER, Machines, until } from "../test/trust/machines.ts";
import { type BenchResult, progress, report, toResult } from "./result.ts";

const JOINS = 10;

async function timeJoin(machines: Machines, name: string, token: string): Promise<number> {
  const startedMs = performance.now();
  const said = await machines.join(name, token);
  if (said.exitCode !== 0) throw new Error(said.stderr);
  const args = ["daemon", "--dir", machines.directory(name), "--cgroup", "none"];
  const daemon = spawn(LAUNCHER, args, { stdio: "ignore" });
  try {
    await until(async () =>
      (await machines.client("m1").machines()).machines.some((one) => one.name === name),
    );
    return performance.now() - startedMs;
  } finally {
    const ended = once(daemon, "close");
    daemon.kill();
    await ended;
  }
}

async function join(): Promise<BenchResult> {
  const machines = await Machines.make();
  try {
    const made = await machines.init("m1");
    if (made.exitCode !== 0) throw new Error(made.stderr);
    await machines.up("m1");
    const token = await machines.token(JOINS);
    const samples: number[] = [];
    for (let number = 2; number < JOINS + 2; number += 1) {
      samples.push(await timeJoin(machines, `m${number}`, token));
      progress(`joined in ${Math.round(samples.at(-1) ?? 0)} ms`);
    }
    return toResult({
      name: "join",
      what: "flotilla join and the daemon's start, until the machine is listed and units are placed on it",
      unit: "ms",
      target: { atMost: 2_000 },
      samples,
    });
  } finally {
    await machines.stop();
  }
}

report(await join());
