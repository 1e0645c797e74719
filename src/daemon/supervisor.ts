/** Chooses and starts the supervisor of this machine; the code of the one that is not chosen is not even loaded. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { toFlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { DaemonConfig } from "./config.ts";
import type { Identity } from "./identity.ts";
import { readMachineFacts } from "./machine-facts.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** There while systemd is the machine's first process (sd_booted(3)). */
const SYSTEMD_RUNS = "/run/systemd/system";

/**
 * The supervisor has taken over what an earlier daemon left running when the promise resolves.
 * @throws FlotillaError `unreachable` when it has to be systemd and that does not answer
 */
export async function openSupervisor(
  config: DaemonConfig,
  identity: Identity,
  means: Means,
): Promise<Supervisor> {
  switch (config.supervisor) {
    case "systemd":
      return openSystemd(config, means);
    case "embedded":
      return openEmbedded(config, identity, means);
    case "auto":
      return (await trySystemd(config, means)) ?? openEmbedded(config, identity, means);
  }
}

/** Undefined where units are not to be systemd's: there is none, or it lets only root start units. */
async function trySystemd(config: DaemonConfig, means: Means): Promise<Supervisor | undefined> {
  if (process.getuid?.() !== 0 || !existsSync(SYSTEMD_RUNS)) return undefined;
  try {
    return await openSystemd(config, means);
  } catch (error) {
    // Units that systemd was handed before are with it still; they must not be run a second time beside it.
    if (existsSync(config.unitDirectory)) throw error;
    const { message, causes } = toFlotillaError(error);
    means.log.warn({ causes }, `${message}: Flotilla runs units by itself`);
    return undefined;
  }
}

async function openSystemd(config: DaemonConfig, means: Means): Promise<Supervisor> {
  const { createSystemdSupervisor } = await import("#supervisor/systemd/systemd-supervisor.ts");
  return createSystemdSupervisor({ directory: config.unitDirectory, ...means });
}

async function openEmbedded(config: DaemonConfig, identity: Identity, means: Means): Promise<Supervisor> {
  if (isConfinedService())
    means.log.warn(
      { hint: "flotilla install --supervisor embedded" },
      "units inherit what flotilla.service confines its daemon by: for this supervisor it has another form",
    );
  const { createEmbeddedSupervisor } = await import("#supervisor/embedded/embedded-supervisor.ts");
  return createEmbeddedSupervisor({
    directory: join(config.directory, "supervisor"),
    runDirectory: config.runDirectory,
    cgroupName: config.cgroup,
    clock: means.clock,
    random: means.random,
    facts: readMachineFacts(config, identity),
    environment: process.env,
    journalLimits: {
      maxAgeMs: config.journalMaxAgeMs,
      ...(config.journalMaxBytes === undefined ? {} : { maxBytes: config.journalMaxBytes }),
    },
    log: (message) => means.log.warn({}, message),
  });
}

/** Units of the embedded supervisor are the daemon's descendants, and the common form of the service confines those. */
function isConfinedService(): boolean {
  if (process.env.INVOCATION_ID === undefined) return false;
  return /^NoNewPrivs:\s*1$/m.test(readFileSync("/proc/self/status", "utf8"));
}
