/** Many refusals in one line: what speaks against how many machines. */
import type { Refusal } from "./cluster-plan.ts";

/** What a code says of one machine and of several; `text` stands for the refusal's own sentence. */
const PHRASES: Readonly<Record<Refusal["code"], (count: number, texts: readonly string[]) => string>> = {
  cordoned: (count) => `${count} ${count === 1 ? "is" : "are"} cordoned`,
  draining: (count) => `${count} ${count === 1 ? "is" : "are"} drained`,
  "failed-there": (count) => `${count} ${has(count)} had it fail`,
  "machine-id": (count) => `${count} ${count === 1 ? "is" : "are"} not the machine it is pinned to`,
  metadata: (count, texts) => `${count} ${lacks(count)} ${asked(texts)}`,
  "machine-of": (count, texts) => `${count} ${count === 1 ? "does" : "do"} not have ${peers(texts)}`,
  conflicts: (count) => `${count} ${has(count)} units it cannot be with`,
  "max-per-machine": (count) => `${count} ${has(count)} as many of its instances as are allowed`,
  cpu: (count) => `${count} ${lacks(count)} CPU`,
  memory: (count) => `${count} ${lacks(count)} memory`,
  global: (count) => `${count} cannot take a global unit that asks for MachineOf=`,
  "strict-wait": (count) => `${count} ${count === 1 ? "waits" : "wait"} for its last copy to have stopped`,
};

/** "3 machines: 2 lack metadata disk=ssd, 1 is cordoned". With no refusals: "there are no machines". */
export function summariseRefusals(refusals: readonly Refusal[]): string {
  if (refusals.length === 0) return "there are no machines";
  const byCode = new Map<Refusal["code"], string[]>();
  for (const { code, text } of refusals) {
    const texts = byCode.get(code);
    if (texts === undefined) byCode.set(code, [text]);
    else texts.push(text);
  }
  const parts = [...byCode].sort((left, right) => right[1].length - left[1].length);
  const causes = parts.map(([code, texts]) => PHRASES[code](texts.length, texts));
  return `${refusals.length === 1 ? "1 machine" : `${refusals.length} machines`}: ${causes.join(", ")}`;
}

function lacks(count: number): string {
  return count === 1 ? "lacks" : "lack";
}

function has(count: number): string {
  return count === 1 ? "has" : "have";
}

/** The metadata the refusals name, where all name the same. */
function asked(texts: readonly string[]): string {
  const named = new Set(texts.map((text) => text.slice(text.indexOf("asks for ") + "asks for ".length)));
  return `metadata ${[...named].sort().join(" and ")}`;
}

function peers(texts: readonly string[]): string {
  const named = new Set(texts.map((text) => /^does not have (\S+)/.exec(text)?.[1] ?? "its peer"));
  return `${[...named].sort().join(" or ")} (MachineOf)`;
}
