/**
 * The machines' own network: a bridge, and for each machine a network namespace with a cable to it.
 *
 * Namespaces are entered with `nsenter --net`, never with `ip netns exec`, which mounts /sys anew and so hides the
 * cgroups. Everything made here bears the layout's ID in its name and is found again by it.
 */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { FlotillaError } from "#base/errors.ts";
import type { DevLayout, DevMachine, Subnet } from "./layout.ts";

const run = promisify(execFile);

type Command = readonly [program: string, ...args: string[]];

/** How to make the network of a layout that has one. Pure. */
export function networkCommands({ network, machines }: DevLayout): readonly Command[] {
  if (network === null) return [];
  return [
    ["ip", "link", "add", network.bridge, "type", "bridge"],
    ["ip", "address", "add", `${network.gateway}/24`, "dev", network.bridge],
    ["ip", "link", "set", network.bridge, "up"],
    ...machines.flatMap((machine) => machineCommands(network, machine)),
  ];
}

function machineCommands(
  { bridge, gateway }: NonNullable<DevLayout["network"]>,
  { wire, address }: DevMachine,
): readonly Command[] {
  if (wire === null) return [];
  const { namespace, link } = wire;
  return [
    ["ip", "netns", "add", namespace],
    ["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace],
    ["ip", "link", "set", link, "master", bridge, "up"],
    ["ip", "-n", namespace, "address", "add", `${address}/24`, "dev", "eth0"],
    ["ip", "-n", namespace, "link", "set", "lo", "up"],
    ["ip", "-n", namespace, "link", "set", "eth0", "up"],
    ["ip", "-n", namespace, "route", "add", "default", "via", gateway],
  ];
}

/** Makes the network. @throws FlotillaError `not-permitted` when this user or computer cannot; a part may be made. */
export async function makeNetwork(layout: DevLayout): Promise<void> {
  for (const [program, ...args] of networkCommands(layout)) {
    await run(program, args).catch((error: unknown) => {
      throw new FlotillaError(
        "not-permitted",
        `machines cannot have networks of their own: ${reason(error)}`,
        {
          hint: "--no-netns lets them share this computer's network",
          cause: error,
        },
      );
    });
  }
}

function reason(error: unknown): string {
  const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
  return said || (error instanceof Error ? error.message : String(error));
}

/** Removes whatever there is of the network of layouts with this ID; nothing is no failure. */
export async function removeNetwork(id: string): Promise<void> {
  const namespaces = await readdir("/run/netns").catch(() => []);
  const left = namespaces.filter((name) => name.startsWith(`flotilla-${id}-`));
  for (const namespace of left) await run("ip", ["netns", "delete", namespace]);
  // A namespace's cable ends with it, but only once the last process in it is gone.
  const links = await readdir("/sys/class/net").catch(() => []);
  const ours = links.filter((name) => name === `flo-${id}` || name.startsWith(`flo-${id}-`));
  for (const link of ours) await run("ip", ["link", "delete", link]).catch(() => undefined);
}

/** Pulls or plugs the machine's cable; a machine that shares the computer's network has none. */
export async function setLink({ wire }: DevMachine, state: "up" | "down"): Promise<void> {
  if (wire !== null) await run("ip", ["link", "set", wire.link, state]);
}

/** The command that runs `argv` within the machine's network. */
export function withinNetwork({ wire }: DevMachine, argv: readonly string[]): readonly string[] {
  return wire === null ? argv : ["nsenter", `--net=/run/netns/${wire.namespace}`, ...argv];
}

/** A private /24 that no interface of this computer is in, the same for the same ID unless it is taken. */
export function freeSubnet(id: string, interfaces = networkInterfaces()): Subnet {
  const taken = new Set(
    Object.values(interfaces).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => address.slice(0, address.lastIndexOf("."))),
    ),
  );
  const first = Number.parseInt(id, 16) % 256;
  const candidates = Array.from({ length: 256 }, (_, step): Subnet => `10.77.${(first + step) % 256}`);
  const free = candidates.find((subnet) => !taken.has(subnet));
  if (free === undefined) throw new FlotillaError("limit-exceeded", "no network of 10.77.0.0/16 is free");
  return free;
}
