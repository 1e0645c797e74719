/** A command whose processes are all known when it has ended, wherever they have gone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { readProcesses } from "../src/supervisor/embedded/process-table.ts";

const ADOPT = join(import.meta.dirname, "adopt.pl");

/** What is told to end may need a moment for it. */
const LOOKS = 40;
const LOOK_MS = 50;

export interface Ended {
  readonly status: number;
  /** The processes it has left, which are not ended. */
  readonly left: readonly number[];
}

export interface Adopted {
  readonly ended: Promise<Ended>;
  /** Ends the command itself, at once. */
  kill(): void;
}

/** @param argv the command and its arguments; it has this process's standard streams. */
export function runAdopted(argv: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Adopted {
  const stdio = ["inherit", "inherit", "inherit", "pipe"] as const;
  const child = spawn("perl", [ADOPT, ...argv], { cwd, env, stdio: [...stdio] });
  const line = child.stdio[3];
  if (!(line instanceof Duplex)) throw new TypeError("perl cannot be started");
  return { ended: endOf(line, child.pid ?? 0), kill: () => void child.kill("SIGTERM") };
}

async function endOf(line: Duplex, pid: number): Promise<Ended> {
  const [status] = (await once(line, "data")) as [Buffer];
  const left = await whatIsLeft(pid);
  line.end();
  return { status: Number(status), left };
}

async function whatIsLeft(pid: number): Promise<readonly number[]> {
  for (let look = 0; look < LOOKS; look++) {
    if (readProcesses().descendantsOf(pid).length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return readProcesses().descendantsOf(pid);
}
