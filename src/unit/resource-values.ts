/** Grammars of resource limits: systemd.resource-control(5) and the Limit keys of systemd.exec(5). */
import { parseDuration } from "#base/duration.ts";
import { parsePercent, parseSize } from "#base/size.ts";
import { Complaint } from "./diagnostic.ts";
import { type Grammar, grammar } from "./grammar.ts";
import type { Limit, TasksLimit } from "./resources.ts";

const LIMIT_NAME = "a size such as 512M, a share such as 50%, or infinity";
const BAD_LIMIT = "Invalid memory limit '%v', ignoring: Invalid argument";

/** What a unit is guaranteed: bytes, or a share of the machine's memory. Infinity bytes is `infinity`. */
export const memoryFloor: Grammar<Limit> = grammar(LIMIT_NAME, parseMemory, BAD_LIMIT);

/** What a unit may use; nothing at all is refused. */
export const memoryLimit: Grammar<Limit> = grammar(
  LIMIT_NAME,
  (text) => {
    const limit = parseMemory(text);
    const isNone = limit !== undefined && ("share" in limit ? limit.share : limit.bytes) === 0;
    return isNone ? new Complaint(`Memory limit '${text}' out of range, ignoring.`) : limit;
  },
  BAD_LIMIT,
);

function parseMemory(text: string): Limit | undefined {
  if (text === "infinity") return { bytes: Number.POSITIVE_INFINITY };
  const share = parsePercent(text);
  if (share !== undefined) return share <= 1 ? { share } : undefined;
  const bytes = parseSize(text);
  return bytes === undefined ? undefined : { bytes };
}

/** A number of tasks, or a share of what the machine allows. */
export const tasksLimit: Grammar<TasksLimit> = grammar(
  "a number of tasks, a share such as 50%, or infinity",
  (text) => {
    const limit = parseMemory(text);
    if (limit === undefined) return undefined;
    const isNone = ("share" in limit ? limit.share : limit.bytes) === 0;
    if (isNone) return new Complaint(`Maximum tasks value '${text}' out of range, ignoring.`);
    return "share" in limit ? limit : { count: limit.bytes };
  },
  "Invalid maximum tasks value '%v', ignoring: Invalid argument",
);

/** Cores: `50%` is 0.5; more than one core is allowed. */
export const cpuQuota = grammar(
  "a share of one core such as 50% or 200%",
  (text) => {
    const share = parsePercent(text);
    return share !== undefined && share > 0 ? share : undefined;
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
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 10_000 ? number : undefined;
}

export interface LimitPair {
  readonly soft: number;
  readonly hard: number;
}

/** Units of a resource limit: a count, bytes, seconds (LimitCPU=) or microseconds (LimitRTTIME=). */
export type LimitUnit = "count" | "bytes" | "seconds" | "microseconds" | "nice";

/** `1024:524288`, `infinity`, `1G`: soft and hard limit, one value being both. */
export function resourceLimit(unit: LimitUnit): Grammar<LimitPair> {
  return grammar(
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
  );
}

function parseResource(value: string, unit: LimitUnit): number | undefined {
  if (value === "infinity") return Number.POSITIVE_INFINITY;
  if (unit === "bytes") return parseSize(value);
  if (unit === "seconds") return wholeUnits(parseDuration(value), 1000);
  if (unit === "microseconds") return wholeUnits(parseDuration(value, 1 / 1000), 1 / 1000);
  if (unit === "nice") return parseNiceLimit(value);
  return /^\+?\d+$/.test(value) ? Number(value) : undefined;
}

/** setrlimit counts whole units; what is begun counts. */
function wholeUnits(ms: number | undefined, unitMs: number): number | undefined {
  return ms === undefined ? undefined : Math.ceil(ms / unitMs);
}

/** `+5` and `-5` are nice levels, which the kernel counts as 20 minus the level; a bare number is the kernel's own. */
function parseNiceLimit(value: string): number | undefined {
  const match = /^([+-]?)(\d+)$/.exec(value);
  if (match === null) return undefined;
  const number = Number(match[2]);
  if (match[1] === "") return number;
  const level = match[1] === "-" ? -number : number;
  return level >= -20 && level <= 19 ? 20 - level : undefined;
}
