/** A unit's state in the words of `systemctl status`. */
import type { UnitRow } from "#api/bodies.ts";

/** `active (running)`; a sub state that only repeats the state gives way to a bad result: `failed (Result: exit-code)`. */
export function stateText({ active, sub, result }: Pick<UnitRow, "active" | "sub" | "result">): string {
  const told = result === null || result === "success" ? [] : [`Result: ${result}`];
  const parts = sub === active && told.length > 0 ? told : [sub, ...told];
  return [active, ...parts.map((part) => `(${part})`)].join(" ");
}

/** What is told of the unit, unless that is only its result in other words. */
export function messageOf({ unit, result, message }: UnitRow): string | null {
  return message?.startsWith(`${unit} failed with result '${result}'`) === true ? null : message;
}
