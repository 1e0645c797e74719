/**
 * A delay on a machine's cable. Kernels without netem have none to offer, so a program of this host stands between the
 * cable's end and the bridge (slow-cable.pl): the end is plugged into a small bridge of its own, with one end of that
 * program, whose other end is in the machines' bridge.
 *
 * What is made bears the cable's name, so that whoever removes the network finds it; the program ends with its devices.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Milliseconds that every packet takes longer, in each direction: the delay, and up to the jitter besides. */
export interface Delay {
  readonly delayMs: number;
  readonly jitterMs: number;
}

export class SlowCable {
  readonly #link: string;
  readonly #bridge: string;
  readonly #program: ChildProcess;

  /** Resolves once the delay is there. @param link the host's end of the cable @param bridge that of the machines */
  static async lay(link: string, bridge: string, { delayMs, jitterMs }: Delay): Promise<SlowCable> {
    const [near, far, plug] = [`${link}a`, `${link}b`, plugOf(link)];
    const perl = ["perl", join(import.meta.dirname, "slow-cable.pl")];
    const program = spawn(
      "setpriv",
      ["--pdeathsig=TERM", ...perl, String(delayMs), String(jitterMs), near, far],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const isGone = once(program, "exit").then(([code]) => {
      throw new Error(`slow-cable.pl ended with ${code}`);
    });
    await Promise.race([once(program.stdout, "data"), isGone]);
    isGone.catch(() => undefined);
    await run("ip", ["link", "add", plug, "type", "bridge"]);
    await run("ip", ["link", "set", plug, "up"]);
    await run("ip", ["link", "set", near, "master", plug, "up"]);
    await run("ip", ["link", "set", far, "master", bridge, "up"]);
    await run("ip", ["link", "set", link, "master", plug]);
    return new SlowCable(link, bridge, program);
  }

  private constructor(link: string, bridge: string, program: ChildProcess) {
    this.#link = link;
    this.#bridge = bridge;
    this.#program = program;
  }

  /** Plugs the cable into the machines' bridge again; what is under way is lost. */
  async remove(): Promise<void> {
    await run("ip", ["link", "set", this.#link, "master", this.#bridge]);
    await run("ip", ["link", "delete", plugOf(this.#link)]);
    const isGone = once(this.#program, "exit");
    if (this.#program.exitCode === null && this.#program.signalCode === null && this.#program.kill())
      await isGone;
  }
}

function plugOf(link: string): string {
  return `${link}s`;
}
