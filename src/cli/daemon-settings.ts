/** The daemon's settings as they will reach it, for commands that prepare a machine for its daemon. */
import { readFile } from "node:fs/promises";
import { FlotillaError } from "#base/errors.ts";
import type { SettingName } from "#daemon/settings.ts";
import { SETTINGS_FILE } from "#install/service.ts";
import { parseEnvironmentFile } from "#unit/environment.ts";
import { API_PORT } from "./membership.ts";
import { isService } from "./service.ts";
import type { CliIo } from "./terminal/io.ts";

export type DaemonSettings = (name: SettingName) => string | undefined;

/** The service reads its own file and sees nothing of this shell; a daemon elsewhere is started from it. */
export async function daemonSettings(
  directory: string,
  { env }: Pick<CliIo, "env">,
): Promise<DaemonSettings> {
  const given = isService(directory) ? await serviceEnvironment() : env;
  return (name) => given[`FLOTILLA_${name.replaceAll("-", "_").toUpperCase()}`] || undefined;
}

async function serviceEnvironment(): Promise<CliIo["env"]> {
  const text = await readFile(SETTINGS_FILE, "utf8").catch(() => "");
  return Object.fromEntries(parseEnvironmentFile(text));
}

/** Where the daemon will serve its API. @throws FlotillaError `bad-config` */
export function apiPortOf(settings: DaemonSettings): number {
  const text = settings("api-port");
  if (text === undefined) return API_PORT;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new FlotillaError("bad-config", `FLOTILLA_API_PORT=${text} is no port that others could know`, {
    hint: "set it to a number from 1 to 65535, or leave it out for 7400",
  });
}
