/** `flotilla status`: units as systemctl shows them. Exit code 0 active, 3 not active, 4 no such unit. */
import type { JournalLine, UnitDetail, UnitRow, UnitUsageBody } from "#api/bodies.ts";
import { formatDuration } from "#base/duration.ts";
import { formatSize } from "#base/size.ts";
import type { FlotillaClient } from "#client/client.ts";
import { completeUnitName } from "#unit/name.ts";
import type { CommandContext } from "./command.ts";
import { formatShort } from "./journal/formats.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import { type Paint, stateGlyph, stateLook } from "./terminal/style.ts";
import { formatAge, formatTime } from "./terminal/times.ts";
import { askAboutUnit } from "./units/did-you-mean.ts";
import { messageOf, stateText } from "./units/state-text.ts";

const NOT_ACTIVE = 3;
const DEFAULT_LINES = 10;

export async function status(context: CommandContext): Promise<number> {
  const api = await context.client();
  const lines = context.options.count("lines") ?? DEFAULT_LINES;
  const details: UnitDetail[] = [];
  for (const unit of context.args.map(completeUnitName)) {
    const detail = await askAboutUnit(unit, api, () => api.unit(unit, context.io.signal));
    if (!isData(context.format)) await showUnit(detail, lines, details.length > 0, context, api);
    details.push(detail);
  }
  if (isData(context.format)) await showData(context.io.stdout, { units: details }, context.format);
  return details.every(isActive) ? 0 : NOT_ACTIVE;
}

function isActive({ rows }: UnitDetail): boolean {
  return rows.length > 0 && rows.every(({ active }) => active === "active" || active === "reloading");
}

async function showUnit(
  detail: UnitDetail,
  lines: number,
  spaced: boolean,
  { io, paint }: CommandContext,
  client: FlotillaClient,
): Promise<void> {
  if (spaced) io.stdout.write("\n");
  if (detail.rows.length === 0) writeLines(io.stdout, formatUnit(detail, undefined, {}, io.now(), paint));
  for (const [index, row] of detail.rows.entries()) {
    if (index > 0) io.stdout.write("\n");
    const usage = await readUsage(client, row);
    writeLines(io.stdout, formatUnit(detail, row, usage, io.now(), paint));
    const journal = row.machine === null || lines === 0 ? [] : await readJournal(client, row, lines);
    const shown = journal.map((line) => formatShort(line, "short", { all: false, paint }));
    if (shown.length > 0) writeLines(io.stdout, ["", ...shown]);
  }
}

/** Of a unit that runs; where its machine does not answer the status is shown without it. */
async function readUsage(client: FlotillaClient, { unit, machine, active }: UnitRow): Promise<UnitUsageBody> {
  if (machine === null || active === "inactive" || active === "failed") return {};
  try {
    return await client.usage(machine, unit);
  } catch {
    return {};
  }
}

/** What a person asked for is the status; a journal that cannot be read now must not hide it. */
async function readJournal(
  client: FlotillaClient,
  { unit, machine }: UnitRow,
  lines: number,
): Promise<JournalLine[]> {
  try {
    return await Array.fromAsync(client.journal(unit, { lines, ...(machine === null ? {} : { machine }) }));
  } catch {
    return [];
  }
}

function formatUnit(
  detail: UnitDetail,
  row: UnitRow | undefined,
  usage: UnitUsageBody,
  nowMs: number,
  paint: Paint,
): string[] {
  // What has finished and left its machine is known to be inactive.
  const active = row?.active ?? (row?.finishedMs ? "inactive" : null);
  const title = detail.description === null ? detail.unit : `${detail.unit} - ${detail.description}`;
  const facts: (readonly [string, string])[] = [
    ["Loaded", `${row?.load ?? "not loaded"} (${detail.hash.slice(0, 7)}; asked to be ${detail.desired})`],
    ["Active", formatActive(row, nowMs, paint)],
    ...machineFacts(row),
    ...typeFacts(usage, nowMs),
    ...exitFacts(row),
    ...usageFacts(usage),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  return [
    `${paint(stateLook(active), stateGlyph(active))} ${paint("bold", title)}`,
    ...facts.map(([name, value]) => `  ${name.padStart(width + 2)}${name === "" ? " " : ":"} ${value}`),
  ];
}

function formatActive(row: UnitRow | undefined, nowMs: number, paint: Paint): string {
  if (row?.finishedMs)
    return `${paint("dim", "inactive (dead)")}, finished ${formatSince(row.finishedMs, nowMs)}`;
  if (row === undefined || row.active === null) return paint("dim", "inactive, on no machine");
  const state = paint(stateLook(row.active), stateText(row));
  return `${state}${row.sinceMs === null ? "" : ` since ${formatSince(row.sinceMs, nowMs)}`}`;
}

function formatSince(timeMs: number, nowMs: number): string {
  return `${formatTime(timeMs)}; ${formatAge(nowMs - timeMs)} ago`;
}

function machineFacts(row: UnitRow | undefined): (readonly [string, string])[] {
  if (row === undefined) return [];
  if (row.unplaced !== null) {
    const refusals = row.unplaced.refusals.map(({ machineName, text }) => `${machineName}: ${text}`);
    return [["Unplaced", row.unplaced.summary], ...refusals.map((text) => ["", text] as const)];
  }
  if (row.machine === null) return [];
  return [
    [
      "Machine",
      `${row.machineName} (${row.machine.slice(0, 8)})${row.reason === null ? "" : `, ${row.reason}`}`,
    ],
  ];
}

/** A label that is that of the line before is not repeated. */
function typeFacts({ facts = [] }: UnitUsageBody, nowMs: number): (readonly [string, string])[] {
  return facts.map((fact, index) => {
    const label = facts[index - 1]?.label === fact.label ? "" : fact.label;
    return [label, "text" in fact ? fact.text : formatUntil(fact.atMs, nowMs)];
  });
}

function formatUntil(timeMs: number, nowMs: number): string {
  return `${formatTime(timeMs)}; ${formatAge(timeMs - nowMs)} left`;
}

function usageFacts(usage: UnitUsageBody): (readonly [string, string])[] {
  const { tasks, memoryBytes, memoryPeakBytes, cpuMs, ioReadBytes, ioWriteBytes } = usage;
  const facts: (readonly [string, string])[] = [];
  if (tasks !== undefined) facts.push(["Tasks", String(tasks)]);
  if (memoryBytes !== undefined) {
    const peak = memoryPeakBytes === undefined ? "" : ` (peak ${formatSize(memoryPeakBytes)})`;
    facts.push(["Memory", `${formatSize(memoryBytes)}${peak}`]);
  }
  if (cpuMs !== undefined) facts.push(["CPU", formatDuration(Math.round(cpuMs))]);
  // A unit that has not touched a disk has nothing to tell of it.
  if (ioReadBytes || ioWriteBytes) {
    facts.push(["IO", `${formatSize(ioReadBytes ?? 0)} read, ${formatSize(ioWriteBytes ?? 0)} written`]);
  }
  return facts;
}

function exitFacts(row: UnitRow | undefined): (readonly [string, string])[] {
  if (row === undefined) return [];
  const facts: (readonly [string, string])[] = [];
  if (row.mainPid !== null) facts.push(["Main PID", String(row.mainPid)]);
  else if (row.exitSignal !== null) facts.push(["Process", `ended by signal ${row.exitSignal}`]);
  else if (row.exitCode !== null) facts.push(["Process", `exited with ${row.exitCode}`]);
  if (row.restarts > 0) facts.push(["Restarts", String(row.restarts)]);
  const message = messageOf(row);
  if (message !== null) facts.push(["Status", message]);
  return facts;
}
