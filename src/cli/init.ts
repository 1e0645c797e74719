/** `flotilla init`: a new cluster with this machine as its first. */
import { hostname, userInfo } from "node:os";
import { foundDirectory } from "#daemon/init.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { PERSON_NAME } from "#trust/identity.ts";
import type { CommandContext } from "./command.ts";
import { freeName, keepContext, readContexts, requireContextsPath } from "./contexts/file.ts";
import { apiPortOf, daemonSettings } from "./daemon-settings.ts";
import { API_PORT, directoryOf, showAsData } from "./membership.ts";
import { givenAddress, ownAddress } from "./own-address.ts";
import { startService } from "./service.ts";
import { writeLines } from "./terminal/output.ts";

export async function init(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const directory = directoryOf(context);
  const clusterName = options.text("name") ?? "flotilla";
  // Read first: a cluster whose admin's key could not be kept would be nobody's.
  const contextName = freeName(readContexts(requireContextsPath(io.env)), clusterName);
  const settings = await daemonSettings(directory, io);
  const name = options.text("machine-name") ?? settings("name") ?? hostname();
  const address = givenAddress(context, settings) ?? ownAddress();
  const founded = await foundDirectory({
    ...{ directory, clusterName, name, address, apiPort: apiPortOf(settings), person: personName() },
    clock: systemClock,
    random: systemRandom,
  });
  const { ca, certificate: cert, key } = founded.admin;
  const kept = { name: contextName, endpoints: [founded.api], credentials: { ca, cert, key } };
  const path = await keepContext(io.env, kept, false);
  const started = await startService(context, founded.machine, directory);
  const { clusterId, machine } = founded;
  const member = { clusterId, clusterName, machine, name, address, directory, started };
  if (await showAsData(context, member)) return 0;
  writeLines(io.stdout, [
    `cluster ${clusterName} (${clusterId}): ${name} at ${address} is its first machine`,
  ]);
  writeLines(io.stderr, [
    `You are its admin, from anywhere: ${path} has your key (flotilla context use ${contextName}).`,
    ...(started ? [] : [`Start the daemon: flotilla daemon --dir ${directory}`]),
    "For each machine that is to join: flotilla token create",
    `and there, as root: flotilla join ${joinAddress(founded.api, address)} --token TOKEN`,
  ]);
  return 0;
}

/** The port is left out where it is the usual one. */
function joinAddress(api: string, address: string): string {
  return api.endsWith(`:${API_PORT}`) ? address : api.slice("https://".length);
}

function personName(): string {
  const { username } = userInfo();
  return PERSON_NAME.test(username) ? username : "admin";
}
