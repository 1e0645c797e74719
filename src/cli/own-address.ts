/** The address that other machines reach this one by. */
import { isIP, isIPv4 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";
import type { DaemonSettings } from "./daemon-settings.ts";

/** Of the first network card that has one that others may reach. */
export function ownAddress(): string {
  const reachable = addressesForOthers(addressesHere());
  const best = reachable.find(({ family }) => family === "IPv4") ?? reachable[0];
  return best?.address ?? "127.0.0.1";
}

/** Pure: without those that mean another machine on every machine, and those that hold on one wire only. */
export function addressesForOthers<T extends Pick<NetworkInterfaceInfo, "address" | "internal">>(
  addresses: readonly T[],
): readonly T[] {
  return addresses.filter(({ internal, address }) => !internal && !LINK_LOCAL.test(address));
}

/** fe80::/10 and 169.254.0.0/16. */
const LINK_LOCAL = /^(fe[89ab]|169\.254\.)/i;

/**
 * What `--address` says, else the daemon's setting. A daemon that is to start here must be able to listen on it; a
 * machine that is only prepared may get its address later.
 * @throws FlotillaError `usage`, before anything has been changed
 */
export function givenAddress(
  { options }: Pick<CommandContext, "options">,
  settings: DaemonSettings,
): string | undefined {
  const text = options.text("address") ?? settings("address");
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
  const own = new Set(addressesForOthers(addressesHere()).map(({ address }) => address));
  return new FlotillaError("usage", `${text} ${why}`, {
    causes: [own.size === 0 ? "this machine is on no network" : `this machine has ${[...own].join(", ")}`],
    hint: "give --address the IP address that the other machines reach this one by",
  });
}
