/**
 * Names in the order in which people count them: m2 before m10.
 *
 * Not by `localeCompare`: the first use of Node's collations takes 3 MiB of a daemon's memory.
 */

/** As `Array.sort` wants it; 0 also for names that differ in leading zeros only. */
export function compareNaturally(one: string, other: string): number {
  const [parts, against] = [partsOf(one), partsOf(other)];
  for (const [index, part] of parts.entries()) {
    const order = compareParts(part, against[index] ?? "");
    if (order !== 0) return order;
  }
  return parts.length - against.length;
}

/** Numbers, and what is between them. */
function partsOf(name: string): readonly string[] {
  return name.match(/\d+|\D+/g) ?? [];
}

function compareParts(one: string, other: string): number {
  const areNumbers = /^\d/.test(one) && /^\d/.test(other);
  if (areNumbers) return Math.sign(Number(one) - Number(other));
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
