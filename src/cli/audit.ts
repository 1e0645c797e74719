/** `flotilla audit`: who changed what, by way of which machine; all machines' logs as one. */
import type { AuditEntry } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import type { CommandContext } from "./command.ts";
import { lastOf } from "./journal/merge.ts";
import { parseTimestamp } from "./journal/timestamp.ts";
import { list } from "./lists.ts";
import { followMachines } from "./machines/follow-machines.ts";
import { isAway, type Machine, machinesToRead } from "./machines/machines.ts";
import { isData, type Listing, writeLines } from "./terminal/output.ts";
import { type Column, pickColumns, Table } from "./terminal/table.ts";

const DEFAULT_LINES = 50;
const FIELDS = "time,caller,machine,route,outcome,what";

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

/** What is asked of the machines' logs. */
interface AuditRange {
  readonly client: FlotillaClient;
  readonly machines: readonly Machine[];
  readonly sinceMs: number;
  /** The last so many. */
  readonly count: number;
}

/** The last changes, oldest first, and with -f those that follow. */
export async function audit(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const client = await context.client();
  const since = sinceOf(options.text("since"), io.now());
  const count = options.count("lines") ?? (since === undefined ? DEFAULT_LINES : Number.POSITIVE_INFINITY);
  const machines = await machinesToRead(client, options.text("machine"), io.signal);
  const range = { client, machines, sinceMs: since ?? 0, count };
  const rows = await readKept(range, context);
  const sorted = rows.toSorted((a, b) => a.timeMs - b.timeMs);
  const last = Number.isFinite(count) ? sorted.slice(Math.max(0, sorted.length - count)) : sorted;
  if (options.flag("follow")) await follow(range, rows, last, context);
  else await list(context, listing(last));
  return 0;
}

function listing(items: readonly Row[]): Listing<Row> {
  return { key: "changes", items, columns: COLUMNS, fields: FIELDS, name: ({ route }) => route };
}

/** Of each machine what may be among the last. A machine that does not answer is named on stderr and left out. */
async function readKept(
  { client, machines, sinceMs, count }: AuditRange,
  { io, options }: CommandContext,
): Promise<readonly Row[]> {
  const read = async (machine: Machine): Promise<readonly Row[]> => {
    try {
      // Where nothing is to be shown, the last one still says where to go on.
      const entries = await lastOf(
        client.audit(machine.id, { since: sinceMs }, io.signal),
        Math.max(count, 1),
      );
      return entries.map((entry) => ({ ...entry, machine: machine.name }));
    } catch (error) {
      // Who has named a machine wants that one.
      if (!isAway(error) || options.has("machine")) throw error;
      writeLines(io.stderr, [`${machine.name} does not answer; what was changed by way of it is left out`]);
      return [];
    }
  };
  return (await Promise.all(machines.map(read))).flat();
}

/** @param known what was read of each machine, behind which it goes on; @param last what of it is to be shown */
async function follow(
  { client, machines, sinceMs }: AuditRange,
  known: readonly Row[],
  last: readonly Row[],
  context: CommandContext,
): Promise<void> {
  const { io, options } = context;
  const show = shower(context);
  show(last);
  const latest = new Map<string, number>();
  for (const { machine, timeMs } of known) latest.set(machine, Math.max(timeMs, latest.get(machine) ?? 0));
  const say = (text: string): void => writeLines(io.stderr, [text]);
  await followMachines<AuditEntry>(
    {
      ...{ client, machines, isWholeCluster: !options.has("machine") },
      read: ({ id, name }, signal) =>
        client.audit(id, { follow: "true", after: latest.get(name) ?? sinceMs }, signal),
      take: ({ name: machine }, entry) => {
        latest.set(machine, entry.timeMs);
        show([{ ...entry, machine }]);
      },
      goneAway: ({ name }) => say(`${name} does not answer; what is changed by way of it follows`),
      cameBack: ({ name }) => say(`${name} is back`),
    },
    io.signal,
  );
}

/** Shows rows as they come: as a table that goes on, or for programs a line each. */
function shower({ io, options, format, paint }: CommandContext): (rows: readonly Row[]) => void {
  if (isData(format))
    return (rows) =>
      writeLines(
        io.stdout,
        rows.map((row) => JSON.stringify(row)),
      );
  if (format === "name")
    return (rows) =>
      writeLines(
        io.stdout,
        rows.map(({ route }) => route),
      );
  const fields = options.text("fields");
  const columns =
    format === "wide" && fields === undefined ? COLUMNS : pickColumns(COLUMNS, fields ?? FIELDS);
  const table = new Table(columns, { legend: options.flag("legend"), paint });
  return (rows) => writeLines(io.stdout, table.lines(rows));
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

const GOOD: ReadonlySet<string> = new Set(["ok", "no-change", "begun"]);

function lookOf(outcome: string): "red" | undefined {
  return GOOD.has(outcome) ? undefined : "red";
}
