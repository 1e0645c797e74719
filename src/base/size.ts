/** Sizes in systemd's notation (`512M`, `1.5G`, `50%`) to and from numbers. */

const SUFFIXES: readonly string[] = ["", "K", "M", "G", "T", "P", "E"];

/** `1.5G` as a number of bytes, or undefined. `base` is 1024 for memory and files, 1000 for rates. */
export function parseSize(text: string, base: 1024 | 1000 = 1024): number | undefined {
  const match = /^\s*\+?(\d+(?:\.\d+)?)\s*([KMGTPE]?)B?\s*$/.exec(text);
  if (match === null) return undefined;
  const exponent = SUFFIXES.indexOf(match[2] ?? "");
  return Math.floor(Number(match[1]) * base ** exponent);
}

/** `12.5%` as the share 0.125, or undefined. systemd takes up to two decimals; shares over 1 are the caller's to refuse. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d+(?:\.\d{1,2})?)%$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) / 100;
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
