/** Runs a script's commands with Debian's etcdctl. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { normalize, type Outcome } from "./outcome.ts";
import type { Step } from "./script.ts";

const COMMAND_MS = 30_000;
/** Etcdctl's own five seconds are few on a busy computer. */
const ANSWER_TIMEOUT = "20s";
/** After this long what a command has not said will not come. */
const BESIDE_MS = 5_000;

export interface Ran {
  readonly line: string;
  readonly outcome: Outcome;
}

/** The outcome of each step, in order. @param endpoint `host:port` */
export async function runScript(steps: readonly Step[], endpoint: string): Promise<Ran[]> {
  const run = new Run(endpoint);
  const ran: Ran[] = [];
  try {
    for (const step of steps) ran.push({ line: step.line, outcome: await run.step(step) });
  } finally {
    run.endAll();
  }
  return ran;
}

class Run {
  readonly #endpoint: string;
  readonly #leases = new Map<string, string>();
  readonly #beside = new Map<string, Beside>();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  async step(step: Step): Promise<Outcome> {
    if (step.kind === "end") return this.#normal(await this.#end(step.name, step.lines));
    const words = step.words.map((word) => this.#withLeases(word));
    if (step.kind === "begin") {
      const beside = new Beside(this.#start(words));
      this.#beside.set(step.name, beside);
      await beside.begun();
      return { status: 0, output: "", errors: "" };
    }
    const outcome = await this.#finish(this.#start(words), step.input);
    if (step.capture !== undefined) this.#leases.set(step.capture, shownLease(outcome.output));
    return this.#normal(outcome);
  }

  endAll(): void {
    for (const { child } of this.#beside.values()) child.kill("SIGKILL");
  }

  #normal(outcome: Outcome): Outcome {
    return normalize(outcome, this.#leases, this.#endpoint);
  }

  #start(words: readonly string[]): ChildProcessWithoutNullStreams {
    const env = {
      ...process.env,
      ETCDCTL_API: "3",
      ETCDCTL_ENDPOINTS: this.#endpoint,
      ETCDCTL_COMMAND_TIMEOUT: ANSWER_TIMEOUT,
    };
    return spawn("etcdctl", words, { env, timeout: COMMAND_MS });
  }

  async #finish(child: ChildProcessWithoutNullStreams, input: string): Promise<Outcome> {
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const [output, errors] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { status: child.exitCode ?? -1, output, errors };
  }

  async #end(name: string, lines: number): Promise<Outcome> {
    const beside = this.#beside.get(name);
    if (beside === undefined) throw new Error(`nothing called ${name} has begun`);
    this.#beside.delete(name);
    return beside.end(lines);
  }

  #withLeases(word: string): string {
    return word.replace(/\$(\w+)/g, (all, name: string) => this.#leases.get(name) ?? all);
  }
}

/** A command that goes on until it is ended. */
class Beside {
  readonly child: ChildProcessWithoutNullStreams;
  #output = "";
  #ended = false;
  #changed: () => void = () => undefined;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child;
    child.stdin.on("error", () => undefined);
    const collect = (piece: Buffer): void => {
      this.#output += piece.toString();
      this.#changed();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("close", () => {
      this.#ended = true;
      this.#changed();
    });
  }

  /** A command says nothing once its watch stands, so this waits for what nearly always is enough. */
  async begun(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 400));
  }

  async end(lines: number): Promise<Outcome> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), BESIDE_MS);
    while (this.#output.split("\n").length <= lines && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    clearTimeout(timer);
    this.child.kill("SIGKILL");
    return { status: 0, output: this.#output, errors: "" };
  }
}

function shownLease(output: string): string {
  return /lease ([0-9a-f]+) granted/.exec(output)?.[1] ?? "0";
}
