/** From the bytes of a file to text: the three ways in which bytes are no unit file at all. */
import type { Place } from "#base/errors.ts";
import type { Diagnostic, DiagnosticCode } from "./diagnostic.ts";

export interface DecodedUnitFile {
  /** The text, a BOM included; empty when `diagnostics` has an error. */
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Decodes without losing a byte, or says that the file is too large (`limitBytes`), not UTF-8, or binary, and where. */
export function decodeUnitFile(bytes: Uint8Array, limitBytes: number, file = "unit file"): DecodedUnitFile {
  if (bytes.length > limitBytes) {
    const message = `The file has ${bytes.length} bytes, more than the limit of ${limitBytes}.`;
    return refuse("unit-too-large", message, { file, line: 1, column: 1 });
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0)
    return refuse("not-text", "The file contains a NUL byte: it is binary.", placeOf(bytes, nul, file));
  try {
    return { text: strictDecoder().decode(bytes), diagnostics: [] };
  } catch {
    const message = "The file is not valid UTF-8.";
    return refuse("not-text", message, placeOf(bytes, firstInvalid(bytes), file));
  }
}

function refuse(code: DiagnosticCode, message: string, place: Place): DecodedUnitFile {
  return { text: "", diagnostics: [{ severity: "error", code, message, place }] };
}

function strictDecoder() {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

/** Index of the first byte that belongs to no character. */
function firstInvalid(bytes: Uint8Array): number {
  // The decoder tells only whether, so the longest valid beginning is searched for by halving.
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1;
    if (isValidStart(bytes.subarray(0, middle))) valid = middle;
    else invalid = middle;
  }
  return bytesBeforeLastCharacter(bytes, valid);
}

/** True when the bytes could go on to be valid: a character cut off at the end does not count. */
function isValidStart(bytes: Uint8Array): boolean {
  try {
    strictDecoder().decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Steps back over a character that was begun and never completed. */
function bytesBeforeLastCharacter(bytes: Uint8Array, end: number): number {
  const decoded = strictDecoder().decode(bytes.subarray(0, end), { stream: true });
  return new TextEncoder().encode(decoded).length;
}

function placeOf(bytes: Uint8Array, index: number, file: string): Place {
  const before = bytes.subarray(0, index);
  const lineStart = before.lastIndexOf(0x0a) + 1;
  let line = 1;
  for (const byte of before) if (byte === 0x0a) line++;
  const column = new TextDecoder().decode(before.subarray(lineStart)).length + 1;
  return { file, line, column };
}
