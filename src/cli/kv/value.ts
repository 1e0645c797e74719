/** Values of keys between the API's form and bytes. */
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { KvPut } from "#api/store-bodies.ts";
import { FlotillaError } from "#base/errors.ts";

/** A value as the API gives it: text, or base64 of what is no text. */
export interface ApiValue {
  readonly value?: string;
  readonly base64?: string;
}

export function bytesOf({ value, base64 }: ApiValue): Buffer {
  return base64 === undefined ? Buffer.from(value ?? "", "utf8") : Buffer.from(base64, "base64");
}

export function toApiValue(bytes: Buffer): Pick<KvPut, "base64"> {
  return { base64: bytes.toString("base64") };
}

/** The file's bytes; `-` is standard input. @throws FlotillaError `usage` when it cannot be read. */
export async function readValueFile(path: string, cwd: string): Promise<Buffer> {
  const from = path === "-" ? "/dev/stdin" : isAbsolute(path) ? path : join(cwd, path);
  return readFile(from).catch((error: unknown) => {
    throw new FlotillaError("usage", `the value cannot be read from ${path}`, {
      causes: [error instanceof Error ? error.message : String(error)],
      cause: error,
    });
  });
}

/** A value on one line, short enough for a table; what is no text is told by its length. */
export function previewOf(value: ApiValue, columns: number): string {
  if (value.base64 !== undefined) return `(${bytesOf(value).length} bytes)`;
  const line = JSON.stringify(value.value ?? "").slice(1, -1);
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`;
}
