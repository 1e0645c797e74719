/** An entry of journald's as journalctl prints it in JSON. Pure. */
import * as z from "zod";
import { textsOf } from "../../journal-fields.ts";
import type { JournalEntry, JournalFields, JournalValue } from "../../supervisor.ts";

const bytes = z.array(z.number());
const value = z.union([z.string(), bytes, z.array(z.union([z.string(), bytes]))]);
/** `null` stands for what is too long to be printed. */
const record = z.record(z.string(), value.nullable());

/** What has a place of its own in an entry. */
const PLACED = new Set([
  "__CURSOR",
  "__REALTIME_TIMESTAMP",
  "__MONOTONIC_TIMESTAMP",
  "_BOOT_ID",
  "PRIORITY",
  "_PID",
  "SYSLOG_IDENTIFIER",
]);

const DEFAULT_PRIORITY = 6;

/** Undefined for a line that is no entry. */
export function parseEntry(line: string): JournalEntry | undefined {
  const parsed = record.safeParse(parseJson(line));
  if (!parsed.success) return undefined;
  const all = Object.fromEntries(
    Object.entries(parsed.data).flatMap(([name, of]) => (of === null ? [] : [[name, of]])),
  );
  const first = (name: string): string => textsOf(all[name])[0] ?? "";
  const rest = Object.entries(all).filter(
    ([name, of]) => !PLACED.has(name) && !(name === "MESSAGE" && typeof of === "string"),
  );
  const pid = Number(first("_PID"));
  return {
    cursor: first("__CURSOR"),
    timeUs: Number(first("__REALTIME_TIMESTAMP")),
    monotonicUs: Number(first("__MONOTONIC_TIMESTAMP")),
    boot: first("_BOOT_ID"),
    ...whose(all, first),
    priority: first("PRIORITY") === "" ? DEFAULT_PRIORITY : Number(first("PRIORITY")),
    ...(pid > 0 ? { pid } : {}),
    identifier: first("SYSLOG_IDENTIFIER") || first("_COMM"),
    message: messageOf(all.MESSAGE),
    fields: Object.fromEntries(rest),
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** What systemd itself, or a helper of it, says about a unit is the supervisor's word. */
function whose(all: JournalFields, first: (name: string) => string): Pick<JournalEntry, "unit" | "origin"> {
  const about = first("_PID") === "1" ? first("UNIT") : first("COREDUMP_UNIT") || aboutBySystem(all, first);
  if (about !== "") return { unit: about, origin: "supervisor" };
  const unit = first("_SYSTEMD_UNIT");
  return { unit: unit || "init.scope", origin: unit === "" || unit === "init.scope" ? "supervisor" : "unit" };
}

function aboutBySystem(all: JournalFields, first: (name: string) => string): string {
  return first("_UID") === "0" && all.OBJECT_SYSTEMD_UNIT !== undefined ? first("OBJECT_SYSTEMD_UNIT") : "";
}

function messageOf(found: JournalValue | undefined): string {
  if (found === undefined) return "";
  if (typeof found === "string") return found;
  const [one] = textsOf(found);
  if (one !== undefined) return one;
  return Buffer.from(bytes.safeParse(found).data ?? []).toString("utf8");
}
