/**
 * Machines of a cluster with certificates, each a real daemon in a directory and at a loopback address of its own.
 * Commands are run as a user runs them. Nothing of it is left after `stop`.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { silentLogger } from "#base/log.ts";
import { randomInteger } from "#base/random.ts";
import { FlotillaClient } from "#client/client.ts";
import { readConfig } from "#daemon/config.ts";
import { type Daemon, startDaemon } from "#daemon/daemon.ts";
import type { Ending } from "#daemon/departure.ts";
import { systemRandom } from "#host/system.ts";
import { cutPower } from "#supervisor/embedded/power-cut.ts";
import type { Lifetimes } from "#trust/profiles.ts";
import { readTrust } from "#trust/trust-directory.ts";

export const LAUNCHER = join(dirname(dirname(import.meta.dirname)), "bin", "flotilla");

export interface Said {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Machines {
  readonly root: string;
  readonly #net = `127.${randomInteger(systemRandom, 64, 126)}.${randomInteger(systemRandom, 1, 254)}`;
  readonly #running = new Map<string, Daemon>();
  readonly endings = new Map<string, Ending>();

  private constructor(root: string) {
    this.root = root;
  }

  /** In a directory that is short, because sockets lie beneath it. */
  static async make(): Promise<Machines> {
    return new Machines(await mkdtemp(join(tmpdir(), "flt-")));
  }

  directory(name: string): string {
    return join(this.root, name);
  }

  /** @param name `m1` is at the first address, and so on */
  address(name: string): string {
    return `${this.#net}.${name.slice(1)}`;
  }

  endpoint(name: string): string {
    return `unix:${join(this.directory(name), "run", "flotilla.sock")}`;
  }

  client(name: string): FlotillaClient {
    return new FlotillaClient({ endpoint: this.endpoint(name) });
  }

  init(name: string, ...more: readonly string[]): Promise<Said> {
    const { where } = this.#placeOf(name);
    return this.flotilla("m1", "init", "--name", "prod", ...where, ...more);
  }

  join(name: string, token: string, through = "m1", ...more: readonly string[]): Promise<Said> {
    const { where } = this.#placeOf(name);
    return this.flotilla(through, "join", this.address(through), "--token", token, ...where, ...more);
  }

  #placeOf(name: string): { readonly where: readonly string[] } {
    const address = ["--address", this.address(name), "--machine-name", name];
    return { where: [...address, "--dir", this.directory(name)] };
  }

  /** A token for so many machines. */
  async token(uses = 1): Promise<string> {
    return (await this.client("m1").createToken({ uses })).token;
  }

  /** The machine's daemon, from its directory alone. */
  async up(name: string, lifetimes?: Lifetimes): Promise<Daemon> {
    const trust = await readTrust(this.directory(name));
    const config = readConfig({ dir: this.directory(name), cgroup: "none", "hand-over": "1s" }, {}, trust);
    const daemon = await startDaemon({
      config,
      log: silentLogger,
      version: "test",
      ...(lifetimes === undefined ? {} : { lifetimes }),
    });
    this.#running.set(name, daemon);
    void daemon.ended.then(async (ending) => {
      this.endings.set(name, ending);
      this.#running.delete(name);
      await daemon.stop("leave");
    });
    return daemon;
  }

  async down(name: string): Promise<void> {
    const daemon = this.#running.get(name);
    this.#running.delete(name);
    await daemon?.stop("leave");
  }

  /** Resolves when the machine `through` lists exactly these. */
  async listed(names: readonly string[], through = "m1"): Promise<void> {
    await until(async () => {
      const { machines } = await this.client(through).machines();
      return (
        machines
          .map(({ name }) => name)
          .sort()
          .join() === [...names].sort().join()
      );
    });
  }

  /** Runs a command as a user does, against the daemon of a machine. */
  async flotilla(machine: string, ...args: readonly string[]): Promise<Said> {
    const child = execFile(LAUNCHER, [...args], { env: this.environment(machine) }, () => undefined);
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (part) => (stdout += String(part)));
    child.stderr?.on("data", (part) => (stderr += String(part)));
    await once(child, "close");
    return { exitCode: child.exitCode, stdout, stderr };
  }

  environment(machine: string): NodeJS.ProcessEnv {
    const own = { HOME: join(this.root, "home"), FLOTILLA_ENDPOINT: this.endpoint(machine), NO_COLOR: "1" };
    return { ...process.env, ...own };
  }

  /** Ends the daemons with their units, and removes their directories. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((daemon) => daemon.stop("stop")));
    // Units of a machine that was removed, or that could not ask the store any more, run on.
    for (const name of await readdir(this.root)) {
      const directory = this.directory(name);
      await cutPower({ directory, runDirectory: join(directory, "run") });
    }
    await rm(this.root, { recursive: true, force: true });
  }
}

/** What becomes true soon; there is no event for it across processes. */
export async function until(holds: () => Promise<boolean>, patienceMs = 20_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("it did not come about", { cause: last });
}
