/**
 * `flotilla complete -- WORD…`: what the last word may become, a line each; asked by the shells' completion scripts.
 *
 * Names are live, from the daemon. Nothing is ever said on a failure: a shell in the middle of a line is no place for
 * an error.
 */
import { readdir } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { UNIT_SUFFIXES } from "#unit/name.ts";
import type { Command, CommandContext, Completes, OptionSpec } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { GLOBAL_OPTIONS } from "./program.ts";
import { writeLines } from "./terminal/output.ts";

export async function complete(context: CommandContext): Promise<number> {
  const current = context.args.at(-1) ?? "";
  const situation = situate(context.args.slice(0, -1));
  const candidates = await candidatesFor(situation, current, context).catch(() => []);
  writeLines(
    context.io.stdout,
    candidates.filter((candidate) => candidate.startsWith(current)),
  );
  return 0;
}

/** Where the cursor stands. */
interface Situation {
  /** Undefined before the first command. */
  readonly command: Command | undefined;
  /** The option whose value comes next. */
  readonly option: OptionSpec | undefined;
}

function situate(words: readonly string[]): Situation {
  let command: Command | undefined;
  let option: OptionSpec | undefined;
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (word.startsWith("-")) option = optionsOf(command).find((one) => takesValue(one, word));
    else
      command =
        (command?.commands ?? (command === undefined ? COMMANDS : [])).find(({ name }) => name === word) ??
        command;
  }
  return { command, option };
}

function optionsOf(command: Command | undefined): readonly OptionSpec[] {
  return [...GLOBAL_OPTIONS, ...(command?.options ?? [])];
}

function namesOf({ flags }: OptionSpec): string[] {
  return flags.match(/--?[a-z][a-z-]*/g) ?? [];
}

function takesValue(option: OptionSpec, word: string): boolean {
  return option.flags.includes("<") && namesOf(option).includes(word);
}

async function candidatesFor(
  { command, option }: Situation,
  current: string,
  context: CommandContext,
): Promise<string[]> {
  if (option !== undefined) return namesFor(option.completes, current, context);
  if (current.startsWith("-"))
    return optionsOf(command)
      .flatMap(namesOf)
      .filter((name) => name.startsWith("--"));
  const inner = command === undefined ? COMMANDS : command.commands;
  if (inner !== undefined) return inner.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
  return namesFor(command?.completes, current, context);
}

async function namesFor(
  kind: Completes | undefined,
  current: string,
  { client, io }: CommandContext,
): Promise<string[]> {
  if (kind === undefined) return [];
  if (kind === "files") {
    // A unit is started by its file or by its name.
    const [files, units] = await Promise.allSettled([unitFilesAt(current, io.cwd), submittedUnits(client)]);
    return [...settled(files), ...settled(units)];
  }
  const api = await client();
  if (kind === "machines") return (await api.machines()).machines.map(({ name }) => name);
  if (kind === "unit-files") return submittedUnits(client);
  return [...new Set((await api.units()).units.map(({ unit }) => unit))];
}

function settled(result: PromiseSettledResult<string[]>): string[] {
  return result.status === "fulfilled" ? result.value : [];
}

async function submittedUnits(client: CommandContext["client"]): Promise<string[]> {
  const api = await client();
  return (await api.unitFiles()).unitFiles.map(({ unit }) => unit);
}

/** Folders, with a slash, and files whose name ends as a unit's. */
async function unitFilesAt(current: string, cwd: string): Promise<string[]> {
  const folder = current.endsWith("/") ? current : dirname(current);
  const shown = folder === "." && !current.startsWith("./") ? "" : folder.replace(/\/?$/, "/");
  const entries = await readdir(isAbsolute(folder) ? folder : join(cwd, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (entry.isDirectory()) return [`${shown}${entry.name}/`];
    return UNIT_SUFFIXES.some((suffix) => entry.name.endsWith(`.${suffix}`)) ? [shown + entry.name] : [];
  });
}
