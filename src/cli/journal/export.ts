/**
 * systemd's journal export format, which systemd-journal-remote reads (systemd.io/JOURNAL_EXPORT_FORMATS): a line
 * `NAME=value` for each field; for a value that is no printable text its name, eight bytes of length, lowest first, and
 * the bytes. An empty line ends the entry. Pure.
 */
import { isPrintable, type JournalValue, valuesOf } from "./fields.ts";

/** Address fields come first. */
const FIRST = ["__CURSOR", "__REALTIME_TIMESTAMP", "__MONOTONIC_TIMESTAMP", "_BOOT_ID"];

export function formatExport(fields: Readonly<Record<string, JournalValue>>): Uint8Array {
  const names = [...FIRST, ...Object.keys(fields).filter((name) => !FIRST.includes(name))];
  const parts = names.flatMap((name) => {
    const value = fields[name];
    return value === undefined ? [] : valuesOf(value).map((one) => formatField(name, one));
  });
  return Buffer.concat([...parts, Buffer.from("\n")]);
}

function formatField(name: string, value: string | readonly number[]): Buffer {
  if (typeof value === "string" && isPrintable(value, false)) return Buffer.from(`${name}=${value}\n`);
  const bytes = typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")]);
}
