/**
 * The dev host: the process that holds a development cluster up.
 *
 * Invariants: one host a directory; the layout is on the disk before anything it names is made; after `stop`, and
 * after `sweep` on what a killed host left, none of it is there any more but the machines' own directories.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, realpath } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError, toFlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { writeFileAtomic } from "#host/files.ts";
import type { HostStatus } from "./control.ts";
import {
  type DevLayout,
  type LayoutRequest,
  layoutSchema,
  machineNamed,
  PORTS_PER_MACHINE,
  planLayout,
} from "./layout.ts";
import { cutMachine, MachineProcess } from "./machine-process.ts";
import { freeSubnet, makeNetwork, removeNetwork } from "./network.ts";

export interface HostOptions {
  readonly directory: string;
  readonly machines: number;
  /** `auto`: machines have networks of their own where this user and computer can make them. */
  readonly network: "auto" | "shared";
  readonly environment: Readonly<Record<string, string>>;
  readonly launcher: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told in a sentence of what the user should know. */
  readonly onNote: (note: string) => void;
}

export class DevHost {
  readonly layout: DevLayout;
  readonly #machines: ReadonlyMap<string, MachineProcess>;
  #ready = false;
  #stopping: Promise<void> | undefined;

  private constructor(layout: DevLayout, options: HostOptions) {
    this.layout = layout;
    this.#machines = new Map(
      layout.machines.map((machine) => [machine.name, new MachineProcess({ ...options, layout, machine })]),
    );
  }

  /** Removes what an earlier host left in the directory, makes the network and switches every machine on. */
  static async start(options: HostOptions): Promise<DevHost> {
    await sweep(options.directory, options.clock);
    const layout = await prepareLayout(options);
    const host = new DevHost(layout, options);
    try {
      await Promise.all([...host.#machines.values()].map((machine) => machine.start()));
    } catch (error) {
      await host.stop();
      throw error;
    }
    return host;
  }

  get status(): HostStatus {
    const machines = [...this.#machines].map(([name, { power, pid }]) => ({
      name,
      power,
      ...(pid === undefined ? {} : { pid }),
    }));
    return { pid: process.pid, ready: this.#ready, layout: this.layout, machines };
  }

  /** Notes that all that was asked for at the start is there. */
  markReady(): void {
    this.#ready = true;
  }

  async kill(name: string): Promise<void> {
    await this.#machine(name).cutPower();
  }

  /**
   * Switches the machine on, after cutting its power where it is on.
   * @throws FlotillaError `machine-gone` when its daemon does not stay up.
   */
  async restart(name: string): Promise<void> {
    const machine = this.#machine(name);
    if (machine.power !== "off") await machine.cutPower();
    await machine.start();
    await machine.joins();
  }

  /** Ends everything; may be called more than once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The machine with the store goes last, so that the others can say what they have to. */
  async #stop(): Promise<void> {
    const [store, ...others] = this.#machines.values();
    await Promise.all(others.map((machine) => machine.stop()));
    await store?.stop();
    await removeNetwork(this.layout.id);
  }

  #machine(name: string): MachineProcess {
    const { name: known } = machineNamed(this.layout, name);
    const found = this.#machines.get(known);
    if (found === undefined) throw new FlotillaError("internal", `machine ${known} has no process`);
    return found;
  }
}

const layoutPath = (directory: string): string => join(directory, "cluster.json");

/** The layout written in the directory; undefined where there never was a cluster. */
export async function readLayout(directory: string): Promise<DevLayout | undefined> {
  const written = await readFile(layoutPath(directory), "utf8").catch(() => undefined);
  return written === undefined ? undefined : layoutSchema.parse(JSON.parse(written));
}

/** Ends and removes all that a host which is gone has left running. Harmless where nothing is left. */
export async function sweep(directory: string, clock: Clock): Promise<void> {
  const layout = await readLayout(directory);
  if (layout === undefined) return;
  await Promise.all(layout.machines.map((machine) => cutMachine(machine, clock)));
  if (layout.network !== null) await removeNetwork(layout.id);
}

/** Writes the layout and makes its network, without one where that is not permitted. */
async function prepareLayout(options: HostOptions): Promise<DevLayout> {
  const id = await idOf(options.directory);
  const base = { ...options, id, cgroups: process.getuid?.() === 0 };
  if (options.network === "auto" && process.getuid?.() === 0) {
    const layout = await writeLayout({ ...base, net: { kind: "own", subnet: freeSubnet(id) } });
    try {
      await makeNetwork(layout);
      return layout;
    } catch (error) {
      options.onNote(`${toFlotillaError(error).message}; they share this computer's network`);
      await removeNetwork(id);
    }
  }
  const ports = await freePorts(options.machines * PORTS_PER_MACHINE);
  return writeLayout({ ...base, net: { kind: "shared", ports } });
}

async function writeLayout(request: LayoutRequest): Promise<DevLayout> {
  const layout = planLayout(request);
  await writeFileAtomic(layoutPath(layout.directory), `${JSON.stringify(layout, null, 2)}\n`);
  return layout;
}

/** Six hex digits that tell clusters on one computer apart. */
async function idOf(directory: string): Promise<string> {
  return createHash("sha256")
    .update(await realpath(directory))
    .digest("hex")
    .slice(0, 6);
}

/** Ports of the loopback address that nobody listens on; all are held until the last is found. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map(async (server) => once(server.close(), "close")));
  return ports;
}
