/** All fields of a journal entry in one place, as journalctl's JSON shows them. Pure. */
import type { JournalEntry, JournalFields, JournalValue } from "./supervisor.ts";

/** Every field, address fields (`__CURSOR`, …) included. */
export function allFields(entry: JournalEntry): JournalFields {
  return {
    __CURSOR: entry.cursor,
    __REALTIME_TIMESTAMP: String(entry.timeUs),
    __MONOTONIC_TIMESTAMP: String(entry.monotonicUs),
    _BOOT_ID: entry.boot,
    PRIORITY: String(entry.priority),
    SYSLOG_IDENTIFIER: entry.identifier,
    ...(entry.pid === undefined ? {} : { _PID: String(entry.pid) }),
    MESSAGE: entry.message,
    ...entry.fields,
  };
}

/** The texts a field has; one that is no text has none. */
export function textsOf(value: JournalValue | undefined): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === "string") return [value];
  return value.filter((one) => typeof one === "string");
}
