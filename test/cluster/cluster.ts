/**
 * A cluster of real daemons for tests and benchmarks: the development cluster's own host in this process, in a
 * directory of its own, with clients to each machine. Nothing of it is left after `stop`.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sleep } from "#base/clock.ts";
import { FlotillaClient } from "#client/client.ts";
import { DevHost } from "#dev/host.ts";
import { type DevMachine, machineNamed, socketOf, storeUrl } from "#dev/layout.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { keys } from "#model/keys.ts";
import { machineRecordSchema } from "#model/records.ts";
import { connectStore } from "#store/etcd/client.ts";
import { prefixRange, toText } from "#store/keys.ts";
import type { Store } from "#store/store.ts";

export const LAUNCHER = join(dirname(dirname(import.meta.dirname)), "bin", "flotilla");

export interface ClusterOptions {
  readonly machines: number;
  readonly leaseTtlS: number;
  /** `auto`: the machines have networks of their own where that is permitted. */
  readonly network: "auto" | "shared";
  /** For every daemon. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with the cluster's directory before any daemon is started. */
  readonly prepare?: (directory: string) => Promise<void>;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const JOIN_TIMEOUT_MS = 30_000;
/** A daemon that is not up yet has no event to wait for. */
const ASK_AGAIN_MS = 25;

export class Cluster {
  readonly host: DevHost;
  readonly directory: string;

  private constructor(host: DevHost) {
    this.host = host;
    this.directory = host.layout.directory;
  }

  /** Resolves when every machine has joined. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    // Beneath the usual place of temporary files, and short, because sockets lie beneath it.
    const directory = await mkdtemp(join(tmpdir(), "flotilla-"));
    await options.prepare?.(directory);
    const host = await DevHost.start({
      directory,
      machines: options.machines,
      network: options.network,
      environment: { FLOTILLA_LEASE_TTL: String(options.leaseTtlS), ...options.environment },
      launcher: LAUNCHER,
      clock: systemClock,
      random: systemRandom,
      onNote: () => undefined,
    });
    const cluster = new Cluster(host);
    try {
      await cluster.joined(host.layout.machines.map(({ name }) => name));
      return cluster;
    } catch (error) {
      const log = await cluster.log("m1");
      await cluster.stop();
      throw new Error(`the machines did not join; m1 said: ${log.slice(-2_000)}`, { cause: error });
    }
  }

  machine(name: string): DevMachine {
    return machineNamed(this.host.layout, name);
  }

  client(name: string): FlotillaClient {
    return new FlotillaClient({ endpoint: this.endpoint(name) });
  }

  endpoint(name: string): string {
    return `unix:${socketOf(this.machine(name))}`;
  }

  /** Process ID of the machine's daemon. */
  pid(name: string): number {
    const pid = this.host.status.machines.find((machine) => machine.name === name)?.pid;
    if (pid === undefined) throw new Error(`machine ${name} has no daemon now`);
    return pid;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    process.kill(this.pid(name), signal);
  }

  async log(name: string): Promise<string> {
    return readFile(join(this.machine(name).directory, "daemon.log"), "utf8").catch(() => "");
  }

  /** Runs the command as a user does. */
  async flotilla(args: readonly string[], machine = "m1"): Promise<CommandResult> {
    const env = { ...process.env, FLOTILLA_ENDPOINT: this.endpoint(machine), NO_COLOR: "1" };
    const child = execFile(LAUNCHER, [...args], { env, maxBuffer: 64 << 20 }, () => undefined);
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (part) => (stdout += String(part)));
    child.stderr?.on("data", (part) => (stderr += String(part)));
    await once(child, "close");
    return { exitCode: child.exitCode ?? -1, stdout, stderr };
  }

  /** Resolves when the daemon of `through` shows all of the machines named. */
  async joined(names: readonly string[], through = "m1"): Promise<void> {
    await this.#until(async () => {
      const { machines } = await this.client(through).machines();
      return names.every((name) => machines.some((machine) => machine.name === name));
    });
  }

  /** Calls `use` with a client of the cluster's store, as any other etcd client would reach it. */
  async withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
    const { host } = new URL(storeUrl(this.host.layout));
    const store = connectStore({ endpoints: [host], clock: systemClock, random: systemRandom });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }

  /** ID of the machine's present instance, as it is registered in the store; undefined while it is not. */
  async instanceOf(name: string): Promise<string | undefined> {
    const { kvs } = await this.withStore((store) => store.range(prefixRange(keys.machine(""))));
    const records = kvs.map((kv) => machineRecordSchema.parse(JSON.parse(toText(kv.value))));
    return records.find((record) => record.name === name)?.instance;
  }

  /** Resolves when the machine is registered under another instance ID than `instance`. */
  async rejoined(name: string, instance: string | undefined): Promise<void> {
    await this.#until(async () => {
      const now = await this.instanceOf(name);
      return now !== undefined && now !== instance;
    });
  }

  /** Resolves when the machine's daemon answers, whether or not it has joined. */
  async answers(name: string): Promise<void> {
    await this.#until(async () => (await this.client(name).version()) !== undefined);
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    const deadlineMs = systemClock.monotonic() + JOIN_TIMEOUT_MS;
    while (!(await holds().catch(() => false))) {
      if (systemClock.monotonic() > deadlineMs) throw new Error(`not within ${JOIN_TIMEOUT_MS} ms`);
      await sleep(systemClock, ASK_AGAIN_MS);
    }
  }

  async stop(): Promise<void> {
    for (const { pid } of this.host.status.machines) if (pid !== undefined) process.kill(pid, "SIGCONT");
    await this.host.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Makes the directory of one of the machines before its daemon does. */
export async function machineDirectory(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  await mkdir(path, { recursive: true });
  return path;
}
