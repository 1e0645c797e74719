/**
 * Real machines for tests: 1 to 5 of them, each a Debian with its own systemd in systemd-nspawn, its own disk, network
 * namespace and cable to one bridge, with Flotilla installed from the built executable and one cluster made of all of them
 * by `flotilla init` and `flotilla join`.
 *
 * How to use it, one cluster for all tests of a file:
 *
 *     describe.runIf(canBootMachines)("a unit of a machine that dies", () => {
 *       let machines: Machines;
 *       beforeAll(async () => {
 *         machines = await Machines.start({ count: 3 });
 *       }, BOOT_TIMEOUT_MS);
 *       afterAll(() => machines.stop());
 *
 *       test("is started on another", async () => {
 *         const { client } = machines.get("m1");
 *         const [row] = await machines.launch(["web.service"]);
 *         await machines.get(row.machineName).cutPower();
 *         await untilActive(client, ["web.service"], (machine) => machine !== row.machineName);
 *       });
 *     });
 *
 * `machines.get("m2")` is a Machine (machine.ts): run commands in it (`run`, `must`, `flotilla`), read and write its
 * files, `cutPower` and `switchOn`, `pause` and `resume`, `cutFrom`, `lose`, `delay` and `heal` its network, `signalDaemon`,
 * `skewClock`, `fillDisk`. Its `client` is the API's client through its local socket. Waiting is done with
 * test/cluster/following.ts on such a client. m1 has the store. `reset` takes all faults and units back between tests.
 *
 * Invariants: nothing outside the cluster's own directory is written; whatever is made bears the cluster's ID in its name;
 * `stop` leaves none of it, and the next `start` removes what a run that was killed has left.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UnitRow } from "#api/bodies.ts";
import { type DevLayout, type DevMachine, layoutSchema, planLayout } from "#dev/layout.ts";
import { freeSubnet, makeNetwork, removeNetwork } from "#dev/network.ts";
import type { ServiceSupervisor } from "#install/service.ts";
import { type Rows, untilActive, untilUnits } from "../cluster/following.ts";
import { SLEEPER } from "../cluster/units.ts";
import { type EtcdProcess, startEtcd } from "../contract/store-etcd.ts";
import { cacheDirectory, whileLocked } from "./cache.ts";
import { builtExecutable, install, type Settings } from "./installation.ts";
import { Machine, makeSkewable, nameOf } from "./machine.ts";
import { removeCgroups } from "./nspawn.ts";
import { machineRoot } from "./root.ts";

/** For `beforeAll`: the first time of all, a Debian root is made. */
export const BOOT_TIMEOUT_MS = 300_000;
const JOIN_MS = 30_000;
const STORE_PORT = 7401;
/** A daemon that is not up yet has no event to wait for. */
const LOOK_MS = 25;

const DIRECTORY = "flotilla-machines-";

/** Whether machines can be booted here: root, systemd-nspawn, and cgroups of version 2. */
export const canBootMachines =
  process.getuid?.() === 0 &&
  existsSync("/usr/bin/systemd-nspawn") &&
  readFileSync("/proc/self/mounts", "utf8").includes(" cgroup2 ");

export interface MachinesOptions {
  readonly count: number;
  /** What runs the units: systemd unless it is said. */
  readonly supervisor?: ServiceSupervisor;
  /** Settings of every daemon, by their names on the command line: `{ "lease-ttl": "3" }`. */
  readonly settings?: Settings;
  /** Further settings of single machines, by machine. */
  readonly settingsOf?: Readonly<Record<string, Settings>>;
  /** Sizes of file systems of their own for the daemons' directories, by machine; for `fillDisk`. */
  readonly stateBytes?: Readonly<Record<string, number>>;
  /**
   * `etcd`: the store is an etcd beside them, `machines.etcd`, so that every machine is like every other; nobody checks
   * certificates then. Else the store is on m1, and the others have joined it by certificate.
   */
  readonly store?: "m1" | "etcd";
  /** What every machine sees of this host, as options of systemd-nspawn. */
  readonly binds?: readonly string[];
  /** Debian alone, without Flotilla and without a cluster. */
  readonly bare?: boolean;
  /** Lets `skewClock` set the daemons' clocks. */
  readonly skewable?: boolean;
}

export class Machines {
  readonly #layout: DevLayout;
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #etcd: EtcdProcess | undefined;

  private constructor(layout: DevLayout, machines: readonly Machine[], etcd: EtcdProcess | undefined) {
    this.#layout = layout;
    this.#etcd = etcd;
    this.#machines = new Map(machines.map((machine) => [machine.name, machine]));
  }

  /** Boots the machines and resolves when all are in one cluster. */
  static async start(options: MachinesOptions): Promise<Machines> {
    await whileLocked(join(cacheDirectory(), "machines.lock"), removeAbandoned);
    const layout = await makePlace(options.count + (options.store === "etcd" ? 1 : 0));
    const machines = await Machines.#prepare(layout, options).catch(async (error: unknown) => {
      await removePlace(layout);
      throw error;
    });
    try {
      await Promise.all(machines.all.map((machine) => machine.switchOn()));
      if (options.bare === true) return machines;
      if (options.store !== "etcd") await machines.makeCluster();
      await machines.joined();
      if (machines.#etcd !== undefined) await machines.#moveStoreTo(machines.#etcdUrl);
      return machines;
    } catch (error) {
      const words = await machines.lastWords();
      await machines.stop();
      throw new Error(`the machines did not come up: ${words}`, { cause: error });
    }
  }

  static async #prepare(layout: DevLayout, options: MachinesOptions): Promise<Machines> {
    const root = await machineRoot();
    const [storePlace] = layout.machines.slice(options.count);
    const machines = await makeMachines(layout, root, options);
    const etcd = storePlace === undefined ? undefined : await startEtcdIn(storePlace);
    return new Machines(layout, machines, etcd);
  }

  /** As an administrator does: the first founds the cluster, the others join it with a token. For `bare` machines. */
  async makeCluster(): Promise<void> {
    const [first, ...others] = this.all;
    if (first === undefined) return;
    await first.must("flotilla", "init", `--address=${first.address}`);
    if (others.length === 0) return;
    const token = await first.must("flotilla", "token", "create", `--uses=${others.length}`);
    await Promise.all(others.map((machine) => machine.join(first.address, token)));
  }

  async #moveStoreTo(url: string): Promise<void> {
    await this.get("m1").must("flotilla", "store", "use", "etcd", `--endpoints=${url}`);
    await until("all machines at the etcd", async () => {
      const all = await Promise.all(this.all.map(({ client }) => client.cluster()));
      return all.every(({ connected }) => connected);
    });
    await this.joined();
  }

  get #etcdUrl(): string {
    return urlOf(this.#layout.machines.at(-1));
  }

  /** The store, where it is an etcd beside the machines. */
  get etcd(): EtcdProcess {
    if (this.#etcd === undefined)
      throw new Error('the store is on m1; start the machines with store: "etcd"');
    return this.#etcd;
  }

  get all(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  get names(): readonly string[] {
    return [...this.#machines.keys()];
  }

  /** The machine of this name: `m1` and so on. */
  get(name: string | null | undefined): Machine {
    const found = this.#machines.get(name ?? "");
    if (found === undefined) throw new Error(`there is no machine ${name}`);
    return found;
  }

  /** All machines but these. */
  others(...names: readonly string[]): readonly Machine[] {
    return this.all.filter(({ name }) => !names.includes(name));
  }

  /** Resolves when `through` shows all of the machines named, and no other. */
  async joined(names: readonly string[] = this.names, through = "m1"): Promise<void> {
    await until(`${names.join(", ")} in the cluster`, async () => {
      const { machines } = await this.get(through).client.machines();
      return (
        machines
          .map(({ name }) => name)
          .sort()
          .join() === [...names].sort().join()
      );
    });
  }

  /** Starts a sleeper (or `text`) under each name through m1; resolves with their rows when all are active. */
  async launch(names: readonly string[], text = SLEEPER): Promise<readonly UnitRow[]> {
    const { client } = this.get("m1");
    const units = names.map((unit) => ({ unit, text }));
    const results = await client.submit({ units, desired: "launched" });
    const refused = results.filter(({ error }) => error !== null);
    if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused)}`);
    return [...(await untilActive(client, names)).values()].flat();
  }

  /** Takes all faults back, switches on what is off, and destroys every unit; resolves when all is as after `start`. */
  async reset(): Promise<void> {
    for (const machine of this.all) {
      await machine.heal();
      if (machine.isOn) machine.resume();
      else await machine.switchOn();
      if (machine.isSkewed) await machine.skewClock(0);
    }
    await this.joined();
    const { client } = this.get("m1");
    const { unitFiles } = await client.unitFiles();
    const units = unitFiles.map(({ unit }) => unit);
    if (units.length === 0) return;
    await client.change("destroy", units);
    await untilUnits(client, units, (rows: Rows) => [...rows.values()].every((all) => all.length === 0));
  }

  async lastWords(): Promise<string> {
    return (await Promise.all(this.all.map((machine) => machine.lastWords()))).join("\n\n");
  }

  /** Ends and removes everything; with FLOTILLA_TEST_KEEP=1 says instead how to get into each machine. */
  async stop(): Promise<void> {
    if (isKeeping()) {
      const running = this.all.filter(({ isOn }) => isOn);
      process.stderr.write(
        running
          .map(
            ({ name, shell }) => `${name}: ${shell}
`,
          )
          .join(""),
      );
      return;
    }
    await Promise.all(this.all.map((machine) => machine.cutPower()));
    await this.#etcd?.stop();
    await removePlace(this.#layout);
  }
}

function isKeeping(): boolean {
  return process.env.FLOTILLA_TEST_KEEP === "1";
}

async function makePlace(count: number): Promise<DevLayout> {
  const id = randomBytes(3).toString("hex");
  const directory = mkdtempSync(join(tmpdir(), DIRECTORY));
  const net = { kind: "own", subnet: freeSubnet(id) } as const;
  const layout = planLayout({ id, directory, machines: count, environment: {}, cgroups: true, net });
  writeFileSync(join(directory, "layout.json"), JSON.stringify(layout));
  writeFileSync(join(directory, "owner"), `${process.pid} ${startOf(process.pid)}`);
  await makeNetwork(layout);
  return layout;
}

async function makeMachines(
  layout: DevLayout,
  root: string,
  options: MachinesOptions,
): Promise<readonly Machine[]> {
  const places = layout.machines.slice(0, options.count);
  const bridge = layout.network?.bridge ?? "";
  const executable = options.bare === true ? [] : [`--bind-ro=${await builtExecutable()}:/usr/bin/flotilla`];
  const binds = [...executable, ...(options.binds ?? [])];
  return places.map((place) => {
    const stateBytes = options.stateBytes?.[place.name];
    const machine = new Machine({ place, bridge, root, binds, stateBytes, outlives: isKeeping() });
    if (options.bare === true) return machine;
    if (options.skewable === true) makeSkewable(machine.disk);
    const insecure = options.store === "etcd";
    const store = place === places[0] ? {} : { store: urlOf(places[0]) };
    install(machine.disk, {
      supervisor: options.supervisor ?? "systemd",
      insecure,
      settings: {
        ...(insecure ? { address: place.address, ...store } : {}),
        ...options.settings,
        ...options.settingsOf?.[place.name],
      },
    });
    return machine;
  });
}

function urlOf(place: DevMachine | undefined): string {
  return `http://${place?.address}:${STORE_PORT}`;
}

/** In the network of a place without a machine. */
function startEtcdIn(place: DevMachine): Promise<EtcdProcess> {
  const url = urlOf(place);
  return startEtcd({
    within: ["nsenter", `--net=/run/netns/${place.wire?.namespace}`],
    args: ["--listen-client-urls", url, "--advertise-client-urls", url],
  });
}

/** Ends whatever runs of a layout and removes it, whether or not whoever made it is there. */
async function removePlace(layout: DevLayout): Promise<void> {
  for (const place of layout.machines) removeCgroups(nameOf(place));
  await removeNetwork(layout.id);
  rmSync(layout.directory, { recursive: true, force: true });
}

/** What runs that were killed, or asked to keep their machines, have left. */
async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(DIRECTORY))) {
    const directory = join(tmpdir(), name);
    const [pid = "", started = ""] = readQuietly(join(directory, "owner")).split(" ");
    const written = readQuietly(join(directory, "layout.json"));
    // One that is only being made has no owner yet.
    if (pid === "" || written === "" || startOf(Number(pid)) === started) continue;
    await removePlace(layoutSchema.parse(JSON.parse(written)));
  }
}

/** When a process was started, in ticks since boot: with its ID it names one process for good. */
function startOf(pid: number): string {
  return readQuietly(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ")[19] ?? "";
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Asks again until it holds. @throws Error that says `what` was missing */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  patienceMs = JOIN_MS,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  let last: unknown;
  const looks = async (): Promise<boolean> =>
    holds().catch((error: unknown) => {
      last = error;
      return false;
    });
  while (!(await looks())) {
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${patienceMs} ms: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
