/** A command as data: one table of these makes the parser, the help and the shell completion. */

import { parseDuration } from "#base/duration.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import type { CliIo } from "./terminal/io.ts";
import type { OutputFormat } from "./terminal/output.ts";
import type { Paint } from "./terminal/style.ts";

/** What the shell completes a command's arguments by. */
export type Completes = "units" | "unit-files" | "machines" | "files";

export interface OptionSpec {
  /** In commander's form: `-n, --lines <count>`, `--no-legend`. */
  readonly flags: string;
  readonly summary: string;
  readonly completes?: Completes;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** In commander's form: `<unit...>`. */
  readonly arguments?: string;
  readonly options?: readonly OptionSpec[];
  /** It has formats of its own for -o, and reads them itself. */
  readonly hasOwnFormats?: boolean;
  /** Whole command lines, shown first in the help. */
  readonly examples?: readonly string[];
  readonly completes?: Completes;
  readonly commands?: readonly Command[];
  /** Not in the help: for programs, not for people. */
  readonly hidden?: boolean;
  /** Loads the command's own module, so that a command costs nothing to those that do not use it. */
  readonly load?: () => Promise<RunCommand>;
}

/** Carries the command out and resolves to the exit code. */
export type RunCommand = (context: CommandContext) => Promise<number>;

export interface CommandContext {
  /** What stands for the arguments, in order; a repeatable one is spread. */
  readonly args: readonly string[];
  readonly options: Options;
  readonly io: CliIo;
  readonly format: OutputFormat;
  /** Paints for stdout. */
  readonly paint: Paint;
  /** Paints for stderr. */
  readonly paintTalk: Paint;
  /** Made on first use: local commands need none. */
  client(): Promise<FlotillaClient>;
}

/** The options of a command line by their long names without the dashes in front, read in the type that is wanted. */
export class Options {
  readonly #values: ReadonlyMap<string, unknown>;

  /** @param values by the names that commander makes: `runDir` for `--run-dir` */
  constructor(values: Readonly<Record<string, unknown>>) {
    const dashed = (name: string): string =>
      name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    this.#values = new Map(Object.entries(values).map(([name, value]) => [dashed(name), value]));
  }

  /** `--no-legend` is the flag `legend`, true unless given. */
  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The values of an option that takes several, however often it was given. */
  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  }

  /** Whether it was given at all. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** @throws FlotillaError `usage` */
  count(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new FlotillaError("usage", `--${name} takes a whole number, not ${text}`);
  }

  /** Milliseconds, Infinity for `infinity`. @throws FlotillaError `usage` */
  duration(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const durationMs = parseDuration(text);
    if (durationMs !== undefined) return durationMs;
    throw new FlotillaError("usage", `--${name} takes a length of time, not ${text}`, {
      hint: "such as 30, 90s, 2min or infinity",
    });
  }
}
