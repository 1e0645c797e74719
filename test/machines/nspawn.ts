/**
 * One boot of a machine in systemd-nspawn: its processes, and its cgroups on this host. It knows nothing of what the
 * machine is for. All of it is gone after `end`; the processes also when this process is killed.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeTree } from "#supervisor/embedded/cgroup/cgroups.ts";
import { readHierarchies } from "#supervisor/embedded/cgroup/hierarchy.ts";

const BOOT_MS = 30_000;
/** How often a booting machine is looked at: nothing tells when its first process and its socket are there. */
const LOOK_MS = 10;
const CONSOLE_KEPT = 10_000;
const MAX_OUTPUT = 64 << 20;

/** Puts itself into the cgroups before `--`, then becomes the command behind it. */
const ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"';

const NSPAWN_OPTIONS = [
  "--quiet",
  "--boot",
  "--register=no",
  "--keep-unit",
  "--console=pipe",
  "--kill-signal=SIGKILL",
  "--resolv-conf=off",
  "--timezone=off",
  "--link-journal=no",
];

/** What commands in a machine find in their environment: a login's, nothing of this host's. */
const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
};

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NspawnOptions {
  /** Names the machine and its cgroups; begins with `flotilla-`. */
  readonly name: string;
  readonly root: string;
  /** Further options of systemd-nspawn. */
  readonly options: readonly string[];
  /** Let it run on when this process ends. */
  readonly outlives?: boolean;
}

export class Nspawn {
  readonly #name: string;
  readonly #process: ChildProcess;
  #console = "";
  #leader = 0;

  /** Resolves when its first process is systemd; `waitUntilUp` waits for what that starts. */
  static async boot(options: NspawnOptions): Promise<Nspawn> {
    const machine = new Nspawn(options);
    try {
      await machine.#findLeader();
      return machine;
    } catch (error) {
      await machine.end();
      throw error;
    }
  }

  private constructor({ name, root, options, outlives = false }: NspawnOptions) {
    this.#name = name;
    const cgroups = cgroupsOf(name);
    for (const cgroup of cgroups) mkdirSync(cgroup, { recursive: true });
    const nspawn = [
      ...(outlives ? [] : ["setpriv", "--pdeathsig=TERM"]),
      "systemd-nspawn",
      ...NSPAWN_OPTIONS,
      `--directory=${root}`,
      `--machine=${name}`,
      ...options,
    ];
    this.#process = spawn("/bin/sh", ["-c", ENTER, "sh", ...cgroups, "--", ...nspawn], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: outlives,
      // Machines that share a root do not lock it: none of them writes to it.
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1", SYSTEMD_NSPAWN_LOCK: "0" },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (bytes) => {
        this.#console = `${this.#console}${String(bytes)}`.slice(-CONSOLE_KEPT);
      });
    }
  }

  /** Process ID, on this host, of the machine's first process. */
  get leader(): number {
    return this.#leader;
  }

  /** The machine's root directory as this host sees it. */
  get root(): string {
    return `/proc/${this.#leader}/root`;
  }

  /** The last that the machine and systemd-nspawn had to say. */
  get console(): string {
    return this.#console;
  }

  async #findLeader(): Promise<void> {
    const { pid } = this.#process;
    await this.until("systemd's socket", () => {
      // Its first child only prepares the machine; the machine's first process comes after it.
      this.#leader = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
      return this.#leader > 0 && existsSync(join(this.root, "run/systemd/private"));
    });
  }

  /** Resolves as soon as a look shows that it is so. @throws Error with the console when the machine ends before. */
  async until(what: string, isThere: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + BOOT_MS;
    while (!(await isThere())) {
      if (performance.now() > deadline || this.#process.exitCode !== null)
        throw new Error(`the machine did not boot: ${what} is missing\n${this.#console}`);
      await sleep(LOOK_MS);
    }
  }

  /** The command that runs `argv` within the machine, in all of its namespaces. */
  within(argv: readonly string[]): readonly string[] {
    return ["nsenter", `--target=${this.#leader}`, "--all", "--root", "--wd", "--", ...argv];
  }

  /** Runs a command in the machine to its end. */
  run(argv: readonly string[], input = ""): Promise<CommandResult> {
    return runToEnd(this.within(argv), ENVIRONMENT, input);
  }

  /** Stops every process of the machine where it is, or lets them go on. */
  freeze(isFrozen: boolean): void {
    writeFileSync(join(unifiedCgroup(this.#name), "cgroup.freeze"), isFrozen ? "1" : "0");
  }

  /** Kills the machine's first process, which ends all of it as a cut of its power does, also where it is frozen. */
  async end(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#process;
    const isGone = exitCode === null && signalCode === null ? once(this.#process, "exit") : undefined;
    if (this.#leader > 0) killQuietly(this.#leader);
    else if (pid !== undefined) killQuietly(pid);
    this.freeze(false);
    await isGone;
    removeCgroups(this.#name);
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Runs a command of this host to its end, whatever comes of it. */
export async function runToEnd(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
  input = "",
): Promise<CommandResult> {
  const [program = "", ...args] = argv;
  const child = execFile(program, args, { env, maxBuffer: MAX_OUTPUT }, () => undefined);
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (part) => (stdout += String(part)));
  child.stderr?.on("data", (part) => (stderr += String(part)));
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);
  await once(child, "close");
  return { exitCode: child.exitCode ?? -1, stdout, stderr };
}

/** Kills whatever is in the cgroups of this name and removes them. */
export function removeCgroups(name: string): void {
  const [kill] = [join(unifiedCgroup(name), "cgroup.kill")].filter(existsSync);
  if (kill !== undefined) writeFileSync(kill, "1");
  for (const cgroup of cgroupsOf(name)) removeTree(cgroup);
}

/** In version 2 and in systemd's own hierarchy of version 1, where that is mounted. */
function cgroupsOf(name: string): readonly string[] {
  const hierarchies = readHierarchies().filter(
    ({ version, controllers }) => version === 2 || controllers.includes("name=systemd"),
  );
  return hierarchies.map(({ mount }) => join(mount, name));
}

function unifiedCgroup(name: string): string {
  const unified = readHierarchies().find(({ version }) => version === 2);
  if (unified === undefined) throw new Error("cgroup version 2 is not mounted");
  return join(unified.mount, name);
}
