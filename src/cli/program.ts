/** The command line taken apart by commander, which is set up from the table of commands. */
import { Command as Commander, CommanderError, type OutputConfiguration } from "commander";
import { FlotillaError } from "#base/errors.ts";
import { VERSION } from "#base/version.ts";
import { type Command, type OptionSpec, Options } from "./command.ts";
import { commandsMeant } from "./meant.ts";
import type { CliIo } from "./terminal/io.ts";

export interface Invocation {
  readonly command: Command;
  readonly args: readonly string[];
  readonly options: Options;
}

/** What every command takes. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: "--endpoint <address>",
    summary: "unix:PATH, http://HOST:PORT or https://HOST:PORT (env FLOTILLA_ENDPOINT)",
  },
  {
    flags: "--context <name>",
    summary: "a cluster that flotilla context list shows (env FLOTILLA_CONTEXT)",
  },
  { flags: "--ca <file>", summary: "the authority of the cluster's machines", completes: "files" },
  { flags: "--client-cert <file>", summary: "certificate that says who you are", completes: "files" },
  { flags: "--client-key <file>", summary: "the key of that certificate", completes: "files" },
  {
    flags: "--token-file <file>",
    summary: "token that says who you are (env FLOTILLA_TOKEN)",
    completes: "files",
  },
  { flags: "-o, --output <format>", summary: "table, wide, json, ndjson, yaml or name" },
  { flags: "--timeout <time>", summary: "how long to wait for what was asked for, such as 30 or 2min" },
  { flags: "--color <when>", summary: "auto, always or never" },
];

/**
 * The command that the line names, with what stands behind it; undefined when help was asked for and shown.
 * @throws FlotillaError `usage`
 */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
  io: CliIo,
): Invocation | undefined {
  const found: { invocation?: Invocation } = {};
  const program = new Commander("flotilla")
    .description("Makes a set of machines behave as one init system.")
    .version(`flotilla ${VERSION}`, "-V, --version", "show this program's version")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: true });
  prepare(program, io);
  for (const { flags, summary } of GLOBAL_OPTIONS) program.option(flags, summary);
  program.addHelpText(
    "before",
    examples(["flotilla start examples/web@1.service", "flotilla list-units", "flotilla why web@1"]),
  );
  const select = (invocation: Invocation): void => {
    found.invocation = invocation;
  };
  // The others could only be shown in the help of all, or be meant by a word that is no command's name.
  const named = commands.filter(({ name }) => name === argv[0]);
  for (const command of named.length === 0 ? commands : named) addCommand(program, command, argv, io, select);
  try {
    program.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return endedEarly(error, argv, commands);
    throw error;
  }
  return found.invocation;
}

/** A command that the line does not name is known by its name only: to set up all of them costs each command 5 ms. */
function addCommand(
  parent: Commander,
  command: Command,
  argv: readonly string[],
  io: CliIo,
  select: (invocation: Invocation) => void,
): void {
  const added = parent
    .command(`${command.name} ${command.arguments ?? ""}`.trim(), { hidden: command.hidden === true })
    .description(command.summary);
  prepare(added, io);
  if (!argv.includes(command.name)) return;
  for (const { flags, summary } of command.options ?? []) added.option(flags, summary);
  if (command.examples !== undefined) added.addHelpText("before", examples(command.examples));
  for (const inner of command.commands ?? []) addCommand(added, inner, argv, io, select);
  if (command.load === undefined) return;
  added.action(() => {
    select({ command, args: added.args, options: new Options(added.optsWithGlobals()) });
  });
}

function examples(lines: readonly string[]): string {
  return ["Examples:", ...lines.map((line) => `  ${line}`), ""].join("\n");
}

function prepare(commander: Commander, io: CliIo): void {
  const output: OutputConfiguration = {
    writeOut: (text) => io.stdout.write(text),
    writeErr: (text) => io.stdout.write(text),
    // The error is thrown as well, and shown in the form of every other.
    outputError: () => undefined,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
  commander.exitOverride().configureOutput(output).showSuggestionAfterError(true);
}

/** Help ends the parsing too; only what is wrong is thrown on. */
function endedEarly(error: CommanderError, argv: readonly string[], commands: readonly Command[]): undefined {
  if (error.exitCode === 0 || error.code === "commander.help") return undefined;
  const [message = "", suggestion = ""] = error.message.replace(/^error: /, "").split("\n");
  const near = /Did you mean (?:one of )?(.*)\?\)/.exec(suggestion)?.[1];
  const unknown = /^unknown command '(.*)'$/.exec(message)?.[1];
  const meant = unknown === undefined ? near : whichCommand(unknown, argv, commands);
  throw new FlotillaError("usage", message, {
    hint: meant === undefined ? `${helpOf(argv, commands)} lists what there is` : `did you mean ${meant}?`,
  });
}

/** `flotilla kv list, flotilla token list or flotilla context list`; undefined where no command is like it. */
function whichCommand(
  unknown: string,
  argv: readonly string[],
  commands: readonly Command[],
): string | undefined {
  const before = argv.slice(0, argv.indexOf(unknown));
  const group = commandsNamed(before, commands).map(({ name }) => name);
  const meant = commandsMeant(unknown, group.join(" "), commands);
  const [last, ...others] = [...meant].reverse();
  return others.length === 0 ? last : `${others.reverse().join(", ")} or ${last}`;
}

/** The help of the command that the line is about, as far as it can be told. */
function helpOf(argv: readonly string[], commands: readonly Command[]): string {
  return ["flotilla", ...commandsNamed(argv, commands).map(({ name }) => name), "--help"].join(" ");
}

/** The command that the words name, behind those that it is beneath. */
function commandsNamed(words: readonly string[], commands: readonly Command[]): readonly Command[] {
  const byName = new Map(commands.map((command) => [command.name, command]));
  const found = words.map((word) => byName.get(word)).find((command) => command !== undefined);
  return found === undefined ? [] : [found, ...commandsNamed(words, found.commands ?? [])];
}
