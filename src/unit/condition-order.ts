/** Comparisons within conditions: `>=1.2`, by systemd's order of versions (strverscmp_improved, the UAPI version format). */
import { isBlank, splitWords } from "./words.ts";

/** Longer ones first, so that `<=` is not taken for `<`. */
const OPERATORS = ["<=", ">=", "<>", "!=", "==", "<", ">", "="] as const;

export type Order = (typeof OPERATORS)[number];

/** The operator that a text begins with, and what stands behind it and blanks; undefined when there is none. */
export function takeOrder(text: string): { readonly order: Order; readonly rest: string } | undefined {
  const order = OPERATORS.find((operator) => text.startsWith(operator));
  if (order === undefined) return undefined;
  return { order, rest: text.slice(order.length) };
}

/** Whether a comparison that came out as `difference` (below, at or above 0) is what the operator asks for. */
export function holdsOrder(order: Order, difference: number): boolean {
  switch (order) {
    case "<":
      return difference < 0;
    case "<=":
      return difference <= 0;
    case ">":
      return difference > 0;
    case ">=":
      return difference >= 0;
    case "=":
    case "==":
      return difference === 0;
    case "!=":
    case "<>":
      return difference !== 0;
  }
}

/** A value against `>= 5`; `>=` where no operator is written. `read` turns the text into a number; undefined: no number. */
export function holdsNumber(
  expression: string,
  value: number,
  read: (text: string) => number | undefined,
): boolean | undefined {
  const taken = takeOrder(expression) ?? ({ order: ">=", rest: expression } as const);
  let start = 0;
  while (isBlank(taken.rest[start])) start++;
  const bound = read(taken.rest.slice(start));
  return bound === undefined ? undefined : holdsOrder(taken.order, value - bound);
}

/**
 * A version against all words of an expression: comparisons, or patterns. Undefined when it cannot be read. A blank
 * behind an operator is taken in the first comparison only.
 */
export function holdsVersion(
  expression: string,
  version: string,
  matches: (pattern: string, text: string) => boolean,
): boolean | undefined {
  const { words, unbalanced } = splitWords(expression, { escapes: "keep" });
  if (unbalanced) return undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const taken = takeOrder(word);
    let holds: boolean;
    if (taken === undefined) holds = matches(word, version);
    else {
      const bound = taken.rest === "" && at === 0 ? words[++at] : taken.rest;
      if (bound === undefined || bound === "") return undefined;
      holds = holdsOrder(taken.order, compareVersions(version, bound));
    }
    if (!holds) return false;
  }
  return true;
}

/** `VERSION_ID>=12 ID=debian` against the fields of os-release. Undefined when it cannot be read. */
export function holdsOsRelease(
  expression: string,
  fields: Readonly<Record<string, string>>,
): boolean | undefined {
  const { words, unbalanced } = splitWords(expression, { escapes: "keep" });
  if (unbalanced) return undefined;
  for (const word of words) {
    const [, key = "", comparison = ""] = /^([A-Za-z_]\w*)([!<=>].*)$/s.exec(word) ?? [];
    const taken = takeOrder(comparison);
    if (taken === undefined || taken.rest === "" || isBlank(taken.rest[0])) return undefined;
    if (!holdsField(taken.order, fields[key], taken.rest)) return false;
  }
  return true;
}

/** Equality is that of the text; only what is greater or less is a question of versions. */
function holdsField(order: Order, actual: string | undefined, wanted: string): boolean {
  if (order === "=" || order === "==") return actual === wanted;
  if (order === "!=" || order === "<>") return actual !== wanted;
  return holdsOrder(order, compareVersions(actual ?? "", wanted));
}

/** Below 0 when `a` is the older version. */
export function compareVersions(a: string, b: string): number {
  let [restA, restB] = [a, b];
  for (;;) {
    restA = restA.replace(/^[^A-Za-z0-9~^.-]+/, "");
    restB = restB.replace(/^[^A-Za-z0-9~^.-]+/, "");
    for (const separator of ["~", "", "-", "^", "."]) {
      const [hasA, hasB] = [beginsWith(restA, separator), beginsWith(restB, separator)];
      if (separator === "" && (hasA || hasB)) return Number(hasB) - Number(hasA);
      if (hasA !== hasB) return hasA ? -1 : 1;
      if (hasA && separator !== "") [restA, restB] = [restA.slice(1), restB.slice(1)];
    }
    const segment = /^[0-9]/.test(restA) || /^[0-9]/.test(restB) ? /^[0-9]*/ : /^[A-Za-z]*/;
    const [partA = "", partB = ""] = [segment.exec(restA)?.[0], segment.exec(restB)?.[0]];
    const difference = segment.source.includes("9")
      ? compareNumbers(partA, partB)
      : compareText(partA, partB);
    if (difference !== 0) return difference;
    restA = restA.slice(partA.length);
    restB = restB.slice(partB.length);
  }
}

/** The empty separator stands for the end of the text. */
function beginsWith(text: string, separator: string): boolean {
  return separator === "" ? text === "" : text.startsWith(separator);
}

/** Without limit of length; no digits at all count less than any. */
function compareNumbers(a: string, b: string): number {
  if ((a === "") !== (b === "")) return a === "" ? -1 : 1;
  const [bareA, bareB] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  return bareA.length - bareB.length || compareText(bareA, bareB);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
