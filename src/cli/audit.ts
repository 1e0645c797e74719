/** `flotilla audit`: who changed what, by way of which machine; all machines' logs as one. */
import type { AuditEntry } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import type { CommandContext } from "./command.ts";
import { isAway, type Machine, machinesToRead } from "./journal/machines.ts";
import { lastOf } from "./journal/merge.ts";
import { parseTimestamp } from "./journal/timestamp.ts";
import { list } from "./lists.ts";
import { writeLines } from "./terminal/output.ts";
import type { Column } from "./terminal/table.ts";

const DEFAULT_LINES = 50;

type Row = AuditEntry & { readonly machine: string };

const COLUMNS: readonly Column<Row>[] = [
  { field: "time", value: ({ timeMs }) => formatTime(timeMs) },
  { field: "caller", value: ({ caller }) => printable(caller) },
  { field: "address", value: ({ address }) => address },
  { field: "machine", value: ({ machine }) => machine },
  { field: "route", value: ({ route }) => route },
  { field: "outcome", value: ({ outcome }) => outcome, look: ({ outcome }) => lookOf(outcome) },
  { field: "what", value: ({ what }) => printable(what.join(" ")) },
];

/** The last changes, oldest first. A machine that does not answer is named on stderr and left out. */
export async function audit(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const client = await context.client();
  const sinceMs = sinceOf(options.text("since"), io.now());
  const count = options.count("lines") ?? (sinceMs === undefined ? DEFAULT_LINES : Number.POSITIVE_INFINITY);
  const machines = await machinesToRead(client, options.text("machine"), io.signal);
  const rows = await Promise.all(
    machines.map((machine) => rowsOf(machine, sinceMs ?? 0, count, client, context)),
  );
  const sorted = rows.flat().sort((a, b) => a.timeMs - b.timeMs);
  await list(context, {
    key: "changes",
    items: Number.isFinite(count) ? sorted.slice(Math.max(0, sorted.length - count)) : sorted,
    columns: COLUMNS,
    fields: "time,caller,machine,route,outcome,what",
    name: ({ route }) => route,
  });
  return 0;
}

async function rowsOf(
  machine: Machine,
  sinceMs: number,
  count: number,
  client: FlotillaClient,
  { io }: CommandContext,
): Promise<readonly Row[]> {
  try {
    const entries = await lastOf(client.audit(machine.id, sinceMs, io.signal), count);
    return entries.map((entry) => ({ ...entry, machine: machine.name }));
  } catch (error) {
    if (!isAway(error)) throw error;
    writeLines(io.stderr, [`${machine.name} does not answer; what was changed by way of it is left out`]);
    return [];
  }
}

/** @throws FlotillaError `usage` */
function sinceOf(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const timeUs = parseTimestamp(text, nowMs);
  if (timeUs !== undefined) return Math.max(0, Math.floor(timeUs / 1000));
  throw new FlotillaError("usage", `--since takes a point in time, not ${text}`, {
    hint: 'such as -1h, yesterday or "2026-11-23 18:17"',
  });
}

/** `2026-11-23 18:17:05`, as it is here. */
function formatTime(timeMs: number): string {
  const date = new Date(timeMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Names come from whoever asked: none may write to the terminal of whoever looks. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "\uFFFD");
}

function lookOf(outcome: string): "red" | undefined {
  return outcome === "ok" || outcome === "begun" ? undefined : "red";
}
