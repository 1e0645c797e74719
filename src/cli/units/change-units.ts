/** The common way of the commands that change units: send, say what was refused, wait for the rest. */
import type { UnitResult } from "#api/bodies.ts";
import { ERROR_CODES, type ErrorBody } from "#base/errors.ts";
import type { FlotillaClient, UnitVerb } from "#client/client.ts";
import { LIMITS } from "#model/limits.ts";
import type { DesiredState } from "#model/records.ts";
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "../command.ts";
import { isData, showData, writeLines } from "../terminal/output.ts";
import { formatError, formatWarning } from "../terminal/show-error.ts";
import { awaitUnits, waitTimeoutMs } from "./await-units.ts";
import { withNearName } from "./did-you-mean.ts";
import type { Goal } from "./goals.ts";
import { findTemplatesBeside, findUnitSources, type UnitSource } from "./unit-sources.ts";

/** `submit`, `load` and `start`. @param goal what to wait for; undefined: nothing */
export async function submitUnits(
  context: CommandContext,
  desired: DesiredState | undefined,
  goal: Goal | undefined,
): Promise<number> {
  waitTimeoutMs(context);
  const named = await findUnitSources(context.args, context.io.cwd);
  const templates = await findTemplatesBeside(named);
  const sources = [...templates, ...named];
  const isChecked = needsCheck(sources);
  const refused = isChecked ? await refuseBroken(sources, context) : 0;
  if (refused !== 0) return refused;
  // Templates are made known only; that they are is worth no word, that they are not is.
  const known = await send(templates, undefined, context);
  const results = [...known.filter(({ error }) => error !== null), ...(await send(named, desired, context))];
  const files = new Map(sources.map(({ unit, file }) => [unit, { file, isChecked }]));
  return conclude(results, files, goal, context);
}

/** The file of a unit that is sent, and whether what is to be warned of in it has been said. */
interface SentFile {
  readonly file: UnitSource["file"];
  readonly isChecked: boolean;
}

/**
 * Whether to look at the files before any is sent. One file alone is checked by whoever it is sent to, and nothing is
 * sent beside it; the whole unit language is a lot for a short command to load.
 */
function needsCheck(sources: readonly UnitSource[]): boolean {
  return sources.length > 1 || sources.some(({ file }) => file !== undefined && file.additions.length > 0);
}

async function send(
  sources: readonly UnitSource[],
  desired: DesiredState | undefined,
  context: CommandContext,
): Promise<UnitResult[]> {
  const client = await context.client();
  const replace = context.options.flag("replace");
  const results: UnitResult[] = [];
  for (const part of parts(sources)) {
    const units = part.map(({ file: _, directory: __, ...unit }) => unit);
    const wish = desired === undefined ? {} : { desired };
    results.push(...(await client.submit({ units, ...wish, replace }, context.io.signal)));
  }
  return results;
}

/** Says what is wrong with the files. Where one of them cannot be run, nothing is sent. Exit code: 0 to go on. */
async function refuseBroken(sources: readonly UnitSource[], context: CommandContext): Promise<number> {
  const { checkSource } = await import("./check-sources.ts");
  const { io, paintTalk, format } = context;
  const refusals: UnitResult[] = [];
  // The instances of a template have one file.
  const said = new Set<string>();
  for (const source of sources) {
    const { errors, warnings } = checkSource(source);
    const news = warnings.map((warning) => formatWarning(warning, paintTalk));
    for (const lines of news) if (!said.has(lines.join())) writeLines(io.stderr, lines);
    for (const lines of news) said.add(lines.join());
    const [error = null] = errors;
    if (error !== null) refusals.push({ ...REFUSED, unit: source.unit, warnings: [...warnings], error });
    if (!isData(format)) for (const each of errors) writeLines(io.stderr, formatError(each, paintTalk));
    if (error === null) writeLines(io.stderr, describeAdditions(source));
  }
  const [first] = refusals;
  if (first?.error == null) return 0;
  if (isData(format)) await showData(io.stdout, { results: refusals }, format);
  return ERROR_CODES[first.error.code].exit;
}

const REFUSED = { status: "refused", desired: null, launch: 0, hash: null } as const;

/** What the text of the unit was put together from, where that is more than its file. */
function describeAdditions({ unit, file }: UnitSource): string[] {
  if (file === undefined || file.additions.length === 0) return [];
  return [`${unit}: ${file.path} with ${file.additions.join(", ")}`];
}

/** `stop`, `unload`, `restart` and `destroy`. */
export async function changeUnits(context: CommandContext, verb: UnitVerb, goal: Goal): Promise<number> {
  waitTimeoutMs(context);
  const units = [...new Set(context.args.map(completeUnitName))];
  const client = await context.client();
  const results: UnitResult[] = [];
  for (const part of parts(units)) results.push(...(await client.change(verb, part, context.io.signal)));
  return conclude(results, new Map(), goal, context);
}

function parts<T>(items: readonly T[]): T[][] {
  const size = LIMITS.unitsPerRequest;
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}

/** Exit code: that of what was refused, else that of the waiting. */
async function conclude(
  results: readonly UnitResult[],
  files: ReadonlyMap<string, SentFile>,
  goal: Goal | undefined,
  context: CommandContext,
): Promise<number> {
  const client = await context.client();
  const refused = await showRefusals(results, files, client, context);
  const accepted = results.filter(({ error }) => error === null);
  const block = goal !== undefined && context.options.flag("block");
  if (isData(context.format)) await showData(context.io.stdout, { results }, context.format);
  else if (!block)
    writeLines(
      context.io.stdout,
      accepted.map(context.format === "name" ? ({ unit }) => unit : describeResult),
    );
  const waited = block
    ? await awaitUnits(
        accepted.map(({ unit }) => unit),
        goal,
        context,
      )
    : 0;
  return refused === 0 ? waited : refused;
}

function describeResult({ unit, status, desired, hash }: UnitResult): string {
  if (desired === null) return `${unit}: destroyed`;
  const word = status === "unchanged" ? "already" : "now";
  return desired === "inactive"
    ? `${unit}: submitted (${hash?.slice(0, 7)})`
    : `${unit}: ${word} asked to be ${desired}`;
}

async function showRefusals(
  results: readonly UnitResult[],
  files: ReadonlyMap<string, SentFile>,
  client: FlotillaClient,
  { io, paintTalk, format }: CommandContext,
): Promise<number> {
  let exit = 0;
  for (const { unit, warnings, error } of results) {
    const { file, isChecked } = files.get(unit) ?? NO_FILE;
    const unsaid = file !== undefined && isChecked ? [] : warnings;
    for (const warning of unsaid) writeLines(io.stderr, formatWarning(inFile(warning, file), paintTalk));
    if (error === null) continue;
    const known = await withNearName(inFile(error, file), unit, client);
    if (!isData(format)) writeLines(io.stderr, formatError(known, paintTalk));
    if (exit === 0) exit = ERROR_CODES[error.code].exit;
  }
  return exit;
}

const NO_FILE: SentFile = { file: undefined, isChecked: false };

/** The API knows the text only; the person knows the files it was put together from. */
function inFile<P extends Pick<ErrorBody, "place">>(problem: P, file: UnitSource["file"]): P {
  if (problem.place === undefined || file === undefined) return problem;
  return { ...problem, place: file.locate(problem.place) };
}
