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

/** Stands where a row has nothing to show. */
const NOTHING = "-";

/** Lines without trailing blanks; an empty value is shown as `-`. */
export function formatTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: TableOptions,
): string[] {
  return new Table(columns, options).lines(rows);
}

export interface TableOptions {
  readonly legend: boolean;
  readonly paint: Paint;
}

/** A table to which rows come later: no column gets narrower than it was. */
export class Table<T> {
  readonly #columns: readonly Column<T>[];
  readonly #paint: Paint;
  #legend: boolean;
  #widths: readonly number[];

  constructor(columns: readonly Column<T>[], { legend, paint }: TableOptions) {
    this.#columns = columns;
    this.#paint = paint;
    this.#legend = legend;
    this.#widths = columns.map(({ field }) => (legend ? field.length : 0));
  }

  /** The lines of more rows, the first time with the headings above them. */
  lines(rows: readonly T[]): string[] {
    const cells = rows.map((row) => this.#columns.map(({ value }) => value(row) || NOTHING));
    this.#widths = this.#widths.map((least, index) =>
      Math.max(least, ...cells.map((line) => width(line[index]))),
    );
    const lines = cells.map((line, rowIndex) => {
      const row = rows[rowIndex];
      return joinCells(line, this.#widths, (text, index) => {
        const look = row === undefined || text === NOTHING ? undefined : this.#columns[index]?.look?.(row);
        return look === undefined ? text : this.#paint(look, text);
      });
    });
    const headings = this.#legend ? [this.#headings()] : [];
    this.#legend = false;
    return [...headings, ...lines];
  }

  #headings(): string {
    const texts = this.#columns.map(({ field }) => field.toUpperCase());
    return joinCells(texts, this.#widths, (text) => this.#paint("bold", text));
  }
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
