/** The daemon as a process: starts it, says that it is up, and ends it on SIGTERM, SIGINT or when its machine is removed. */

import { systemClock } from "#host/system.ts";
import { readTrust } from "#trust/trust-directory.ts";
import { readConfig, readDirectory } from "./config.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { createLog } from "./log.ts";
import type { SettingValues } from "./settings.ts";

/** Runs until a signal ends it; resolves with the process's exit code. */
export async function runDaemon(given: SettingValues, version: string): Promise<number> {
  const trust = await readTrust(readDirectory(given, process.env));
  const config = readConfig(given, process.env, trust);
  const log = createLog(config.logLevel, systemClock);
  const daemon = await startDaemon({ config, log, version });
  log.info(
    {
      machine: daemon.machineId,
      name: config.name,
      api: daemon.apiUrl,
      socket: daemon.socketPath,
      store: daemon.storeEndpoints,
    },
    "ready",
  );
  const why = await Promise.race([endSignal(), daemon.ended]);
  if (typeof why === "string") {
    log.info({ signal: why, onExit: config.onExit }, "ending");
    await endOf(daemon);
    return 0;
  }
  if (why.kind === "left") log.info({}, "ending: the machine has left its cluster");
  else log.error({ error: why.why.message, hint: why.why.hint }, "ending; units stay as they are");
  await endOf(daemon, "leave");
  return why.kind === "left" ? 0 : why.why.kind.exit;
}

function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

async function endOf(daemon: Daemon, units?: "leave"): Promise<void> {
  // A second signal ends the process at once: units are not harmed by it, the daemon is not in their way.
  process.once("SIGTERM", () => process.exit(1));
  process.once("SIGINT", () => process.exit(1));
  await daemon.stop(units);
}
