/** The daemon's log: one JSON object a line on standard error, where systemd's journal or a file takes it. */
import { writeSync } from "node:fs";
import type { Clock } from "#base/clock.ts";
import type { LogFields, Logger } from "#base/log.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;

/** @param lowest what is below it is not written. */
export function createLog(lowest: LogLevel, clock: Clock, write = writeLine): Logger {
  const from = LOG_LEVELS.indexOf(lowest);
  const logAt = (level: LogLevel): Logger[LogLevel] => {
    if (LOG_LEVELS.indexOf(level) < from) return () => undefined;
    return (fields, message) => write(formatLine(level, clock.now(), fields, message));
  };
  return { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") };
}

function formatLine(level: LogLevel, nowMs: number, fields: LogFields, message: string): string {
  const time = new Date(nowMs).toISOString();
  const shown = Object.entries(fields).map(([name, value]) => [name, describe(value)]);
  return `${JSON.stringify({ level, time, ...Object.fromEntries(shown), msg: message })}\n`;
}

/** What JSON has no form for: whole numbers of any size, and errors, with what is under them. */
function describe(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const code = "code" in value ? { code: value.code } : {};
  return { name, ...code, message, stack, ...(cause === undefined ? {} : { cause: describe(cause) }) };
}

/** Written before the call returns, so that the last line before a crash is there. */
function writeLine(line: string): void {
  try {
    writeSync(STDERR, line);
  } catch {
    // A reader that is slow or gone costs lines of the log, never the daemon.
  }
}
