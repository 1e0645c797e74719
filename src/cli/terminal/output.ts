/** A command's data in the form that was asked for with -o. */
import { FlotillaError } from "#base/errors.ts";
import { nearest } from "#base/nearest.ts";
import type { TextSink } from "./io.ts";
import type { Paint } from "./style.ts";
import { type Column, formatTable, pickColumns } from "./table.ts";

const FORMATS = ["table", "wide", "json", "ndjson", "yaml", "name"] as const;
export type OutputFormat = (typeof FORMATS)[number];

/** @throws FlotillaError `usage` */
export function parseOutputFormat(text: string | undefined): OutputFormat {
  const format = FORMATS.find((one) => one === (text ?? "table"));
  if (format !== undefined) return format;
  const near = nearest(text ?? "", FORMATS);
  throw new FlotillaError("usage", `-o takes ${FORMATS.join(", ")}, not ${text}`, {
    ...(near === undefined ? {} : { hint: `did you mean -o ${near}?` }),
  });
}

/** A list of things of one kind, ready to be shown in every format. */
export interface Listing<T> {
  /** The name of the list in JSON: `units`. */
  readonly key: string;
  readonly items: readonly T[];
  /** All columns there are. */
  readonly columns: readonly Column<T>[];
  /** Fields of the ordinary table. */
  readonly fields: string;
  readonly name: (item: T) => string;
  /** A line below the table. */
  readonly footer?: string;
}

export interface ListingOptions {
  readonly format: OutputFormat;
  readonly fields: string | undefined;
  readonly legend: boolean;
  readonly paint: Paint;
}

/** Writes to `out`; @throws FlotillaError `usage` for a field that is none. */
export async function showListing<T>(
  out: TextSink,
  listing: Listing<T>,
  options: ListingOptions,
): Promise<void> {
  const { key, items, columns, name } = listing;
  if (options.format === "name") return writeLines(out, items.map(name));
  if (options.format === "ndjson")
    return writeLines(
      out,
      items.map((item) => JSON.stringify(item)),
    );
  if (options.format === "json" || options.format === "yaml")
    return showData(out, { [key]: items }, options.format);
  const picked =
    options.format === "wide" && options.fields === undefined
      ? columns
      : pickColumns(columns, options.fields ?? listing.fields);
  const lines = formatTable(picked, items, options);
  if (options.legend && listing.footer !== undefined) lines.push("", options.paint("dim", listing.footer));
  writeLines(out, lines);
}

/** One thing as JSON or YAML. */
export async function showData(out: TextSink, data: unknown, format: OutputFormat): Promise<void> {
  if (format === "yaml") {
    // The bundle knows a CommonJS package by its default export alone.
    const { default: yaml } = await import("yaml");
    out.write(yaml.stringify(data, { lineWidth: 0 }));
  } else if (format === "ndjson") writeLines(out, [JSON.stringify(data)]);
  else writeLines(out, [JSON.stringify(data, undefined, 2)]);
}

/** True for the formats that programs read. */
export function isData(format: OutputFormat): boolean {
  return format === "json" || format === "ndjson" || format === "yaml";
}

export function writeLines(out: TextSink, lines: readonly string[]): void {
  if (lines.length > 0) out.write(`${lines.join("\n")}\n`);
}
