/** Values of a journal's fields, as they come from the API. Pure. */
import type { JournalLine } from "#api/bodies.ts";

export type JournalValue = NonNullable<JournalLine["fields"]>[string];

/** The values that a field has: one, unless it is there several times. */
export function valuesOf(value: JournalValue): readonly (string | readonly number[])[] {
  if (typeof value === "string") return [value];
  return isBytes(value) ? [value] : value;
}

/** systemd's notion: no control characters but tab and, in most places, newline. */
export function isPrintable(text: string, allowsNewline = true): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 32 && code < 127) continue;
    if (code === 9 || (code === 10 && allowsNewline) || code >= 160) continue;
    return false;
  }
  return true;
}

function isBytes(value: Exclude<JournalValue, string>): value is readonly number[] {
  return value.every((one) => typeof one === "number");
}
