/** `verifyUnit`'s verdicts in the form of systemd's, to be compared line by line. */
import type { Diagnostic, DiagnosticCode, Severity } from "#unit/diagnostic.ts";
import { splitLines } from "#unit/lines.ts";
import { parseUnitFile, type UnitFile } from "#unit/unit-file.ts";
import { verifyUnit } from "#unit/verify.ts";
import { type Files, TEST_INSTANCE, type Verdicts } from "./systemd-verify.ts";

/** What systemd has no word for, because it is about Flotilla's own sections or a trap that systemd does not see. */
const OUR_OWN: readonly DiagnosticCode[] = ["contradictory-options", "no-effect"];

export function ourVerdicts(files: Files): Verdicts {
  return new Map([...files].map(([name, text]) => [name, verdict(name, text)]));
}

function verdict(name: string, text: string): readonly string[] {
  const unit = name.replace("@.", `@${TEST_INSTANCE}.`);
  const file = parseUnitFile(text, unit);
  const found = verifyUnit(unit, text).filter((diagnostic) => isShared(file, diagnostic));
  // systemd reads no further than to the first line that spoils the unit.
  const spoilt = found.findIndex(({ severity, code }) => severity === "error" && code !== "bad-combination");
  return (spoilt < 0 ? found : found.slice(0, spoilt + 1)).map((diagnostic) => shown(file, diagnostic));
}

/** systemd says this without saying of which unit. */
const PLACELESS = "Accepting user/group name ";

function isShared(file: UnitFile, { code, severity, place, message }: Diagnostic): boolean {
  if (OUR_OWN.includes(code) || message.startsWith(PLACELESS)) return false;
  const section = file.headers.findLast(({ line }) => line <= place.line)?.name ?? "";
  return code === "bad-combination" || !section.startsWith("X-") || isFatal(code, severity);
}

/** A header that is none spoils the file wherever it stands. */
function isFatal(code: DiagnosticCode, severity: Severity): boolean {
  return code === "syntax" && severity === "error";
}

function shown(file: UnitFile, { code, message, place }: Diagnostic): string {
  return code === "bad-combination" ? message : `${lastLine(file, place.line)}: ${message}`;
}

/** systemd counts a line that goes on over several by the last of them; a file that ends inside one, by one more. */
function lastLine(file: UnitFile, line: number): number {
  const statement = file.statements.findLast((other) => other.line <= line);
  if (statement === undefined) return line;
  const lines = splitLines(file.rawOf(statement));
  const backslashes = /\\*$/.exec(lines.at(-1)?.text ?? "")?.[0].length ?? 0;
  const goesOn = backslashes % 2 === 1;
  return statement.line + lines.length - 1 + (goesOn ? 1 : 0);
}
