/** One event of the cluster as a line. Pure. */
import type { EventBody } from "#api/bodies.ts";
import { formatTime } from "./terminal/times.ts";

export function formatEvent({ timeMs, kind, message }: EventBody): string {
  return `${formatTime(timeMs)} ${kind}: ${message}`;
}
