/** `flotilla join`: this machine comes into a cluster that there is. */
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { FlotillaError } from "#base/errors.ts";
import { joinDirectory } from "#daemon/join.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import type { CommandContext } from "./command.ts";
import { daemonSettings } from "./daemon-settings.ts";
import { API_PORT, directoryOf, showAsData } from "./membership.ts";
import { givenAddress } from "./own-address.ts";
import { startService } from "./service.ts";
import { writeLines } from "./terminal/output.ts";

export async function join(context: CommandContext): Promise<number> {
  const { args, options, io } = context;
  const directory = directoryOf(context);
  const settings = await daemonSettings(directory, io);
  const name = options.text("machine-name") ?? settings("name") ?? hostname();
  const joined = await joinDirectory({
    ...{ url: urlOf(args[0] ?? ""), token: await tokenOf(context), directory, name },
    ...{ address: givenAddress(context, settings), signal: io.signal },
    clock: systemClock,
    random: systemRandom,
  });
  const started = await startService(context, joined.machine, directory);
  const { clusterId, clusterName, machine, address } = joined;
  const member = { clusterId, clusterName, machine, name, address, directory, started };
  if (await showAsData(context, member)) return 0;
  writeLines(io.stdout, [`${name} at ${address} is a machine of cluster ${clusterName} (${clusterId})`]);
  if (!started) writeLines(io.stderr, [`Start the daemon: flotilla daemon --dir ${directory}`]);
  return 0;
}

/** The environment and files are for those who do not want it among the arguments of a process, which all may see. */
async function tokenOf({ options, io }: CommandContext): Promise<string> {
  const file = options.text("token-file");
  if (file === "-") return readAll(process.stdin);
  if (file !== undefined) return readTokenFile(resolve(io.cwd, file));
  const token = options.text("token") ?? io.env.FLOTILLA_TOKEN;
  if (token !== undefined && token !== "") return token;
  throw new FlotillaError("usage", "a machine joins with a token", {
    hint: "flotilla token create, on a machine of the cluster, prints one; give it with --token or --token-file",
  });
}

function readTokenFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw new FlotillaError("usage", `--token-file: ${path} cannot be read`, {
      causes: [error instanceof Error ? error.message : String(error)],
      cause: error,
    });
  });
}

/** `HOST`, `HOST:PORT`, an IPv6 address, or a URL. @throws FlotillaError `usage` */
function urlOf(text: string): string {
  const isBareV6 = /^[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(text);
  const whole = text.startsWith("https://") ? text : `https://${isBareV6 ? `[${text}]` : text}`;
  const url = URL.parse(whole);
  if (url !== null && url.hostname !== "" && url.pathname === "/")
    return `https://${url.hostname}:${/:443\/?$/.test(whole) ? 443 : url.port || API_PORT}`;
  throw new FlotillaError("usage", `"${text}" is not the address of a machine`, {
    hint: "give HOST, HOST:PORT or https://HOST:PORT of a machine of the cluster",
  });
}
