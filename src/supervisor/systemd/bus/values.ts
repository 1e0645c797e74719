/** What comes in D-Bus messages, read as the types that it should have; anything else counts as absent. Pure. */

/** By name; a variant is the value in it. */
export type Properties = Readonly<Record<string, unknown>>;

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** 64-bit integers come as bigint. Beyond 2^53 they lose their last digits; systemd's "not set" stays huge. */
export function number(value: unknown): number {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : 0;
}

export function flag(value: unknown): boolean {
  return value === true || value === 1;
}

/** Bytes as hex digits. */
export function hex(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString("hex");
  return Array.isArray(value) ? Buffer.from(value.map(number)).toString("hex") : "";
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function texts(value: unknown): readonly string[] {
  return list(value).filter((one) => typeof one === "string");
}

export function properties(value: unknown): Properties {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value));
}
