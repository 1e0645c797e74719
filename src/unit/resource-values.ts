/** Grammars of resource limits: systemd.resource-control(5) and the Limit keys of systemd.exec(5). */
import { parseDuration } from "#base/duration.ts";
import { type NumberFault, parseInteger } from "#base/number.ts";
import { parsePercent, parseSize, readSize } from "#base/size.ts";
import { Complaint } from "./diagnostic.ts";
import { type Grammar, grammar, refusingEmpty } from "./grammar.ts";
import type { Limit, TasksLimit } from "./resources.ts";

const LIMIT_NAME = "a size such as 512M, a share such as 50%, or infinity";
/** The largest number of 64 bits, which is systemd's own sign for no limit; it rounds up here. */
const LARGEST = "18446744073709551615";

/** What a unit is guaranteed: bytes, or a share of the machine's memory. Infinity bytes is `infinity`. */
export const memoryFloor = memoryGrammar((bytes) => bytes < 2 ** 64);

/** What a unit may use; nothing at all is refused. */
export const memoryLimit = memoryGrammar((amount) => amount > 0 && amount < 2 ** 64);

function memoryGrammar(isGood: (amount: number) => boolean): Grammar<Limit> {
  return {
    name: LIMIT_NAME,
    parse: (text) => {
      if (text === "infinity") return { bytes: Number.POSITIVE_INFINITY };
      const limit = parseMemory(text);
      if (typeof limit === "string")
        return new Complaint(`Invalid memory limit '${text}', ignoring: ${limit}`);
      if (isGood("share" in limit ? limit.share : limit.bytes)) return limit;
      return new Complaint(`Memory limit '${text}' out of range, ignoring.`);
    },
  };
}

function parseMemory(text: string): Limit | NumberFault {
  const share = parsePercent(text);
  if (share !== undefined && share <= 1) return { share };
  if (text === LARGEST) return { bytes: 2 ** 64 };
  const bytes = readSize(text);
  return typeof bytes === "number" ? { bytes } : bytes;
}

/** A number of tasks, or a share of what the machine allows. */
export const tasksLimit: Grammar<TasksLimit> = {
  name: "a number of tasks, a share such as 50%, or infinity",
  parse: (text) => {
    if (text === "infinity") return { count: Number.POSITIVE_INFINITY };
    const share = parsePercent(text);
    if (share !== undefined && share <= 1) return { share };
    const count = text === LARGEST ? 0 : parseInteger(text, 0, 2 ** 64 - 2048);
    if (typeof count !== "number")
      return new Complaint(`Invalid maximum tasks value '${text}', ignoring: ${count}`);
    if (count > 0) return { count };
    return new Complaint(`Maximum tasks value '${text}' out of range, ignoring.`);
  },
};

/** Cores: `50%` is 0.5; more than one core is allowed. */
export const cpuQuota = grammar(
  "a share of one core such as 50% or 200%",
  (text) => {
    const share = parsePercent(text);
    return share !== undefined && share > 0 && share * 10_000 < 2 ** 31 ? share : undefined;
  },
  "Invalid CPU quota '%v', ignoring.",
);

/** systemd's weight, 100 being everybody's; 0 stands for `idle`. */
export const cpuWeight = grammar(
  "a number from 1 to 10000, or idle",
  (text) => (text === "idle" ? 0 : parseWeight(text)),
  "Invalid CPU weight, ignoring: %v",
);

export const ioWeight = grammar("a number from 1 to 10000", parseWeight, "Invalid weight, ignoring: %v");

function parseWeight(text: string): number | undefined {
  const weight = parseInteger(text, 1, 10_000);
  return typeof weight === "number" ? weight : undefined;
}

export interface LimitPair {
  readonly soft: number;
  readonly hard: number;
}

/** Units of a resource limit: a count, bytes, seconds (LimitCPU=) or microseconds (LimitRTTIME=). */
export type LimitUnit = "count" | "bytes" | "seconds" | "microseconds" | "nice";

/** `1024:524288`, `infinity`, `1G`: soft and hard limit, one value being both. */
export function resourceLimit(unit: LimitUnit): Grammar<LimitPair> {
  return refusingEmpty(
    grammar(
      "a limit, or soft:hard, each a number or infinity",
      (value) => {
        const [soft, hard, more] = value.split(":").map((part) => parseResource(part.trim(), unit));
        if (soft === undefined || more !== undefined || (value.includes(":") && hard === undefined))
          return undefined;
        const pair = { soft, hard: hard ?? soft };
        if (pair.soft <= pair.hard) return pair;
        return new Complaint(`Soft resource limit chosen higher than hard limit, ignoring: ${value}`);
      },
      "Failed to parse resource value, ignoring: %v",
    ),
  );
}

function parseResource(value: string, unit: LimitUnit): number | undefined {
  if (unit === "nice") return parseNiceLimit(value);
  if (value === "infinity") return Number.POSITIVE_INFINITY;
  if (unit === "bytes") return parseSize(value);
  if (unit === "seconds") return wholeUnits(parseDuration(value), 1000);
  if (unit === "microseconds") return wholeUnits(parseDuration(value, 1 / 1000), 1 / 1000);
  const count = parseInteger(value, 0, 2 ** 64 - 2048);
  return typeof count === "number" ? count : undefined;
}

/** setrlimit counts whole units; what is begun counts. */
function wholeUnits(ms: number | undefined, unitMs: number): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / unitMs);
}

/** `+5` and `-5` are nice levels, which the kernel counts as 20 minus the level; a bare number is the kernel's own. */
function parseNiceLimit(value: string): number | undefined {
  const isLevel = /^[+-]/.test(value);
  const number = isLevel ? parseInteger(value, -20, 19) : parseInteger(value, 0, 40);
  if (typeof number !== "number") return undefined;
  return isLevel ? 20 - number : number;
}
