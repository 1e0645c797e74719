/** Errors and warnings as a person reads them: what happened, why, what to do, and where in the file. Pure. */
import type { ErrorBody, Place } from "#base/errors.ts";
import type { Paint } from "./style.ts";

/** `error[code]: message`, then `  cause:` and `  hint:` lines. */
export function formatError(error: ErrorBody, paint: Paint): string[] {
  return [
    `${paint(["bold", "red"], `error[${error.code}]`)}: ${error.message}`,
    ...formatPlace(error.place, paint, "red"),
    ...error.causes.map((cause) => `  ${paint("bold", "cause")}: ${cause}`),
    ...(error.hint === undefined ? [] : [`  ${paint("cyan", "hint")}: ${error.hint}`]),
  ];
}

export interface Warning {
  readonly message: string;
  readonly place?: Place;
  readonly hint?: string;
}

export function formatWarning(warning: Warning, paint: Paint): string[] {
  return [
    `${paint(["bold", "yellow"], "warning")}: ${warning.message}`,
    ...formatPlace(warning.place, paint, "yellow"),
    ...(warning.hint === undefined ? [] : [`  ${paint("cyan", "hint")}: ${warning.hint}`]),
  ];
}

/** Something to think about, by its name, which `--no-lint` leaves out. */
export function formatNote(note: Warning & { readonly lint: string }, paint: Paint): string[] {
  return [
    `${paint(["bold", "cyan"], `note[${note.lint}]`)}: ${note.message}`,
    ...formatPlace(note.place, paint, "cyan"),
    ...(note.hint === undefined ? [] : [`  ${paint("cyan", "hint")}: ${note.hint}`]),
  ];
}

/** `file:line:column`, the line itself, and a mark under what is wrong: from the column to the end of its word. */
function formatPlace(place: Place | undefined, paint: Paint, look: "red" | "yellow" | "cyan"): string[] {
  if (place === undefined) return [];
  const at = `  --> ${place.file}:${place.line}:${place.column}`;
  if (place.source === undefined || place.source.trim() === "") return [at];
  const number = String(place.line);
  const margin = " ".repeat(number.length);
  const before = place.source.slice(0, place.column - 1).replaceAll(/[^\t]/g, " ");
  const marked = /^[^\s=]+/.exec(place.source.slice(place.column - 1))?.[0].length ?? 1;
  return [
    at,
    `  ${paint("dim", `${number} |`)} ${place.source}`,
    `  ${paint("dim", `${margin} |`)} ${before}${paint(look, "^".repeat(marked))}`,
  ];
}
