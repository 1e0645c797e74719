/** `flotilla init`: a new cluster with this machine as its first. */
import { hostname, userInfo } from "node:os";
import { foundDirectory } from "#daemon/init.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { PERSON_NAME } from "#trust/identity.ts";
import type { CommandContext } from "./command.ts";
import { keepContext } from "./contexts/file.ts";
import { API_PORT, directoryOf, showAsData } from "./membership.ts";
import { addressOption, ownAddress } from "./own-address.ts";
import { startService } from "./service.ts";
import { writeLines } from "./terminal/output.ts";

export async function init(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const directory = directoryOf(context);
  const clusterName = options.text("name") ?? "flotilla";
  const name = options.text("machine-name") ?? hostname();
  const address = addressOption(context) ?? ownAddress();
  const founded = await foundDirectory({
    ...{ directory, clusterName, name, address, apiPort: API_PORT, person: personName() },
    clock: systemClock,
    random: systemRandom,
  });
  const { ca, certificate: cert, key } = founded.admin;
  const endpoints = [founded.api];
  const kept = await keepContext(
    io.env,
    { name: clusterName, endpoints, credentials: { ca, cert, key } },
    false,
  );
  const started = await startService(context, founded.machine, directory);
  const { clusterId, machine } = founded;
  const member = { clusterId, clusterName, machine, name, address, directory, started };
  if (await showAsData(context, member)) return 0;
  writeLines(io.stdout, [
    `cluster ${clusterName} (${clusterId}): ${name} at ${address} is its first machine`,
  ]);
  writeLines(io.stderr, [
    `You are its admin, from anywhere: ${kept} has your key (flotilla context use ${clusterName}).`,
    ...(started ? [] : [`Start the daemon: flotilla daemon --dir ${directory}`]),
    "For each machine that is to join: flotilla token create",
    `and there, as root: flotilla join ${address} --token TOKEN`,
  ]);
  return 0;
}

function personName(): string {
  const { username } = userInfo();
  return PERSON_NAME.test(username) ? username : "admin";
}
