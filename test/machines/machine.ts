/**
 * One machine of the tests: a disk, an end of a cable, and a power switch. What can be done to it is what can be done to
 * a machine in a rack, and a few things besides that would need a screwdriver there.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FlotillaClient } from "#client/client.ts";
import type { DevMachine } from "#dev/layout.ts";
import { setLink } from "#dev/network.ts";
import { type Direction, type NetworkFaults, NO_FAULTS, rulesetOf } from "./faults.ts";
import { type CommandResult, Nspawn, runToEnd } from "./nspawn.ts";
import { type Delay, SlowCable } from "./slow-cable.ts";

/** Where the daemon's API listens in the machine, which is also where the command line asks. */
const SOCKET = "/run/flotilla/flotilla.sock";
export const STATE_DIRECTORY = "/var/lib/flotilla";
const BALLAST = `${STATE_DIRECTORY}/ballast`;
/** How far ahead the daemon's clock is, in libfaketime's words. */
const CLOCK = "/etc/clock-skew";
const BALLAST_MIB = 256;

export interface MachineOptions {
  readonly place: DevMachine;
  /** Where its cable is plugged in on this host. */
  readonly bridge: string;
  /** The Debian root beneath its disk. */
  readonly root: string;
  /** Further options of systemd-nspawn. */
  readonly binds: readonly string[];
  /** Size of a file system of its own for the daemon's directory, lost with the power; undefined: on the disk. */
  readonly stateBytes?: number | undefined;
  readonly outlives: boolean;
}

export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #options: MachineOptions;
  #boot: Nspawn | undefined;
  #faults: NetworkFaults = NO_FAULTS;
  #slowCable: SlowCable | undefined;
  #isSkewed = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.name = options.place.name;
    this.address = options.place.address;
    writeToDisk(this.disk, "etc/hostname", `${this.name}\n`);
  }

  /** What the machine has written, over the root: a directory of this host. For before it is switched on. */
  get disk(): string {
    return join(this.#options.place.directory, "disk");
  }

  get isOn(): boolean {
    return this.#boot !== undefined;
  }

  get isSkewed(): boolean {
    return this.#isSkewed;
  }

  /** Switches it on and plugs it in; resolves when its systemd has begun to start units. */
  async switchOn(): Promise<void> {
    const { place, root, binds, stateBytes, outlives } = this.#options;
    const small = `--tmpfs=${STATE_DIRECTORY}:size=${stateBytes},mode=700`;
    await setLink(place, "up");
    this.#boot = await Nspawn.boot({
      name: nameOf(place),
      root,
      outlives,
      options: [
        `--overlay=${root}:${this.disk}:/`,
        `--hostname=${this.name}`,
        `--network-namespace-path=/run/netns/${place.wire?.namespace}`,
        ...(stateBytes === undefined ? [] : [small]),
        ...binds,
      ],
    });
  }

  /** Cuts its power: the cable is pulled first, since a dead machine says no farewell. */
  async cutPower(): Promise<void> {
    await setLink(this.#options.place, "down");
    const boot = this.#boot;
    this.#boot = undefined;
    await boot?.end();
  }

  /** Runs a command in it, as root; also one that fails comes to its end. */
  run(...argv: readonly string[]): Promise<CommandResult> {
    return this.#on.run(argv);
  }

  /** Runs a command in it. @returns what it printed @throws Error with what it complained of when it fails */
  async must(...argv: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(...argv);
    if (exitCode !== 0)
      throw new Error(`${this.name}: ${argv.join(" ")} ended with ${exitCode}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Runs the command line in it, as its administrator does. `input` is the command's standard input. */
  flotilla(args: readonly string[], input = ""): Promise<CommandResult> {
    return this.#on.run(["flotilla", ...args], input);
  }

  /** Brings it into the cluster of the machine at `address`; resolves when it is listed there. */
  async join(address: string, token: string): Promise<void> {
    const { exitCode, stderr } = await this.flotilla(["join", address, "--token-file=-"], token);
    if (exitCode !== 0) throw new Error(`${this.name} could not join: ${stderr}`);
  }

  /** Asks the machine's daemon, through its local socket. Made anew for each boot. */
  get client(): FlotillaClient {
    return new FlotillaClient({ endpoint: `unix:${this.pathOf(SOCKET)}` });
  }

  /** A file of the running machine as this host sees it. */
  pathOf(path: string): string {
    return join(this.#on.root, path);
  }

  read(path: string): Promise<string> {
    return readFile(this.pathOf(path), "utf8");
  }

  write(path: string, text: string): Promise<void> {
    return writeFile(this.pathOf(path), text);
  }

  /** Process ID of a unit's main process, as the machine counts; 0: it has none. */
  async mainPid(unit: string): Promise<number> {
    return Number(await this.must("systemctl", "show", "--property=MainPID", "--value", unit));
  }

  /** Sends the daemon a signal; systemd starts it again when it ends of it. */
  async signalDaemon(signal: "KILL" | "TERM" | "HUP" | "STOP" | "CONT"): Promise<void> {
    await this.must("kill", `-${signal}`, String(await this.mainPid("flotilla.service")));
  }

  /** Stops every process of the machine where it is: nothing of it moves, its clocks go on. */
  pause(): void {
    this.#on.freeze(true);
  }

  resume(): void {
    this.#on.freeze(false);
  }

  /**
   * Loses all packets between it and the others in the direction, as this machine sees it; without a word to either end.
   * What was cut before stays cut; `heal` takes all of it back. Both stay when the power is cut.
   */
  cutFrom(others: readonly Machine[], direction: Direction = "both"): Promise<void> {
    const peers = others.filter((other) => other !== this).map(({ address }) => address);
    return this.#setFaults({ ...this.#faults, cuts: [...this.#faults.cuts, { direction, peers }] });
  }

  /** Loses so many of a hundred packets each way. */
  lose(percent: number): Promise<void> {
    return this.#setFaults({ ...this.#faults, lossPercent: percent });
  }

  /** Lets every packet take longer, each way; in place of the delay before. */
  async delay(delay: Delay): Promise<void> {
    const { place, bridge } = this.#options;
    await this.#slowCable?.remove();
    this.#slowCable = undefined;
    this.#slowCable = await SlowCable.lay(place.wire?.link ?? "", bridge, delay);
  }

  /** The network is as good as new. */
  async heal(): Promise<void> {
    await this.#slowCable?.remove();
    this.#slowCable = undefined;
    await this.#setFaults(NO_FAULTS);
  }

  async #setFaults(faults: NetworkFaults): Promise<void> {
    const { root, place } = this.#options;
    // The root's own nft, within the machine's network alone: also of a machine that is off or paused.
    const nft = ["nsenter", `--net=/run/netns/${place.wire?.namespace}`, "chroot", root, "nft", "-f", "-"];
    const { exitCode, stderr } = await runToEnd(nft, process.env, rulesetOf(faults));
    if (exitCode !== 0) throw new Error(`nft refused the rules of ${this.name}: ${stderr}`);
    this.#faults = faults;
  }

  /** Fills the file system that the daemon's directory is on; only for a machine that has one of its own for it. */
  async fillDisk(): Promise<void> {
    if (this.#options.stateBytes === undefined)
      throw new Error(`${this.name} has no file system of its own to fill; start it with stateBytes`);
    await this.run("dd", "if=/dev/zero", `of=${BALLAST}`, "bs=1M", `count=${BALLAST_MIB}`);
  }

  async freeDisk(): Promise<void> {
    await rm(this.pathOf(BALLAST), { force: true });
  }

  /**
   * Sets the daemon's wall clock so far ahead of this host's (behind it, when negative), within a second; only where the
   * machines are started `skewable`. No machine of a container has a wall clock of its own, so that this is done within
   * the daemon's process: systemd, the units and the times of files keep this host's clock, and so do monotonic clocks.
   */
  async skewClock(seconds: number): Promise<void> {
    this.#isSkewed = seconds !== 0;
    await this.write(CLOCK, `${seconds < 0 ? "" : "+"}${seconds}\n`);
  }

  /** What it has to say for itself: for the message of a test that failed. */
  async lastWords(): Promise<string> {
    if (this.#boot === undefined) return `${this.name} is off`;
    const journal = await this.run(
      "journalctl",
      "--no-pager",
      "-n",
      "30",
      "-o",
      "short-precise",
      "-u",
      "flotilla",
    );
    return `${this.name}:\n${this.#boot.console}${journal.stdout}${journal.stderr}`;
  }

  /** How to get into it from this host. */
  get shell(): string {
    return this.#on.within(["bash", "--login"]).join(" ");
  }

  get #on(): Nspawn {
    if (this.#boot === undefined) throw new Error(`${this.name} is off`);
    return this.#boot;
  }
}

/** Puts a library before the daemon's own that tells it the time of `skewClock`. */
export function makeSkewable(disk: string): void {
  const variables = {
    // The loader knows which folder $LIB is.
    LD_PRELOAD: "/usr/$LIB/faketime/libfaketime.so.1",
    FAKETIME_TIMESTAMP_FILE: CLOCK,
    FAKETIME_CACHE_DURATION: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    NO_FAKE_STAT: "1",
  };
  const lines = Object.entries(variables).map(([name, value]) => `Environment=${name}=${value}\n`);
  writeToDisk(disk, "etc/systemd/system/flotilla.service.d/clock.conf", `[Service]\n${lines.join("")}`);
  writeToDisk(disk, CLOCK, "+0\n");
}

/** What the machine's cgroups are called. */
export function nameOf({ cgroup, name }: DevMachine): string {
  return cgroup ?? `flotilla-${name}`;
}

/** Writes a file to a disk that nothing runs from yet. */
export function writeToDisk(disk: string, path: string, text: string): void {
  mkdirSync(dirname(join(disk, path)), { recursive: true });
  writeFileSync(join(disk, path), text);
}
