/** Which of the jobs that nothing holds back is run first: by the unit's kind and name, as in systemd's unit_compare_priority(). */
import type { UnitSuffix } from "#unit/name.ts";

/** What others may depend on comes first. */
const KINDS: readonly UnitSuffix[] = [
  "scope",
  "slice",
  "path",
  "timer",
  "automount",
  "device",
  "target",
  "socket",
  "swap",
  "mount",
  "service",
];

/** The unit that comes first; of none, the empty name. */
export function firstToRun(units: Iterable<string>): string {
  let first = "";
  for (const unit of units) if (first === "" || goesBefore(unit, first)) first = unit;
  return first;
}

function goesBefore(a: string, b: string): boolean {
  const difference = rank(a) - rank(b);
  return difference === 0 ? a < b : difference < 0;
}

function rank(unit: string): number {
  return KINDS.findIndex((kind) => unit.endsWith(`.${kind}`));
}
