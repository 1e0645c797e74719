/** Whole numbers as systemd reads them: decimal, `0x…` hexadecimal, `0…` and `0o…` octal, `0b…` binary. */

/** Why a text is no number that is wanted, in the words of the C library. */
export type NumberFault = "Invalid argument" | "Numerical result out of range";

const BASES: ReadonlyMap<string, readonly [digits: RegExp, base: number]> = new Map([
  ["x", [/^[0-9a-f]+$/i, 16]],
  ["o", [/^[0-7]+$/, 8]],
  ["b", [/^[01]+$/, 2]],
]);

/** The number, from `min` to `max`. Numbers that JavaScript cannot hold exactly are rounded. */
export function parseInteger(text: string, min: number, max: number): number | NumberFault {
  const number = parseDigits(text) ?? parseSigned(text);
  if (number === undefined) return "Invalid argument";
  return number >= min && number <= max ? number : "Numerical result out of range";
}

function parseSigned(text: string): number | undefined {
  const [, sign = "", digits = ""] = /^\s*([+-]?)(.*)$/s.exec(text) ?? [];
  const magnitude = parseDigits(digits);
  return sign === "-" && magnitude !== undefined && magnitude !== 0 ? -magnitude : magnitude;
}

function parseDigits(digits: string): number | undefined {
  if (/^(0|[1-9]\d*)$/.test(digits)) return Number(digits);
  const [, prefix = "o", rest = ""] = /^0([xob]?)(.+)$/i.exec(digits) ?? [];
  const [pattern, base] = BASES.get(prefix.toLowerCase() === "" ? "o" : prefix.toLowerCase()) ?? [];
  return base === undefined || pattern?.test(rest) !== true ? undefined : Number.parseInt(rest, base);
}
