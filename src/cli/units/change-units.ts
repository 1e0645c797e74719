/** The common way of the commands that change units: send, say what was refused, wait for the rest. */
import type { UnitResult } from "#api/bodies.ts";
import { ERROR_CODES, type Place } from "#base/errors.ts";
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
import { findUnitSources, type UnitSource } from "./unit-sources.ts";

/** `submit`, `load` and `start`. @param goal what to wait for; undefined: nothing */
export async function submitUnits(
  context: CommandContext,
  desired: DesiredState | undefined,
  goal: Goal | undefined,
): Promise<number> {
  waitTimeoutMs(context);
  const sources = await findUnitSources(context.args, context.io.cwd);
  const client = await context.client();
  const replace = context.options.flag("replace");
  const results: UnitResult[] = [];
  for (const part of parts(sources)) {
    const units = part.map(({ path: _, ...unit }) => unit);
    const wish = desired === undefined ? {} : { desired };
    results.push(...(await client.submit({ units, ...wish, replace }, context.io.signal)));
  }
  const paths = new Map(sources.map(({ unit, path }) => [unit, path]));
  return conclude(results, paths, goal, context);
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
  paths: ReadonlyMap<string, UnitSource["path"]>,
  goal: Goal | undefined,
  context: CommandContext,
): Promise<number> {
  const client = await context.client();
  const refused = await showRefusals(results, paths, client, context);
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
  paths: ReadonlyMap<string, UnitSource["path"]>,
  client: FlotillaClient,
  { io, paintTalk, format }: CommandContext,
): Promise<number> {
  let exit = 0;
  for (const { unit, warnings, error } of results) {
    const file = paths.get(unit) ?? unit;
    for (const warning of warnings) writeLines(io.stderr, formatWarning(atFile(warning, file), paintTalk));
    if (error === null) continue;
    const known = await withNearName(atFile(error, file), unit, client);
    if (!isData(format)) writeLines(io.stderr, formatError(known, paintTalk));
    if (exit === 0) exit = ERROR_CODES[error.code].exit;
  }
  return exit;
}

/** The API knows the unit's name only; the person knows the file. */
function atFile<T extends { readonly place?: Place }>(problem: T, file: string): T {
  return problem.place === undefined ? problem : { ...problem, place: { ...problem.place, file } };
}
