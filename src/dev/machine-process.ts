/**
 * One machine of a development cluster: its daemon's process, and what an init system does for it.
 *
 * A daemon that ends by itself is started again, as `Restart=always` would; one whose machine was switched off is
 * not. The daemon writes to a file of its own, so that it outlives a dev host that is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { backoffDelayMs } from "#base/backoff.ts";
import { type Clock, sleep, type Timer } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { FlotillaClient } from "#client/client.ts";
import { cutPower } from "#supervisor/embedded/power-cut.ts";
import { daemonLogOf, lastWords } from "./daemon-log.ts";
import { killDaemons } from "./daemons.ts";
import { type DevLayout, type DevMachine, daemonArguments, socketOf } from "./layout.ts";
import { setLink, withinNetwork } from "./network.ts";

/** A daemon that has run so long has started well; its next failure counts as the first. */
const STEADY_AFTER_MS = 10_000;

/** How long a daemon may take to close its files before the power is cut. */
const CLOSE_TIMEOUT_MS = 3_000;

/** A daemon that has neither joined nor ended by then is on its way: it may wait for the store. */
const JOIN_TIMEOUT_MS = 5_000;
const ASK_AGAIN_MS = 50;
const ASK_TIMEOUT_MS = 1_000;

export type Power = "on" | "off" | "restarting";

export interface MachineOptions {
  readonly layout: DevLayout;
  readonly machine: DevMachine;
  /** The program whose `daemon` command is run. */
  readonly launcher: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Told in a sentence of what happens to the daemon unasked. */
  readonly onNote: (note: string) => void;
}

export class MachineProcess {
  readonly #options: MachineOptions;
  #child: ChildProcess | undefined;
  #retry: Timer | undefined;
  #wanted = false;
  #failures = 0;
  /** How the daemon ended since the machine was switched on; undefined while it has not. */
  #howEnded: string | undefined;
  /** Wall-clock time of the last start of the daemon. */
  #startedMs = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  get power(): Power {
    if (!this.#wanted) return "off";
    return this.#child === undefined ? "restarting" : "on";
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Switches the machine on; one that is on stays as it is. */
  async start(): Promise<void> {
    if (this.#wanted) return;
    await setLink(this.#options.machine, "up");
    this.#wanted = true;
    this.#failures = 0;
    this.#howEnded = undefined;
    this.#spawn();
  }

  /**
   * Resolves when the daemon that was just started has joined the cluster.
   * @throws FlotillaError `machine-gone` with the daemon's own reason when it ended before.
   */
  async joins(): Promise<void> {
    const { clock, machine } = this.#options;
    const deadlineMs = clock.monotonic() + JOIN_TIMEOUT_MS;
    while (this.#wanted && clock.monotonic() < deadlineMs) {
      if (this.#howEnded !== undefined) throw await notUp(machine, this.#howEnded);
      if (await hasJoined(machine, this.#startedMs)) return;
      await sleep(clock, ASK_AGAIN_MS);
    }
  }

  /** Kills the daemon and all it runs at once. The cable is pulled first: a dead machine says no farewell. */
  async cutPower(): Promise<void> {
    await setLink(this.#options.machine, "down");
    await this.#switchOff();
  }

  /** Lets the daemon close its files, then ends all it runs. */
  async stop(): Promise<void> {
    this.#wanted = false;
    await this.#closeDaemon();
    await this.#switchOff();
  }

  async #closeDaemon(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const timeout = this.#options.clock.setTimer(CLOSE_TIMEOUT_MS, () => child.kill("SIGKILL"));
    await ended;
    timeout.cancel();
  }

  async #switchOff(): Promise<void> {
    this.#wanted = false;
    this.#retry?.cancel();
    const ended = this.#child === undefined ? undefined : once(this.#child, "exit");
    await cutMachine(this.#options.machine, this.#options.clock);
    await ended;
  }

  #spawn(): void {
    const { layout, machine, launcher, clock } = this.#options;
    const [program = launcher, ...args] = withinNetwork(machine, [
      launcher,
      ...daemonArguments(layout, machine),
    ]);
    mkdirSync(machine.directory, { recursive: true });
    const log = openSync(daemonLogOf(machine), "a");
    // A session of its own: Ctrl-C in the terminal is for the dev host, which ends the machines in order.
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", log, log],
      env: daemonEnvironment(layout, process.env),
    });
    closeSync(log);
    this.#child = child;
    this.#startedMs = clock.now();
    const startedMs = clock.monotonic();
    child.on("error", (error) => this.#ended(`could not be started: ${error.message}`, startedMs));
    child.on("exit", (code, signal) => this.#ended(`ended (${signal ?? `exit code ${code}`})`, startedMs));
  }

  #ended(how: string, startedMs: number): void {
    this.#child = undefined;
    if (!this.#wanted) return;
    this.#howEnded = how;
    const { clock, random, machine, onNote } = this.#options;
    this.#failures = clock.monotonic() - startedMs > STEADY_AFTER_MS ? 1 : this.#failures + 1;
    const delayMs = backoffDelayMs(this.#failures, random);
    const log = daemonLogOf(machine);
    if (this.#failures === 1) onNote(`The daemon of ${machine.name} ${how} and is started again.`);
    if (this.#failures === 3)
      onNote(`The daemon of ${machine.name} does not stay up; its reason is in ${log}.`);
    this.#retry = clock.setTimer(delayMs, () => this.#spawn());
  }
}

async function notUp(machine: DevMachine, how: string): Promise<FlotillaError> {
  const words = await lastWords(machine);
  const log = `its log is ${daemonLogOf(machine)}`;
  const hint = `${words?.hint === undefined ? "" : `${words.hint}; `}${log}; the daemon is started again and again until then`;
  return new FlotillaError("machine-gone", `${machine.name} does not stay up: its daemon ${how}`, {
    causes: words === undefined ? [] : [words.message, ...words.causes],
    hint,
  });
}

/** Whether the machine's daemon says that it is in the cluster; what an earlier daemon left there does not count. */
async function hasJoined(machine: DevMachine, sinceMs: number): Promise<boolean> {
  const client = new FlotillaClient({ endpoint: `unix:${socketOf(machine)}` });
  try {
    const { machines } = await client.machines(AbortSignal.timeout(ASK_TIMEOUT_MS));
    return machines.some(({ name, startedMs }) => name === machine.name && startedMs >= sinceMs);
  } catch {
    return false;
  }
}

/**
 * Kills whatever runs of a machine, also what an earlier dev host started. The daemon goes first: it would see its
 * units end and tell the cluster so.
 */
export async function cutMachine({ directory, cgroup }: DevMachine, clock: Clock): Promise<void> {
  await killDaemons(directory, clock);
  await cutPower({ directory, runDirectory: join(directory, "run"), cgroupName: cgroup ?? undefined });
}

/** The daemon gets its settings from the layout alone, and finds the Node that runs this one first. */
function daemonEnvironment(layout: DevLayout, own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = Object.entries(own).filter(([name]) => !name.startsWith("FLOTILLA_"));
  const nodeFolder = join(process.execPath, "..");
  return {
    ...Object.fromEntries(inherited),
    PATH: `${nodeFolder}:${own.PATH ?? "/usr/local/bin:/usr/bin:/bin"}`,
    ...layout.environment,
  };
}
