/** The daemon as this machine's service: started where it is installed, and waited for. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { FlotillaClient } from "#client/client.ts";
import { DEFAULT_ENDPOINT } from "#client/endpoint.ts";
import { systemClock } from "#host/system.ts";
import type { CommandContext } from "./command.ts";

const run = promisify(execFile);
const SERVICE = "flotilla.service";
/** What the installed service works on. */
const SERVICE_DIRECTORY = "/var/lib/flotilla";
const READY_MS = 30_000;
/** A socket that is not there yet tells nobody when it comes. */
const ASK_AGAIN_MS = 50;

/**
 * Starts the service, where systemd has it and the directory is its, and resolves once the machine is listed: from then
 * on units are placed on it. False where there is nothing to start.
 * @throws FlotillaError `not-permitted` where it cannot be started, `timeout` where the machine does not come up
 */
export async function startService(
  { options, io }: CommandContext,
  machine: string,
  directory: string,
): Promise<boolean> {
  if (!options.flag("start") || !isService(directory) || !(await isInstalled())) return false;
  await systemctl("enable", SERVICE);
  await systemctl("restart", SERVICE);
  await untilListed(machine, options.duration("timeout") ?? READY_MS, io.signal);
  return true;
}

/** Ends the service for good. False where there is none. */
export async function stopService(directory: string): Promise<boolean> {
  if (!isService(directory) || !(await isInstalled())) return false;
  await systemctl("disable", "--now", SERVICE);
  return true;
}

/** Whether the installed service works on this directory. */
export function isService(directory: string): boolean {
  return directory === SERVICE_DIRECTORY;
}

async function isInstalled(): Promise<boolean> {
  if (!existsSync("/run/systemd/system")) return false;
  return run("systemctl", ["cat", SERVICE]).then(
    () => true,
    () => false,
  );
}

async function systemctl(...args: readonly string[]): Promise<void> {
  await run("systemctl", args).catch((error: unknown) => {
    throw new FlotillaError("not-permitted", `systemctl ${args.join(" ")} failed`, {
      causes: [error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error)],
      hint: "journalctl -u flotilla has what the daemon said",
      cause: error,
    });
  });
}

async function untilListed(machine: string, patienceMs: number, signal: AbortSignal): Promise<void> {
  const client = new FlotillaClient({ endpoint: DEFAULT_ENDPOINT, timeoutMs: 2_000 });
  const deadlineMs = systemClock.monotonic() + patienceMs;
  let last: unknown;
  while (systemClock.monotonic() < deadlineMs) {
    try {
      const { machines } = await client.machines(signal);
      if (machines.some((one) => one.machine === machine)) return;
      last = new Error("it has not registered yet: the store does not answer it");
    } catch (error) {
      last = error;
    }
    await sleep(systemClock, ASK_AGAIN_MS, signal);
  }
  throw new FlotillaError("timeout", `the machine was not up within ${patienceMs / 1000} s`, {
    causes: [last instanceof Error ? last.message : String(last)],
    hint: "it belongs to the cluster and comes up as soon as it can; journalctl -u flotilla has what the daemon said",
  });
}
