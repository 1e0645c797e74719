/** Condition…= and Assert…= of [Unit], tried on this machine (systemd.unit(5)). */
import type { Check, Condition } from "#unit/condition.ts";
import type { CheckMachine } from "./conditions/check.ts";
import { MACHINE_CHECKERS } from "./conditions/machine-checks.ts";
import { PATH_CHECKERS } from "./conditions/path-checks.ts";

const CHECKERS: { readonly [C in Check]: CheckMachine } = { ...PATH_CHECKERS, ...MACHINE_CHECKERS };

/** What keeps a unit from being started: the first condition that does not hold, or all of the triggering ones. */
export function unmetConditions(
  conditions: readonly Condition[],
  kind: Condition["kind"],
): readonly Condition[] | undefined {
  const own = conditions.filter((condition) => condition.kind === kind);
  const failed = own.find((condition) => !condition.triggering && !holds(condition));
  if (failed !== undefined) return [failed];
  const triggering = own.filter((condition) => condition.triggering);
  return triggering.length === 0 || triggering.some(holds) ? undefined : triggering;
}

/** In systemd's words, behind "was skipped because". */
export function describeUnmet(conditions: readonly Condition[]): string {
  const [only, ...others] = conditions;
  if (only === undefined || others.length > 0) return "no trigger condition checks were met";
  return `of an unmet condition check (${describeCondition(only)})`;
}

/** The condition as it stands in a unit file. */
function describeCondition({ kind, check, argument, negated, triggering }: Condition): string {
  const prefix = kind === "condition" ? "Condition" : "Assert";
  return `${prefix}${check}=${triggering ? "|" : ""}${negated ? "!" : ""}${argument}`;
}

/** What cannot be told does not hold, negated or not. */
function holds({ check, argument, negated }: Condition): boolean {
  try {
    const met = CHECKERS[check](argument);
    return met !== undefined && met !== negated;
  } catch {
    return false;
  }
}
