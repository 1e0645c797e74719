/**
 * A machine with a real systemd of its own, in systemd-nspawn: booted in half a second, since its /usr is the host's.
 *
 * It owns a temporary directory, a process tree and a cgroup in each hierarchy. All are gone after disposal; the
 * processes also when this process is killed.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { removeTree } from "#supervisor/embedded/cgroup/cgroups.ts";
import { readHierarchies } from "#supervisor/embedded/cgroup/hierarchy.ts";
import { Bus } from "./bus.ts";
import { makeRoot, type RootOptions } from "./machine-root.ts";

const BOOT_MS = 30_000;
/** How often a booting machine is looked at: nothing tells when its first process and its socket are there. */
const LOOK_MS = 10;

const SOCKET = "run/systemd/private";
const RELAY = join(import.meta.dirname, "relay.pl");

/** Puts itself into the cgroups before `--`, then becomes the command behind it. */
const ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"';

/** Why no machine can be booted here; undefined: one can. */
export function whyNoContainer(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can boot a machine";
  if (!existsSync("/usr/bin/systemd-nspawn"))
    return "systemd-nspawn is not installed (Debian: systemd-container)";
  const hasUnified = readHierarchies().some(({ version }) => version === 2);
  return hasUnified ? undefined : "cgroup version 2 is not mounted";
}

export class Container implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "flotilla-oracle-"));
  readonly #cgroups = makeCgroups(basename(this.#directory));
  readonly #nspawn: ChildProcess;
  #console = "";
  #leader = 0;

  /** Boots one to its default target; without a bus, unless that is asked for. */
  static async boot(
    options: RootOptions = {},
  ): Promise<{ readonly container: Container; readonly bus: Bus }> {
    const container = new Container(options);
    try {
      return { container, bus: await container.#comeUp() };
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: RootOptions) {
    makeRoot(join(this.#directory, "root"), options);
    mkdirSync(this.shared);
    const seen = (options.seen ?? []).map((path) => `--bind-ro=${path}`);
    const command = ["setpriv", "--pdeathsig=TERM", "systemd-nspawn", ...this.#nspawnOptions(), ...seen];
    this.#nspawn = spawn("/bin/sh", ["-c", ENTER, "sh", ...this.#cgroups, "--", ...command], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
    });
    for (const stream of [this.#nspawn.stdout, this.#nspawn.stderr]) {
      stream?.on("data", (bytes) => {
        this.#console = `${this.#console}${String(bytes)}`.slice(-10_000);
      });
    }
  }

  #nspawnOptions(): readonly string[] {
    const name = basename(this.#directory);
    return [
      ...["--quiet", "--boot", `--directory=${join(this.#directory, "root")}`, `--machine=${name}`],
      ...["--register=no", "--keep-unit", "--private-network", "--console=pipe", "--kill-signal=SIGKILL"],
      ...["--resolv-conf=off", "--timezone=off", "--link-journal=no"],
      ...["--bind-ro=/usr", `--bind=${this.shared}:/scenarios`],
    ];
  }

  /** The directory that units see as /scenarios. */
  get shared(): string {
    return join(this.#directory, "shared");
  }

  /** What is to be put before a command so that it runs inside. */
  get enter(): readonly string[] {
    return ["nsenter", "--target", String(this.#leader), "--mount", "--uts", "--ipc", "--net", "--pid"];
  }

  /** A connection to a socket inside, by a process inside: systemd only answers who is in its own PID namespace. */
  relay(socket: string): ChildProcessByStdio<Writable, Readable, null> {
    const command = ["--target", String(this.#leader), "--pid", "perl", RELAY, join(this.root, socket)];
    return spawn("nsenter", command, { stdio: ["pipe", "pipe", "inherit"] });
  }

  /** The machine's root directory as this host sees it. */
  get root(): string {
    return `/proc/${this.#leader}/root`;
  }

  async #comeUp(): Promise<Bus> {
    const { pid } = this.#nspawn;
    await this.#until("systemd's socket", () => {
      // Its first child only prepares the machine; the machine's first process comes after it.
      this.#leader = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
      return this.#leader > 0 && existsSync(join(this.root, SOCKET));
    });
    const bus = await Bus.connect(this.relay(SOCKET));
    await this.#until("its default target", () => isUp(bus));
    return bus;
  }

  async #until(what: string, isThere: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + BOOT_MS;
    while (!(await isThere())) {
      if (performance.now() > deadline || this.#nspawn.exitCode !== null)
        throw new Error(`the machine did not boot: ${what} is missing\n${this.#console}`);
      await sleep(LOOK_MS);
    }
  }

  /** systemd-nspawn kills the machine's first process, which ends it all as a cut of its power does. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.#nspawn;
    if (exitCode === null && signalCode === null) {
      const isGone = once(this.#nspawn, "exit");
      this.#nspawn.kill("SIGTERM");
      await isGone;
    }
    for (const cgroup of this.#cgroups) removeTree(cgroup);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** In version 2 and in systemd's own hierarchy of version 1, where that is mounted. */
function makeCgroups(name: string): readonly string[] {
  const hierarchies = readHierarchies().filter(
    ({ version, controllers }) => version === 2 || controllers.includes("name=systemd"),
  );
  const cgroups = hierarchies.map(({ mount }) => join(mount, name));
  for (const cgroup of cgroups) mkdirSync(cgroup);
  return cgroups;
}

async function isUp(bus: Bus): Promise<boolean> {
  const [state] = await bus.call({
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.DBus.Properties",
    member: "Get",
    signature: "ss",
    body: ["org.freedesktop.systemd1.Manager", "SystemState"],
  });
  return state === "running" || state === "degraded";
}
