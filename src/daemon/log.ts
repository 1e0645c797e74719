/** The daemon's log: one JSON object a line on standard error, where systemd's journal or a file takes it. */
import { type Logger as PinoLogger, pino, stdTimeFunctions } from "pino";

/** @param level lowest level that is written. */
export function createLog(level: string): PinoLogger {
  const destination = pino.destination({ dest: 2, sync: true });
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, formatters }, destination);
}
