/** Chooses and starts the supervisor of this machine. */
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { createEmbeddedSupervisor } from "#supervisor/embedded/embedded-supervisor.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { DaemonConfig } from "./config.ts";
import type { Identity } from "./identity.ts";
import { readMachineFacts } from "./machine-facts.ts";

interface Means {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The supervisor has taken over what an earlier daemon left running when the promise resolves. */
export function openSupervisor(config: DaemonConfig, identity: Identity, means: Means): Promise<Supervisor> {
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
