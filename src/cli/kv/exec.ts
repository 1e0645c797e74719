/**
 * `flotilla kv exec`: a program with keys as its environment, started anew when they change.
 *
 * As envconsul has it: the program gets a signal when a key has changed, and is started with the new values once it
 * has ended; when it ends by itself, so does this command, with its exit code. A daemon that is away changes nothing:
 * the program runs on with what it has.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import { systemClock } from "#host/system.ts";
import type { CommandContext } from "../command.ts";
import { writeLines } from "../terminal/output.ts";
import { sameVariables, toVariables } from "./environment.ts";
import { followKv } from "./follow.ts";
import { readAllKeys } from "./pages.ts";

const KILL_TIMEOUT_MS = 30_000;
/** Keys are often written one after the other; the program is restarted for all of them once. */
const QUIET_MS = 200;

const PASSED_SIGNALS = ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

interface Wish {
  readonly client: FlotillaClient;
  readonly prefix: string;
  readonly upcase: boolean;
  readonly command: readonly string[];
  /** The environment that the keys are added to. */
  readonly base: Readonly<Record<string, string | undefined>>;
  readonly killSignal: NodeJS.Signals;
  readonly killTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

interface Config {
  readonly variables: Readonly<Record<string, string>>;
  readonly revision: string;
}

export async function exec(context: CommandContext): Promise<number> {
  const { args, options, io } = context;
  const over = new AbortController();
  const wish: Wish = {
    client: await context.client(),
    prefix: options.text("prefix") ?? "",
    upcase: options.flag("upcase"),
    command: args,
    base: options.flag("pristine") ? {} : io.env,
    killSignal: readSignal(options.text("kill-signal") ?? "TERM"),
    killTimeoutMs: options.duration("kill-timeout") ?? KILL_TIMEOUT_MS,
    signal: AbortSignal.any([io.signal, over.signal]),
    tell: (line) => writeLines(io.stderr, [`flotilla kv exec: ${line}`]),
  };
  const config = await readConfig(wish);
  const program = new Program(wish);
  program.start(config);
  if (!options.flag("once")) void followChanges(wish, config, program);
  return program.ended.finally(() => over.abort());
}

/** Restarts the program whenever its environment is another one. */
async function followChanges(wish: Wish, config: Config, program: Program): Promise<void> {
  const { client, prefix, signal, tell } = wish;
  const onAway = (reason: string): void => tell(`${reason}; the program runs on`);
  let now = config;
  while (!signal.aborted) {
    try {
      for await (const _change of followKv(client, { prefix, after: now.revision }, { signal, onAway })) {
        await sleep(systemClock, QUIET_MS, signal);
        const next = await readConfig(wish);
        const changed = !sameVariables(now.variables, next.variables);
        now = next;
        if (changed) await program.restart(next);
      }
    } catch (error) {
      if (signal.aborted) return;
      tell(`${error instanceof Error ? error.message : String(error)}; the program runs on`);
      await sleep(systemClock, 1_000, signal).catch(() => undefined);
      now = await readConfig(wish).catch(() => now);
    }
  }
}

async function readConfig({ client, prefix, upcase, signal }: Wish): Promise<Config> {
  const { entries, revision } = await readAllKeys(client, { prefix }, signal);
  return { variables: toVariables(entries, { prefix, upcase }), revision };
}

/** The program's process, which may be several, one after the other. */
class Program {
  /** The exit code of the process that ended by itself. */
  readonly ended: Promise<number>;
  readonly #end: (code: number) => void;
  readonly #fail: (error: unknown) => void;
  readonly #wish: Wish;
  #child: ChildProcess | undefined;
  #replacing = false;

  constructor(wish: Wish) {
    this.#wish = wish;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.ended = promise;
    this.#end = resolve;
    this.#fail = reject;
    void this.#passSignalsOn();
  }

  async #passSignalsOn(): Promise<void> {
    const pass = (signal: NodeJS.Signals): unknown => this.#child?.kill(signal);
    // A terminal sends Ctrl-C to the program as well; it decides what that means.
    const leaveAlone = (): void => undefined;
    for (const signal of PASSED_SIGNALS) process.on(signal, pass);
    process.on("SIGINT", leaveAlone);
    await this.ended.catch(() => undefined);
    for (const signal of PASSED_SIGNALS) process.off(signal, pass);
    process.off("SIGINT", leaveAlone);
  }

  start({ variables }: Config): void {
    const [program = "", ...args] = this.#wish.command;
    const child = spawn(program, args, { stdio: "inherit", env: { ...this.#wish.base, ...variables } });
    this.#child = child;
    child.once("error", (error) => this.#fail(cannotStart(program, error)));
    child.once("exit", (code, signal) => {
      if (!this.#replacing) this.#end(code ?? 128 + constants.signals[signal ?? "SIGKILL"]);
    });
  }

  async restart(config: Config): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const { killSignal, killTimeoutMs, tell } = this.#wish;
    tell("keys have changed; the program is started anew");
    this.#replacing = true;
    const gone = once(child, "exit");
    child.kill(killSignal);
    const timer = Number.isFinite(killTimeoutMs)
      ? systemClock.setTimer(killTimeoutMs, () => child.kill("SIGKILL"))
      : undefined;
    await gone;
    timer?.cancel();
    this.#replacing = false;
    this.start(config);
  }
}

function cannotStart(program: string, error: Error): FlotillaError {
  const missing = "code" in error && error.code === "ENOENT";
  return new FlotillaError(missing ? "not-found" : "not-permitted", `${program} cannot be run`, {
    causes: [missing ? "there is no such program" : error.message],
    cause: error,
  });
}

/** @throws FlotillaError `usage` */
function readSignal(text: string): NodeJS.Signals {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, "")}`;
  const known = Object.keys(constants.signals).find((one): one is NodeJS.Signals => one === name);
  if (known !== undefined) return known;
  throw new FlotillaError("usage", `--kill-signal takes a signal such as TERM or HUP, not ${text}`);
}
