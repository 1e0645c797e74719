/**
 * The command line, from arguments to exit code.
 *
 * It owns the way of a command: parse, load the command's module, run it, show what went wrong in the one form of an
 * error. Data goes to stdout, talk to stderr. Nothing but this loads at start, so that a command costs little more
 * than Node itself.
 */
import { type FlotillaError, toFlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import type { CommandContext, Options } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { type Invocation, parseCommandLine } from "./program.ts";
import type { CliIo } from "./terminal/io.ts";
import { isData, type OutputFormat, parseOutputFormat, writeLines } from "./terminal/output.ts";
import { formatError, formatWarning } from "./terminal/show-error.ts";
import { type ColorChoice, type Paint, painter, parseColorChoice } from "./terminal/style.ts";

/** As a shell reports a program that SIGINT ended. */
const INTERRUPTED = 130;

/** Runs one command line and resolves to its exit code; never rejects. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  let talk: Talk = { format: "table", color: "auto" };
  try {
    const invocation = parseCommandLine(argv, COMMANDS, io);
    if (invocation?.command.load === undefined) return 0;
    const { options, command } = invocation;
    const output = options.text("output");
    talk = {
      color: parseColorChoice(options.text("color")),
      format: command.hasOwnFormats === true ? nearestFormat(output) : parseOutputFormat(output),
    };
    const run = await invocation.command.load();
    return await run(makeContext(invocation, talk, io));
  } catch (error) {
    if (io.signal.aborted) return INTERRUPTED;
    return showFailure(toFlotillaError(error), talk, io);
  }
}

/** How a command with formats of its own talks of errors. */
function nearestFormat(text: string | undefined): OutputFormat {
  return text === "json" || text === "ndjson" ? text : "table";
}

/** How the command line wants to be talked to. */
interface Talk {
  readonly format: OutputFormat;
  readonly color: ColorChoice;
}

function makeContext({ args, options }: Invocation, { format, color }: Talk, io: CliIo): CommandContext {
  const paintTalk = painter(io.stderr, io.env, color);
  const made: { client?: Promise<FlotillaClient> } = {};
  return {
    args,
    options,
    io,
    format,
    paint: painter(io.stdout, io.env, color),
    paintTalk,
    client: () => {
      made.client ??= makeClient(options, io, paintTalk);
      return made.client;
    },
  };
}

async function makeClient(options: Options, io: CliIo, paintTalk: Paint): Promise<FlotillaClient> {
  const { FlotillaClient } = await import("#client/client.ts");
  const { chooseApi } = await import("./contexts/choose.ts");
  const { warnings, ...chosen } = chooseApi(options, io);
  for (const message of warnings)
    writeLines(io.stderr, formatWarning({ message, hint: "chmod 600" }, paintTalk));
  return new FlotillaClient(chosen);
}

/** With -o json, yaml or ndjson the error is JSON too: one line on stderr, so that stdout holds data only. */
function showFailure(error: FlotillaError, { format, color }: Talk, io: CliIo): number {
  if (isData(format)) writeLines(io.stderr, [JSON.stringify({ error })]);
  else writeLines(io.stderr, formatError(error.toJSON(), painter(io.stderr, io.env, color)));
  return error.kind.exit;
}
