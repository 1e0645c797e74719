/**
 * The form of a unit's journal on disk, which shim/journal.pl writes. Pure.
 *
 * A file is a sequence of two kinds of lines, so that it can be read from any place in both directions:
 *   `@<µs since 1970> <fields>`  a source: what is the same for many lines, `NAME=value` separated by tabs
 *   `<µs since 1970> <µs since boot> <where the source's line begins> <priority> <message>`  an entry
 * In fields %, tab, newline and NUL are written as %XX. A line of any other form is damage that a power cut left, and
 * is passed over; so is one that holds a NUL, which the next writer puts behind what it finds torn.
 */
import { isUtf8 } from "node:buffer";
import type { JournalEntry, JournalFields, JournalValue } from "../../supervisor.ts";
import { escapeValue } from "../shim/protocol.ts";

/** A place in a unit's journal: a file's number and a byte in it. */
export interface Position {
  readonly file: number;
  readonly offset: number;
}

/** What the lines of one process, or those about one thing, have in common. */
export interface Source {
  readonly boot: string;
  readonly origin: JournalEntry["origin"];
  readonly identifier: string;
  readonly pid: number | undefined;
  readonly fields: JournalFields;
}

/** An entry's line without its message. */
export interface Head {
  readonly timeUs: number;
  readonly monotonicUs: number;
  /** Where in the file the source's line begins. */
  readonly source: number;
  readonly priority: number;
  /** Where in the line the message begins. */
  readonly messageAt: number;
}

export const NEWLINE = 10;
const SOURCE_MARK = 64;
const HEAD = /^(\d{1,16}) (\d{1,16}) (\d{1,15}) ([0-7]) /;
/** No head is longer. */
const HEAD_BYTES = 54;

/** Undefined for a line that is no entry. */
export function parseHead(line: Buffer): Head | undefined {
  const match = HEAD.exec(line.toString("latin1", 0, HEAD_BYTES));
  if (match === null) return undefined;
  const [head, timeUs, monotonicUs, source, priority] = match;
  return {
    timeUs: Number(timeUs),
    monotonicUs: Number(monotonicUs),
    source: Number(source),
    priority: Number(priority),
    messageAt: head.length,
  };
}

/** Undefined for a line that is no source. */
export function parseSource(line: Buffer): Source | undefined {
  if (line[0] !== SOURCE_MARK || line.includes(0)) return undefined;
  const space = line.indexOf(32);
  if (space < 0) return undefined;
  const { _BOOT_ID, _PID, SYSLOG_IDENTIFIER, ...fields } = parseFields(line.subarray(space + 1));
  if (typeof _BOOT_ID !== "string") return undefined;
  return {
    boot: _BOOT_ID,
    origin: fields._TRANSPORT === "stdout" ? "unit" : "supervisor",
    identifier: typeof SYSLOG_IDENTIFIER === "string" ? SYSLOG_IDENTIFIER : "",
    pid: typeof _PID === "string" ? Number(_PID) : undefined,
    fields,
  };
}

function parseFields(bytes: Buffer): Record<string, JournalValue> {
  const fields: Record<string, JournalValue> = {};
  // Latin-1 keeps each byte as one character.
  for (const pair of bytes.toString("latin1").split("\t")) {
    const at = pair.indexOf("=");
    if (at > 0) fields[pair.slice(0, at)] = toValue(decodeEscapes(pair.slice(at + 1)));
  }
  return fields;
}

function decodeEscapes(text: string): Buffer {
  const plain = text.replace(/%([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(plain, "latin1");
}

function toValue(bytes: Buffer): JournalValue {
  return isUtf8(bytes) ? bytes.toString() : [...bytes];
}

/** The line as an entry; undefined when the next writer has found it torn. */
export function makeEntry(
  unit: string,
  line: Buffer,
  head: Head,
  source: Source,
  end: Position,
): JournalEntry | undefined {
  const message = line.subarray(head.messageAt);
  const text = message.toString();
  if (text.includes("\0")) return undefined;
  const { timeUs, monotonicUs, priority } = head;
  const { boot, origin, identifier, pid, fields } = source;
  const isText = !text.includes("\uFFFD") || isUtf8(message);
  return {
    cursor: formatCursor({ unit, end, boot, monotonicUs }),
    timeUs,
    monotonicUs,
    boot,
    unit,
    origin,
    priority,
    ...(pid === undefined ? {} : { pid }),
    identifier,
    message: text,
    fields: isText ? fields : { ...fields, MESSAGE: [...message] },
  };
}

/** Fields as they stand in a source's line; undefined values are left out. */
export function formatFields(fields: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escapeValue(String(value))}`)
    .join("\t");
}

export interface WrittenLine {
  readonly timeUs: number;
  readonly monotonicUs: number;
  readonly priority: number;
  /** As formatFields makes them. */
  readonly fields: string;
  readonly message: string;
}

/** The source of a line that has one of its own, as the supervisor writes it. */
export function formatSource({ timeUs, fields }: WrittenLine): string {
  return `@${timeUs} ${fields}\n`;
}

/** The line itself; its source begins at `source`. */
export function formatEntry({ timeUs, monotonicUs, priority, message }: WrittenLine, source: number): string {
  return `${timeUs} ${monotonicUs} ${source} ${priority} ${message.replace(/[\n\0]/g, " ")}\n`;
}

/** A cursor says where its entry ends, and when it was written, for the other units and for when its file is gone. */
export interface Cursor {
  readonly unit: string;
  readonly end: Position;
  readonly boot: string;
  readonly monotonicUs: number;
}

export function formatCursor({ unit, end, boot, monotonicUs }: Cursor): string {
  return `b=${boot};m=${monotonicUs.toString(16)};f=${end.file.toString(16)};o=${end.offset.toString(16)};u=${unit}`;
}

/** Undefined for a text that is no cursor. */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^b=([0-9a-f]{32});m=([0-9a-f]{1,13});f=([0-9a-f]{1,12});o=([0-9a-f]{1,12});u=(.+)$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, boot = "", monotonicUs = "", file = "", offset = "", unit = ""] = match;
  const number = (hex: string): number => Number.parseInt(hex, 16);
  return {
    unit,
    boot,
    monotonicUs: number(monotonicUs),
    end: { file: number(file), offset: number(offset) },
  };
}
