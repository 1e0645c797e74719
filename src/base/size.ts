/** Sizes in systemd's notation (`512M`, `1.5G`, `50%`) to and from numbers. */

import type { NumberFault } from "./number.ts";

const SUFFIXES: readonly string[] = ["", "K", "M", "G", "T", "P", "E"];
/** In the order in which they may follow each other: `1G 512M`. */
const DESCENDING: readonly string[] = ["E", "P", "T", "G", "M", "K", "B", ""];
const TOO_LARGE = 2 ** 64;

/** `1.5G` as a number of bytes, or undefined. `base` is 1024 for memory and files, 1000 for rates. */
export function parseSize(text: string, base: 1024 | 1000 = 1024): number | undefined {
  const size = readSize(text, base);
  return typeof size === "number" ? size : undefined;
}

/** The same, saying why a text is none. Parts add up, from large to small: `1G 512M`. */
export function readSize(text: string, base: 1024 | 1000 = 1024): number | NumberFault {
  const part = /\s*([+-]?)(\d+)(?:\.(\d*))?\s*([EPTGMKB]?)/y;
  let total = 0;
  let from = 0;
  do {
    const match = part.exec(text);
    if (match === null) return "Invalid argument";
    const [, sign, whole = "", fraction = "", suffix = ""] = match;
    if (sign === "-" || Number(whole) >= TOO_LARGE) return "Numerical result out of range";
    const place = DESCENDING.indexOf(suffix);
    if (place < from) return "Invalid argument";
    from = place + 1;
    total += Math.floor(Number(`${whole}.${fraction}`) * base ** Math.max(SUFFIXES.indexOf(suffix), 0));
    if (total >= TOO_LARGE) return "Numerical result out of range";
  } while (part.lastIndex < text.length);
  return total;
}

/** Shares of a hundred, a thousand and ten thousand, with as many decimals as make ten-thousandths. */
const PERCENT = /^\+?(?:(\d+(?:\.\d{1,2})?)%|(\d+(?:\.\d)?)‰|(\d+)‱)$/;

/** `12.5%` (or `125‰`, `1250‱`) as the share 0.125, or undefined; shares over 1 are the caller's to refuse. */
export function parsePercent(text: string): number | undefined {
  const [, percent, thousandth, tenThousandth] = PERCENT.exec(text) ?? [];
  if (percent !== undefined) return Number(percent) / 100;
  if (thousandth !== undefined) return Number(thousandth) / 1000;
  return tenThousandth === undefined ? undefined : Number(tenThousandth) / 10_000;
}

/** A number of bytes as people read it, to one decimal: `512M`, `1.5G`. */
export function formatSize(bytes: number): string {
  if (!Number.isFinite(bytes)) return "infinity";
  let value = bytes;
  let exponent = 0;
  while (value >= 1024 && exponent < SUFFIXES.length - 1) {
    value /= 1024;
    exponent++;
  }
  return `${Math.round(value * 10) / 10}${SUFFIXES[exponent] ?? ""}${exponent === 0 ? "B" : ""}`;
}
