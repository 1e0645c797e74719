/**
 * A cluster of machines on one computer: what it consists of, as data.
 *
 * dev/ owns development clusters: their directories, networks and processes. Each machine is a real daemon with a
 * state directory of its own, and nothing in the daemon knows that it is not alone on the computer. dev/ must not
 * decide anything about units: it talks to its machines through the API, as a user does.
 *
 * This file is pure. A layout is written to `cluster.json` before anything is made, so that whatever a crash leaves
 * behind can be found and removed.
 */
import { join } from "node:path";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";

const networkSchema = z.object({
  bridge: z.string(),
  /** The computer's own address on the bridge. */
  gateway: z.string(),
});

const machineSchema = z.object({
  name: z.string(),
  directory: z.string(),
  address: z.string(),
  apiPort: z.number().int(),
  /** Only the machine with the embedded store has one. */
  storePort: z.number().int().nullable(),
  /** Where a member of the store's etcd would listen for clients and for other members. */
  memberPorts: z.object({ client: z.number().int(), peer: z.number().int() }).exactOptional(),
  metadata: z.record(z.string(), z.string()),
  /** Name of its part of the cgroup hierarchies; null where cgroups cannot be made. */
  cgroup: z.string().nullable(),
  /** Its own network namespace and the computer's end of its cable; null where it shares the computer's network. */
  wire: z.object({ namespace: z.string(), link: z.string() }).nullable(),
});

export const layoutSchema = z.object({
  /** Six hex digits that follow from the directory; part of every name outside it. */
  id: z.string(),
  directory: z.string(),
  network: networkSchema.nullable(),
  /** Variables of every daemon's environment, which units take with PassEnvironment=. */
  environment: z.record(z.string(), z.string()),
  machines: z.array(machineSchema).min(1),
});

export type DevLayout = Readonly<z.infer<typeof layoutSchema>>;
export type DevMachine = DevLayout["machines"][number];

/** More would need more than a computer, and the addresses of one small network are counted. */
export const MAX_MACHINES = 50;

/** A unix socket's path may have 107 bytes; what the daemon puts behind the directory has up to 47. */
const MAX_DIRECTORY_BYTES = 60;

const API_PORT = 7400;
const STORE_PORT = 2379;
const PEER_PORT = 2380;

export interface LayoutRequest {
  readonly id: string;
  readonly directory: string;
  readonly machines: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly cgroups: boolean;
  /** A network for the machines, or ports on the computer's own: for each machine its store, other members, its API. */
  readonly net:
    | { readonly kind: "own"; readonly subnet: Subnet }
    | { readonly kind: "shared"; readonly ports: readonly number[] };
}

/** The first three numbers of a /24: `10.77.5`. */
export type Subnet = `${number}.${number}.${number}`;

/** The layout that a request comes to. @throws FlotillaError `usage` when it asks for what cannot be. */
export function planLayout(request: LayoutRequest): DevLayout {
  checkRequest(request);
  const numbers = Array.from({ length: request.machines }, (_, index) => index + 1);
  return {
    id: request.id,
    directory: request.directory,
    network: request.net.kind === "own" ? networkOf(request.id, request.net.subnet) : null,
    environment: { ...request.environment },
    machines: numbers.map((number) => planMachine(request, number)),
  };
}

function checkRequest({ machines, directory }: LayoutRequest): void {
  if (!Number.isInteger(machines) || machines < 1 || machines > MAX_MACHINES) {
    throw new FlotillaError("usage", `a development cluster has 1 to ${MAX_MACHINES} machines`);
  }
  if (Buffer.byteLength(directory) > MAX_DIRECTORY_BYTES) {
    throw new FlotillaError("usage", `the path ${directory} is too long for the sockets beneath it`, {
      hint: `choose a directory of at most ${MAX_DIRECTORY_BYTES} bytes with --dir`,
    });
  }
}

function networkOf(id: string, subnet: Subnet): DevLayout["network"] {
  return { bridge: `flo-${id}`, gateway: `${subnet}.1` };
}

function planMachine(request: LayoutRequest, number: number): DevMachine {
  const { id, net } = request;
  const name = `m${number}`;
  const hasStore = number === 1;
  const own = net.kind === "own";
  const ports = own
    ? { client: STORE_PORT, peer: PEER_PORT, api: API_PORT }
    : sharedPorts(net.ports, number - 1);
  return {
    name,
    directory: join(request.directory, name),
    address: own ? `${net.subnet}.${10 + number}` : "127.0.0.1",
    apiPort: ports.api,
    storePort: hasStore ? ports.client : null,
    memberPorts: { client: ports.client, peer: ports.peer },
    metadata: metadataOf(number),
    cgroup: request.cgroups ? `flotilla-${id}-${name}` : null,
    wire: own ? { namespace: `flotilla-${id}-${name}`, link: `flo-${id}-${number}` } : null,
  };
}

/** How many ports each machine needs of the computer's own. */
export const PORTS_PER_MACHINE = 3;

function sharedPorts(
  ports: readonly number[],
  index: number,
): { readonly client: number; readonly peer: number; readonly api: number } {
  const [client = 0, peer = 0, api = 0] = ports.slice(index * PORTS_PER_MACHINE);
  return { client, peer, api };
}

/** Two machines with fast disks, the others without; two zones taken in turn. */
function metadataOf(number: number): Record<string, string> {
  return { disk: number <= 2 ? "ssd" : "hdd", zone: number % 2 === 1 ? "a" : "b" };
}

/** Where the machine's API listens for commands on this computer. */
export function socketOf(machine: DevMachine): string {
  return join(machine.directory, "run", "flotilla.sock");
}

/** The etcd endpoint of the cluster's store. */
export function storeUrl(layout: DevLayout): string {
  const holder = layout.machines.find((machine) => machine.storePort !== null);
  return `http://${holder?.address}:${holder?.storePort}`;
}

/** The arguments of the machine's daemon. */
export function daemonArguments(layout: DevLayout, machine: DevMachine): readonly string[] {
  const settings = {
    dir: machine.directory,
    name: machine.name,
    address: machine.address,
    "api-port": machine.apiPort,
    ...(machine.storePort === null ? { store: storeUrl(layout) } : {}),
    ...(machine.memberPorts === undefined
      ? { "store-port": machine.storePort ?? 0 }
      : { "store-port": machine.memberPorts.client, "store-peer-port": machine.memberPorts.peer }),
    "cluster-name": "dev",
    metadata: Object.entries(machine.metadata)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    supervisor: "embedded",
    cgroup: machine.cgroup ?? "none",
  };
  const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  // A toy cluster on one computer: its ports are the computer's own or on a network of its own.
  return ["daemon", ...given, "--insecure"];
}

/** The machine of this name. @throws FlotillaError `machine-not-found`. */
export function machineNamed(layout: DevLayout, name: string): DevMachine {
  const found = layout.machines.find((machine) => machine.name === name);
  if (found !== undefined) return found;
  const names = layout.machines.map((machine) => machine.name).join(", ");
  throw new FlotillaError("machine-not-found", `the development cluster has no machine "${name}"`, {
    hint: `its machines are ${names}`,
  });
}

/** The lines that point a shell's commands at the cluster. */
export function environmentLines(layout: DevLayout): readonly string[] {
  const [first] = layout.machines;
  return [
    ...(first === undefined ? [] : [`export FLOTILLA_ENDPOINT=unix:${socketOf(first)}`]),
    `export ETCDCTL_ENDPOINTS=${storeUrl(layout)}`,
    "export ETCDCTL_API=3",
  ];
}
