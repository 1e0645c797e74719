/** Aligned columns, as fleetctl and systemctl print them. Pure. */
import { FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { Look, Paint } from "./style.ts";

export interface Column<T> {
  /** In lower case, as --fields names it; the heading is this in upper case. */
  readonly field: string;
  readonly value: (row: T) => string;
  readonly look?: (row: T) => Look | undefined;
}

/** The columns that --fields names, in its order. @throws FlotillaError `usage` */
export function pickColumns<T>(columns: readonly Column<T>[], fields: string): Column<T>[] {
  const names = columns.map(({ field }) => field);
  return fields.split(",").map((text) => {
    const name = text.trim().toLowerCase();
    const column = columns.find(({ field }) => field === name);
    if (column !== undefined) return column;
    const near = nearest(name, names);
    throw new FlotillaError("usage", `there is no field ${name}`, {
      hint: `${near === undefined ? "" : `did you mean ${near}? `}fields are: ${names.join(", ")}`,
    });
  });
}

/** Lines without trailing blanks; an empty value is shown as `-`. */
export function formatTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: { readonly legend: boolean; readonly paint: Paint },
): string[] {
  const cells = rows.map((row) => columns.map(({ value }) => value(row) || "-"));
  const headings = columns.map(({ field }) => field.toUpperCase());
  const widths = columns.map((_, index) =>
    Math.max(options.legend ? (headings[index]?.length ?? 0) : 0, ...cells.map((line) => width(line[index]))),
  );
  const lines = cells.map((line, rowIndex) => {
    const row = rows[rowIndex];
    return joinCells(line, widths, (text, index) => {
      const look = row === undefined ? undefined : columns[index]?.look?.(row);
      return look === undefined ? text : options.paint(look, text);
    });
  });
  if (!options.legend) return lines;
  return [joinCells(headings, widths, (text) => options.paint("bold", text)), ...lines];
}

/** Blanks stand outside the paint, so that an underlined or coloured cell ends where its text does. */
function joinCells(
  cells: readonly string[],
  widths: readonly number[],
  paint: (text: string, index: number) => string,
): string {
  const last = cells.length - 1;
  return cells
    .map((text, index) => {
      const blanks = index === last ? "" : " ".repeat(Math.max(0, (widths[index] ?? 0) - width(text)) + 2);
      return paint(text, index) + blanks;
    })
    .join("");
}

/** Counted in code points: unit and machine names have no wider characters. */
function width(text: string | undefined): number {
  return [...(text ?? "")].length;
}
