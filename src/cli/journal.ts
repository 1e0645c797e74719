/** `flotilla journal`: what units wrote, on all machines that have kept it, in one order. */
import type { JournalLine, JournalWish } from "#api/bodies.ts";
import type { FlotillaClient } from "#client/client.ts";
import type { CommandContext } from "./command.ts";
import { followJournals } from "./journal/follow.ts";
import { formatJournalLine, type JournalFormat, parseJournalFormat } from "./journal/formats.ts";
import { lastOf, mergeLines } from "./journal/merge.ts";
import { readWish } from "./journal/wish.ts";
import { linesWhileThere, type Machine, machinesToRead } from "./machines/machines.ts";
import { writeLines } from "./terminal/output.ts";
import type { Look } from "./terminal/style.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";

/** Machines are told apart by these, one after the other. */
const MACHINE_LOOKS: readonly Look[] = ["cyan", "green", "yellow"];

export async function journal(context: CommandContext): Promise<number> {
  const { args, options, io } = context;
  const format = parseJournalFormat(options.text("output"));
  const wish = readWish(args, options, format, io.now());
  const client = await context.client();
  const machines = await machinesToRead(client, options.text("machine"), io.signal);
  const printer = new Printer(context, format, machines);
  const cursors = await readKept(client, machines, wish, context, printer);
  if (wish.follow === "true") {
    const isWholeCluster = !options.has("machine");
    const { signal } = io;
    const { show, say } = printer;
    await followJournals({ client, machines, isWholeCluster, wish, cursors, show, say, signal });
  } else if (!printer.hasShown) await explainNothing(client, wish, printer);
  printer.end();
  return 0;
}

/** Shows what there is. @returns the last cursor of each machine that has anything. */
async function readKept(
  client: FlotillaClient,
  machines: readonly Machine[],
  wish: JournalWish,
  { io, options }: CommandContext,
  { show, say }: Printer,
): Promise<ReadonlyMap<string, string>> {
  const cursors = new Map<string, string>();
  const { lines } = wish;
  // Where nothing is to be shown, one line still says where to go on.
  const asked = { ...wish, follow: undefined, lines: lines === 0 ? 1 : lines };
  const away = (machine: Machine): void =>
    say(`${machine.name} does not answer; what its journal has is left out`);
  const sources = machines.map((machine) =>
    options.has("machine")
      ? client.machineJournal(machine.id, asked, io.signal)
      : linesWhileThere(client, machine, asked, io.signal, away),
  );
  const marked = sources.map((source, index) => noting(source, cursors, machines[index]?.id ?? ""));
  const isReverse = wish.reverse === "true";
  const merged = mergeLines(marked, isReverse);
  if (lines === undefined) for await (const line of merged) show(line);
  else if (isReverse) await showFirst(merged, lines, show);
  else for (const line of await lastOf(merged, lines)) show(line);
  return cursors;
}

async function* noting(
  lines: AsyncIterable<JournalLine>,
  cursors: Map<string, string>,
  machine: string,
): AsyncGenerator<JournalLine, void> {
  for await (const line of lines) {
    cursors.set(machine, line.cursor);
    yield line;
  }
}

async function showFirst(
  lines: AsyncIterable<JournalLine>,
  count: number,
  show: (line: JournalLine) => void,
): Promise<void> {
  let left = count;
  for await (const line of lines) {
    if (left-- <= 0) return;
    show(line);
  }
}

/** Where the supervisor speaks of itself: there on every machine, and not submitted by anybody. */
const SUPERVISORS_OWN = "init.scope";

/** A unit that is not there at all is an error; one that has written nothing is none. */
async function explainNothing(
  client: FlotillaClient,
  { unit }: JournalWish,
  { say }: Printer,
): Promise<void> {
  const names = (typeof unit === "string" ? [unit] : (unit ?? [])).filter((name) => !/[*?[]/.test(name));
  for (const name of names)
    if (name !== SUPERVISORS_OWN) await askAboutUnit(name, client, () => client.unit(name));
  say("-- No entries --");
}

class Printer {
  readonly #context: CommandContext;
  readonly #format: JournalFormat;
  readonly #machineLooks: ReadonlyMap<string, Look> | undefined;
  #last: JournalLine | undefined;

  constructor(context: CommandContext, format: JournalFormat, machines: readonly Machine[]) {
    this.#context = context;
    this.#format = format;
    const looks = machines.map(({ id }, index) => [id, lookAt(index)] as const);
    this.#machineLooks = machines.length > 1 ? new Map(looks) : undefined;
  }

  get hasShown(): boolean {
    return this.#last !== undefined;
  }

  readonly show = (line: JournalLine): void => {
    const { options, paint, io } = this.#context;
    const looks = this.#machineLooks;
    this.#last = line;
    io.stdout.write(
      formatJournalLine(line, this.#format, {
        all: options.flag("all"),
        paint,
        ...(looks === undefined ? {} : { machineLook: (machine: string) => looks.get(machine) ?? "cyan" }),
      }),
    );
  };

  readonly say = (text: string): void => writeLines(this.#context.io.stderr, [text]);

  end(): void {
    const { options, io } = this.#context;
    if (options.flag("show-cursor") && this.#last !== undefined) {
      writeLines(io.stdout, [`-- cursor: ${this.#last.cursor}`]);
    }
  }
}

function lookAt(index: number): Look {
  return MACHINE_LOOKS[index % MACHINE_LOOKS.length] ?? "cyan";
}
