/** `flotilla leave`: this machine goes out of its cluster. */
import { join } from "node:path";
import { sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { FlotillaClient } from "#client/client.ts";
import { DEFAULT_ENDPOINT } from "#client/endpoint.ts";
import { membershipIn, setMembershipAside } from "#daemon/leave.ts";
import { type DirectoryLock, lockDirectory } from "#daemon/lock.ts";
import { systemClock } from "#host/system.ts";
import { readTrust } from "#trust/trust-directory.ts";
import type { CommandContext } from "./command.ts";
import { directoryOf } from "./membership.ts";
import { isService, stopService } from "./service.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

/** How long the daemon may take to end, once the machine has left. */
const END_MS = 30_000;
const TRY_AGAIN_MS = 50;
/** Units are moved first, each in its time. */
const LEAVE_MS = 600_000;

export async function leave(context: CommandContext): Promise<number> {
  const { options, io, format } = context;
  const directory = directoryOf(context);
  if (membershipIn(directory).length === 0)
    throw new FlotillaError("not-initialised", `${directory} belongs to no cluster`);
  const trust = await readTrust(directory).catch(() => undefined);
  const told = trust !== undefined && !options.flag("force") && (await tellCluster(context, directory));
  await stopService(directory);
  const lock = await lockInTime(directory, io.signal);
  const aside = await setMembershipAside(directory, systemClock.now()).finally(() => lock.release());
  const cluster = trust?.cluster.clusterName;
  if (isData(format)) {
    await showData(io.stdout, { cluster: trust?.cluster.clusterId ?? null, told, aside }, format);
    return 0;
  }
  writeLines(io.stdout, [
    `this machine has left ${cluster === undefined ? "its cluster" : `cluster ${cluster}`}`,
  ]);
  writeLines(io.stderr, [
    `what was of it is in ${aside}`,
    ...(told || trust === undefined
      ? []
      : [`The cluster was not told. On another machine: flotilla machine remove ${trust.cluster.name}`]),
  ]);
  return 0;
}

/** False where no daemon runs that could. @throws FlotillaError the daemon's own: the machine is still one of the cluster */
async function tellCluster({ options, io }: CommandContext, directory: string): Promise<boolean> {
  const endpoint = socketOf(directory, io.env);
  const client = new FlotillaClient({ endpoint, timeoutMs: options.duration("timeout") ?? LEAVE_MS });
  try {
    await client.leave(options.flag("now"), io.signal);
    return true;
  } catch (error) {
    // The daemon ends with the answer; that it has left shows on the disk.
    if (!membershipIn(directory).includes("trust")) return true;
    if (error instanceof FlotillaError && error.code === "unreachable") return false;
    throw error;
  }
}

function socketOf(directory: string, env: Readonly<Record<string, string | undefined>>): string {
  if (env.FLOTILLA_SOCKET) return `unix:${env.FLOTILLA_SOCKET}`;
  return isService(directory) ? DEFAULT_ENDPOINT : `unix:${join(directory, "run", "flotilla.sock")}`;
}

/** @throws FlotillaError `state-dir-in-use` when the daemon goes on */
async function lockInTime(directory: string, signal: AbortSignal): Promise<DirectoryLock> {
  const deadlineMs = systemClock.monotonic() + (membershipIn(directory).includes("trust") ? 0 : END_MS);
  for (;;) {
    try {
      return await lockDirectory(directory);
    } catch (error) {
      if (systemClock.monotonic() >= deadlineMs) throw error;
    }
    await sleep(systemClock, TRY_AGAIN_MS, signal);
  }
}
