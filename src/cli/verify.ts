/** `flotilla verify`: checks unit files here, without a daemon. Exit code 1 when one of them cannot be run. */
import type { ErrorBody } from "#base/errors.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Diagnostic, toError } from "#unit/diagnostic.ts";
import { completeUnitName } from "#unit/name.ts";
import { verifyUnit } from "#unit/verify.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import { formatError, formatWarning, type Warning } from "./terminal/show-error.ts";
import { readUnitText } from "./units/unit-sources.ts";

interface FileReport {
  readonly file: string;
  readonly errors: readonly ErrorBody[];
  readonly warnings: readonly Warning[];
}

export async function verify(context: CommandContext): Promise<number> {
  const { args, io, format } = context;
  const reports = await Promise.all(args.map((path) => verifyFile(path, io.cwd)));
  if (isData(format)) await showData(io.stdout, { files: reports }, format);
  else for (const report of reports) showReport(report, context);
  return reports.every(({ errors }) => errors.length === 0) ? 0 : 1;
}

async function verifyFile(file: string, cwd: string): Promise<FileReport> {
  try {
    const text = await readUnitText(file, cwd);
    if (text === undefined) throw new FlotillaError("not-found", `there is no file ${file}`);
    const found = verifyUnit(completeUnitName(file), text);
    return {
      file,
      errors: found.filter(isError).map((one) => toError([one], file).toJSON()),
      warnings: found.filter((one) => !isError(one)).map((one) => toWarning(one, file)),
    };
  } catch (error) {
    if (!(error instanceof FlotillaError)) throw error;
    return { file, errors: [error.toJSON()], warnings: [] };
  }
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}

function toWarning({ message, place, hint }: Diagnostic, file: string): Warning {
  return { message, place: { ...place, file }, ...(hint === undefined ? {} : { hint }) };
}

/** What is wrong is talk; that a file is good is what was asked for. */
function showReport({ file, errors, warnings }: FileReport, { io, paint, paintTalk }: CommandContext): void {
  for (const error of errors) writeLines(io.stderr, formatError(error, paintTalk));
  for (const warning of warnings) writeLines(io.stderr, formatWarning(warning, paintTalk));
  const count = warnings.length;
  const beside = count === 0 ? "" : ` (${count} ${count === 1 ? "warning" : "warnings"})`;
  if (errors.length === 0) writeLines(io.stdout, [`${file}: ${paint("green", "good")}${beside}`]);
}
