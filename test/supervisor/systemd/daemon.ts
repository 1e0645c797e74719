/** A whole daemon on a machine with a real systemd, which it finds by itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { FlotillaClient } from "#client/client.ts";
import type { SystemdMachine } from "./machine.ts";

export const CHECKOUT = join(import.meta.dirname, "../../..");
/** What the machine must see: the checkout, and its packages where these are elsewhere. */
export const PROGRAM_PATHS = [...new Set([CHECKOUT, realpathSync(join(CHECKOUT, "node_modules"))])];

const DIRECTORY = "/var/lib/flotilla";

export class MachineDaemon implements AsyncDisposable {
  readonly client: FlotillaClient;
  readonly endpoint = `unix:${DIRECTORY}/run/flotilla.sock`;
  readonly #process: ChildProcess;

  /** Resolves when it is up. `program` is what runs Flotilla inside. */
  static async start(
    machine: SystemdMachine,
    program: readonly string[] = [process.execPath, join(CHECKOUT, "src/cli/main.ts")],
  ): Promise<MachineDaemon> {
    const daemon = new MachineDaemon(machine, program);
    await daemon.#isReady();
    return daemon;
  }

  private constructor(machine: SystemdMachine, program: readonly string[]) {
    const { root, enter } = machine.container;
    const [nsenter = "", ...rest] = enter;
    const command = [...program, "daemon", "--dir", DIRECTORY, "--insecure"];
    // These name files that are not on the machine.
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    this.#process = spawn(nsenter, [...rest, ...command], { env, stdio: ["ignore", "ignore", "pipe"] });
    this.client = new FlotillaClient({ endpoint: `unix:${root}${DIRECTORY}/run/flotilla.sock` });
  }

  async #isReady(): Promise<void> {
    let said = "";
    for await (const bytes of this.#process.stderr ?? []) {
      said += String(bytes);
      if (said.includes('"msg":"ready"')) break;
    }
    if (!said.includes('"msg":"ready"')) throw new Error(`the daemon did not come up: ${said}`);
  }

  /** As this host has it: nsenter has put a process of its own before it. */
  get pid(): number {
    const { pid } = this.#process;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  }

  async kill(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const isGone = once(this.#process, "exit");
    process.kill(this.pid, signal);
    await isGone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill("SIGTERM");
  }
}
