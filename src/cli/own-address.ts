/** The address that other machines reach this one by. */
import { isIP, isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";

/** Of the first network card that has one that others may reach. */
export function ownAddress(): string {
  const all = addressesHere();
  const reachable = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  const best = reachable.find(({ family }) => family === "IPv4") ?? reachable[0];
  return best?.address ?? "127.0.0.1";
}

/**
 * What `--address` says. A daemon that is to start here must be able to listen on it; a machine that is only prepared
 * may get its address later.
 * @throws FlotillaError `usage`, before anything has been changed
 */
export function addressOption({ options }: CommandContext): string | undefined {
  const text = options.text("address");
  if (text === undefined) return undefined;
  if (isIP(text) === 0 || text === "0.0.0.0" || text === "::")
    throw unusable(text, "is no address of a machine");
  if (options.flag("start") && !isHere(text)) throw unusable(text, "is no address of this machine");
  return text;
}

/** All of 127.0.0.0/8 is here. Addresses of version 6 have several spellings, and are left to the daemon. */
function isHere(text: string): boolean {
  if (!isIPv4(text) || text.startsWith("127.")) return true;
  return addressesHere().some(({ address }) => address === text);
}

function addressesHere() {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
}

function unusable(text: string, why: string): FlotillaError {
  return new FlotillaError("usage", `--address: ${text} ${why}`, {
    causes: [`this machine has ${[...new Set(addressesHere().map(({ address }) => address))].join(", ")}`],
    hint: "give the IP address that the other machines reach this one by",
  });
}
