/** What runs where, as lines of text. Pure: rows of the API in, lines out. */
import type { UnitRow } from "#api/bodies.ts";
import type { DevLayout, DevMachine } from "./layout.ts";

/** The shape tells as much as any colour would. */
const GLYPHS = {
  active: "●",
  changing: "↻",
  finished: "✓",
  failed: "×",
  waiting: "○",
} as const;
type Condition = keyof typeof GLYPHS;

export const LEGEND = Object.entries(GLYPHS)
  .map(([condition, glyph]) => `${glyph} ${condition}`)
  .join("  ");

/** A unit's condition in one word; `waiting` is loaded and not started, or not placed yet. */
export function conditionOf(row: UnitRow): Condition {
  if (row.active === "failed") return "failed";
  if (row.active === "active") return "active";
  if (row.finishedMs !== null) return "finished";
  return row.active === null || row.active === "inactive" ? "waiting" : "changing";
}

/** True when the unit needs no more waiting for: it runs, has run, or has failed. */
export function isSettled(row: UnitRow): boolean {
  return ["active", "finished", "failed"].includes(conditionOf(row));
}

/** A line for each machine, with the units on it beneath, in lines of at most `width` characters. */
export function overviewLines(layout: DevLayout, rows: readonly UnitRow[], width: number): readonly string[] {
  const homeless = rows.filter((row) => row.machine === null);
  return [
    ...layout.machines.flatMap((machine) => machineLines(machine, rows, width)),
    ...(homeless.length === 0 ? [] : ["on no machine", ...unitLines(homeless, width)]),
  ];
}

function machineLines(machine: DevMachine, rows: readonly UnitRow[], width: number): readonly string[] {
  const { name, address, metadata, storePort } = machine;
  const labels = Object.entries(metadata).map(([key, value]) => `${key}=${value}`);
  const title = [name.padEnd(3), address, ...labels, ...(storePort === null ? [] : ["store"])].join("  ");
  const own = rows.filter((row) => row.machineName === name);
  return [title, ...(own.length === 0 ? ["    nothing yet"] : unitLines(own, width))];
}

function unitLines(rows: readonly UnitRow[], width: number): readonly string[] {
  const words = rows.map((row) => `${GLYPHS[conditionOf(row)]} ${shortName(row.unit)}`);
  const lines: string[] = [];
  for (const word of words.sort((a, b) => a.slice(2).localeCompare(b.slice(2)))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + word.length <= width)
      lines[lines.length - 1] = `${last}  ${word}`;
    else lines.push(`    ${word}`);
  }
  return lines;
}

/** One sentence on a unit that has settled. */
export function settledLine(row: UnitRow): string {
  const condition = conditionOf(row);
  const why = condition === "failed" && row.message !== null ? `: ${row.message}` : "";
  return `${GLYPHS[condition]} ${shortName(row.unit)} ${condition} on ${row.machineName ?? "no machine"}${why}`;
}

function shortName(unit: string): string {
  return unit.replace(/\.service$/, "");
}
