/**
 * journalctl's JSON (journalctl(1), --output=json): every value a string; the bytes of one that is no text, or that holds
 * control characters, as an array of numbers; several values as an array; one that is too long as null. Pure.
 */
import { isPrintable, type JournalValue, valuesOf } from "./fields.ts";

/** A longer name and value are null, unless all are asked for. */
const MAX_BYTES = 4096;

export function formatJson(
  fields: Readonly<Record<string, JournalValue>>,
  all: boolean,
  indent?: string,
): string {
  const shown = Object.entries(fields).map(([name, value]) => {
    const room = all || name.startsWith("__") ? Number.POSITIVE_INFINITY : MAX_BYTES - name.length - 1;
    const values = valuesOf(value).map((one) => shownValue(one, room));
    return [name, values.length === 1 ? values[0] : values];
  });
  return JSON.stringify(Object.fromEntries(shown), undefined, indent);
}

function shownValue(value: string | readonly number[], room: number): string | readonly number[] | null {
  const length = typeof value === "string" ? Buffer.byteLength(value) : value.length;
  if (length >= room) return null;
  return typeof value === "string" && !isPrintable(value) ? [...Buffer.from(value)] : value;
}
