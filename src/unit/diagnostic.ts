/** What is wrong with a unit file, as data: found by every part of the unit language, shown by CLI and API alike. */
import { type ErrorCode, FlotillaError, type Place } from "#base/errors.ts";

/** `error`: systemd would refuse the unit. `warning`: systemd would say so and go on without the line. */
export type Severity = "error" | "warning";

export type DiagnosticCode =
  | "not-text"
  | "unit-too-large"
  | "bad-unit-name"
  | "masked"
  | "syntax"
  | "unknown-section"
  | "unknown-key"
  | "obsolete-key"
  | "bad-value"
  | "bad-combination"
  | "contradictory-options"
  | "no-effect";

export interface Diagnostic {
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  /** systemd's own words where systemd has any. */
  readonly message: string;
  readonly place: Place;
  readonly hint?: string;
}

/** What is wrong with a value, before it is known where the value stands. */
export class Complaint {
  readonly severity: Severity;
  readonly message: string;
  /** The word of the value that is at fault, where it is not the whole value. */
  readonly part: string | undefined;

  constructor(message: string, severity: Severity = "warning", part?: string) {
    this.message = message;
    this.severity = severity;
    this.part = part;
  }
}

/** Codes of diagnostics that are error codes of their own; all others are `bad-unit-file`. */
const OWN_CODES: readonly DiagnosticCode[] = ["contradictory-options", "unit-too-large", "bad-unit-name"];

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

/** The error that refuses `file`: the first error in the message, with its place, the others as causes. */
export function toError(diagnostics: readonly Diagnostic[], file: string): FlotillaError {
  const [first, ...others] = diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  if (first === undefined)
    return new FlotillaError("bad-unit-file", `${file} is not a unit file that can be run`);
  return new FlotillaError(errorCode(first.code), `${file}: ${first.message}`, {
    place: { ...first.place, file },
    causes: others.map((other) => `line ${other.place.line}: ${other.message}`),
    ...(first.hint === undefined ? {} : { hint: first.hint }),
  });
}

function errorCode(code: DiagnosticCode): ErrorCode {
  return OWN_CODES.find((own): own is ErrorCode & DiagnosticCode => own === code) ?? "bad-unit-file";
}

/** In order of lines, each thing said once. */
export function inOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const diagnostic of diagnostics) {
    const { line, column } = diagnostic.place;
    const key = `${line}:${column}:${diagnostic.message}`;
    if (!seen.has(key)) seen.set(key, diagnostic);
  }
  return [...seen.values()].sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
}
