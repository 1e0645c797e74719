/** Who may reach this daemon: whom its trust directory knows, or, where the settings say so, whoever comes. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { DaemonConfig } from "./config.ts";

/** @throws FlotillaError `not-initialised`; `bad-config` where a machine of a cluster shall check nobody */
export async function requireTrust({ directory, insecure }: DaemonConfig, log: Logger): Promise<void> {
  const path = join(directory, "trust");
  const isMember = await access(path).then(
    () => true,
    () => false,
  );
  if (isMember && insecure) throw openMember(path);
  if (!isMember && !insecure) throw notInitialised(directory);
  if (insecure) log.warn({}, "insecure: whoever reaches this machine's ports may do everything");
}

function notInitialised(directory: string): FlotillaError {
  return new FlotillaError("not-initialised", "this machine belongs to no cluster yet", {
    causes: [`there is no ${join(directory, "trust")}`],
    hint: "make a cluster with: flotilla init; or join one with: flotilla join ADDRESS --token TOKEN; to try it without certificates: --insecure",
  });
}

function openMember(path: string): FlotillaError {
  return new FlotillaError("bad-config", "a machine of a cluster cannot run with --insecure", {
    causes: [`${path} makes it a machine of a cluster, whose others would not believe it`],
    hint: "leave --insecure and FLOTILLA_INSECURE away, or choose another directory with --dir",
  });
}
