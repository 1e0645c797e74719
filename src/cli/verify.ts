/**
 * `flotilla verify`: checks unit files, folders of them, and units that are submitted. Files need no daemon; where one
 * answers, it is asked for the units that are not at hand. Exit code 1 when one of them cannot be run.
 */
import type { ErrorBody } from "#base/errors.ts";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import { formatError, formatNote, formatWarning, type Warning } from "./terminal/show-error.ts";
import { checkSource } from "./units/check-sources.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";
import { askCluster, type KnownCluster } from "./units/known-cluster.ts";
import { findNotes, type Note } from "./units/unit-notes.ts";
import { findUnitSources, type UnitSource } from "./units/unit-sources.ts";

interface FileReport {
  readonly file: string;
  /** Absent for what is no unit at all. */
  readonly unit?: string;
  /** Drop-ins and links that are part of the unit. */
  readonly additions: readonly string[];
  readonly errors: readonly ErrorBody[];
  readonly warnings: readonly Warning[];
  readonly notes: readonly Note[];
}

/** What an argument turned out to be. */
type Subject = UnitSource | FileReport;

export async function verify(context: CommandContext): Promise<number> {
  const { args, io, format } = context;
  const subjects = (await Promise.all(args.map((argument) => findSubjects(argument, context)))).flat();
  const cluster = await askCluster(context);
  const reports = onceEach(
    subjects.map((subject) => ("notes" in subject ? subject : report(subject, cluster, context))),
  );
  if (isData(format)) await showData(io.stdout, { files: reports }, format);
  else for (const each of reports) showReport(each, context);
  return reports.every(({ errors }) => errors.length === 0) ? 0 : 1;
}

/** A unit that is named twice, by its alias or with its folder, is reported once. */
function onceEach(reports: readonly FileReport[]): readonly FileReport[] {
  return [...new Map(reports.map((each) => [each.file, each])).values()];
}

/** The units that an argument names; what is wrong with one keeps the others from nothing. */
async function findSubjects(argument: string, context: CommandContext): Promise<readonly Subject[]> {
  try {
    const sources = await findUnitSources([argument], context.io.cwd);
    return await Promise.all(sources.map((source) => withSubmittedText(source, context)));
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    return [{ file: argument, additions: [], errors: [error.toJSON()], warnings: [], notes: [] }];
  }
}

/** A unit of which there is no file here is one that was submitted. */
async function withSubmittedText(source: UnitSource, { client, io }: CommandContext): Promise<UnitSource> {
  if (source.file !== undefined) return source;
  const api = await client();
  const text = await askAboutUnit(source.unit, api, () => api.unitText(source.unit, io.signal));
  return { ...source, text };
}

function report(
  source: UnitSource,
  cluster: KnownCluster | undefined,
  { options }: CommandContext,
): FileReport {
  return {
    file: source.file?.path ?? source.unit,
    unit: source.unit,
    additions: source.file?.additions ?? [],
    ...checkSource(source),
    notes: options.flag("lint") ? findNotes(source, cluster) : [],
  };
}

/** What is wrong is talk; that a file is good is what was asked for. */
function showReport(
  { file, additions, errors, warnings, notes }: FileReport,
  { io, paint, paintTalk }: CommandContext,
): void {
  for (const error of errors) writeLines(io.stderr, formatError(error, paintTalk));
  for (const warning of warnings) writeLines(io.stderr, formatWarning(warning, paintTalk));
  for (const hint of notes) writeLines(io.stderr, formatNote(hint, paintTalk));
  if (errors.length > 0) return;
  const counts = [countOf(warnings, "warning"), countOf(notes, "note")].filter((count) => count !== "");
  const beside = counts.length === 0 ? "" : ` (${counts.join(", ")})`;
  const parts = additions.length === 0 ? "" : ` with ${additions.join(", ")}`;
  writeLines(io.stdout, [`${file}${parts}: ${paint("green", "good")}${beside}`]);
}

function countOf({ length }: readonly unknown[], noun: string): string {
  if (length === 0) return "";
  return `${length} ${length === 1 ? noun : `${noun}s`}`;
}
