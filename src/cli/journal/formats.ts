/** A line of the journal in each of journalctl's formats (journalctl(1), --output=), to the byte. Pure. */
import type { JournalLine } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import { formatSize } from "#base/size.ts";
import type { Look, Paint } from "../terminal/style.ts";
import { formatExport } from "./export.ts";
import { isPrintable, type JournalValue, valuesOf } from "./fields.ts";
import { formatJson } from "./json.ts";
import { formatStamp, isStampFormat, STAMP_FORMATS } from "./stamps.ts";

export const JOURNAL_FORMATS = [
  ...STAMP_FORMATS,
  "with-unit",
  "cat",
  "json",
  "json-pretty",
  "ndjson",
  "export",
  "verbose",
] as const;
export type JournalFormat = (typeof JOURNAL_FORMATS)[number];

/** @throws FlotillaError `usage` */
export function parseJournalFormat(text: string | undefined): JournalFormat {
  const format = JOURNAL_FORMATS.find((one) => one === (text ?? "short"));
  if (format !== undefined) return format;
  const near = nearest(text ?? "", JOURNAL_FORMATS);
  throw new FlotillaError("usage", `-o takes ${JOURNAL_FORMATS.join(", ")}, not ${text}`, {
    hint: near === undefined ? "the same names as journalctl's" : `did you mean -o ${near}?`,
  });
}

/** Formats that show more of a line than its message and who wrote it. */
export function needsFields(format: JournalFormat): boolean {
  return (
    format.startsWith("json") || format === "export" || format === "verbose" || format.endsWith("monotonic")
  );
}

export interface ShowOptions {
  /** Values that are long or cannot be printed are shown as they are. */
  readonly all: boolean;
  readonly paint: Paint;
  /** Tells machines apart, where there are several. */
  readonly machineLook?: (machine: string) => Look;
}

/** With its end; bytes where a value is no text. */
export function formatJournalLine(
  line: JournalLine,
  format: JournalFormat,
  options: ShowOptions,
): string | Uint8Array {
  switch (format) {
    case "cat":
      return withNewline(messageOf(line));
    case "json":
      return `${formatJson(fieldsOf(line), options.all)}\n`;
    case "json-pretty":
      return `${formatJson(fieldsOf(line), options.all, "\t")}\n`;
    case "ndjson":
      return `${JSON.stringify(line)}\n`;
    case "export":
      return formatExport(fieldsOf(line));
    case "verbose":
      return formatVerbose(line, options);
    default:
      return `${formatShort(line, format, options)}\n`;
  }
}

/** One line of text for a person: `Nov 23 03:52:58 m1 web[7]: hello`. */
export function formatShort(line: JournalLine, format: JournalFormat, options: ShowOptions): string {
  const { paint, machineLook } = options;
  const stamp = formatStamp(isStampFormat(format) ? format : "short-full", line);
  const who = format === "with-unit" ? writerOf(line) : line.identifier || "unknown";
  const pid = line.pid === undefined ? "" : `[${line.pid}]`;
  const machine =
    machineLook === undefined ? line.machineName : paint(machineLook(line.machine), line.machineName);
  const prefixWidth = `${stamp} ${line.machineName} ${who}${pid}: `.length;
  const text = printable(line, options.all).replaceAll("\n", `\n${" ".repeat(prefixWidth)}`);
  const look = lookOf(line.priority);
  return `${stamp} ${machine} ${who}${pid}: ${look === undefined ? text : paint(look, text)}`;
}

/** The unit that wrote it: of what is said about a unit, the supervisor's. */
function writerOf({ origin, unit }: JournalLine): string {
  return origin === "unit" ? unit : "init.scope";
}

/** journalctl's colours of priorities. */
function lookOf(priority: number): Look | readonly Look[] | undefined {
  if (priority <= 3) return ["bold", "red"];
  if (priority === 4) return ["bold", "yellow"];
  if (priority === 5) return "bold";
  return priority === 7 ? "dim" : undefined;
}

function printable(line: JournalLine, all: boolean): string {
  if (all) return line.message;
  const bytes = line.fields?.MESSAGE;
  if (bytes !== undefined && typeof bytes !== "string") return blob(bytes.length);
  const text = stripAnsi(line.message).replaceAll("\t", "        ");
  return isPrintable(text) ? text : blob(Buffer.byteLength(line.message));
}

/** Colours and titles that a program has sent to its terminal. */
function stripAnsi(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  const [first = "", ...rest] = text.split(ESCAPE);
  return first + rest.map((part) => part.replace(SEQUENCE, "")).join("");
}

const ESCAPE = "\u001B";
/** What stands behind the escape character: of a colour, or of a title with its end. */
const SEQUENCE = /^(?:\[[0-?]*[ -/]*[@-~]|\][^\p{Cc}]*\p{Cc}|\\)/u;

function blob(bytes: number): string {
  return `[${formatSize(bytes)} blob data]`;
}

function formatVerbose(line: JournalLine, { all, paint }: ShowOptions): string {
  const { __CURSOR, __REALTIME_TIMESTAMP: _, __MONOTONIC_TIMESTAMP: __, ...fields } = fieldsOf(line);
  const head = `${formatStamp("verbose", line)} [${String(__CURSOR)}]`;
  const shown = Object.entries(fields).flatMap(([name, value]) =>
    valuesOf(value).map((one) => `    ${name}=${verboseValue(one, all)}`),
  );
  return [paint("bold", head), ...shown, ""].join("\n");
}

function verboseValue(value: string | readonly number[], all: boolean): string {
  const text = typeof value === "string" ? value : Buffer.from(value).toString();
  if (all || (typeof value === "string" && isPrintable(text))) return text.replaceAll("\n", "\n    ");
  return blob(typeof value === "string" ? Buffer.byteLength(value) : value.length);
}

/** Undefined where only the message was asked for. */
function fieldsOf(line: JournalLine): Readonly<Record<string, JournalValue>> {
  return line.fields ?? {};
}

function messageOf({ message, fields }: JournalLine): string | Uint8Array {
  const bytes = fields?.MESSAGE;
  if (bytes === undefined || typeof bytes === "string") return message;
  return Buffer.from(bytes.filter((byte) => typeof byte === "number"));
}

function withNewline(text: string | Uint8Array): string | Uint8Array {
  return typeof text === "string" ? `${text}\n` : Buffer.concat([text, Buffer.from("\n")]);
}
