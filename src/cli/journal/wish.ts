/** What is asked of the journal on a command line, in journalctl's words, as a query of the API. Pure. */
import type { JournalWish } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import { completeUnitName } from "#unit/name.ts";
import type { Options } from "../command.ts";
import { type JournalFormat, needsFields } from "./formats.ts";
import { parseTimestamp } from "./timestamp.ts";

const DEFAULT_LINES = 10;
/** By number, systemd.journal-fields(7). */
const PRIORITIES = "emerg alert crit err warning notice info debug".split(" ");

/** @throws FlotillaError `usage` that names the option and what it takes */
export function readWish(
  args: readonly string[],
  options: Options,
  format: JournalFormat,
  nowMs: number,
): JournalWish {
  // What stands behind --unit is read as one of its units too, so that it makes no difference which way one is named.
  const words = [...options.list("unit"), ...args];
  const matches = words.filter(isMatch);
  const units = words.filter((word) => !isMatch(word)).map(completeName);
  const grep = options.text("grep");
  return {
    unit: units.length === 0 ? undefined : units,
    match: matches.length === 0 ? undefined : matches,
    priority: readPriority(options.text("priority")),
    since: readTime("since", options, nowMs),
    until: readTime("until", options, nowMs),
    boot: readBoot(options),
    identifier: options.text("identifier"),
    invocation: options.text("invocation"),
    grep,
    ignoreCase: flag(grep !== undefined && ignoresCase(grep, options)),
    lines: readLines(options),
    after: options.text("after-cursor"),
    reverse: flag(options.flag("reverse")),
    follow: flag(options.flag("follow")),
    fields: flag(needsFields(format)),
  };
}

function flag(value: boolean): "true" | undefined {
  return value ? "true" : undefined;
}

function isMatch(arg: string): boolean {
  return arg === "+" || /^[A-Z_][A-Z0-9_]*=/.test(arg);
}

/** A pattern stays as it is. */
export function completeName(text: string): string {
  return /[*?[]/.test(text) ? text : completeUnitName(text);
}

/** Without any bound in time, the last few lines are what is looked for. */
function readLines(options: Options): number | undefined {
  if (options.text("lines") === "all") return undefined;
  const isBounded = ["since", "until", "after-cursor", "boot"].some((name) => options.has(name));
  return options.count("lines") ?? (isBounded && !options.flag("follow") ? undefined : DEFAULT_LINES);
}

function readPriority(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ends = text.split("..").map((one) => priorityNumber(one));
  const [from, to] = ends;
  if (ends.length > 2 || from === undefined || (ends.length === 2 && to === undefined)) {
    throw new FlotillaError("usage", `--priority takes one of ${PRIORITIES.join(", ")}, not ${text}`, {
      hint: "or a number from 0 to 7, or a range such as err..warning",
    });
  }
  return to === undefined ? `${from}` : `${Math.min(from, to)}..${Math.max(from, to)}`;
}

function priorityNumber(text: string): number | undefined {
  const number = /^[0-7]$/.test(text) ? Number(text) : PRIORITIES.indexOf(text);
  return number < 0 ? undefined : number;
}

function readTime(name: string, options: Options, nowMs: number): number | undefined {
  const text = options.text(name);
  if (text === undefined) return undefined;
  const timeUs = parseTimestamp(text, nowMs);
  if (timeUs !== undefined) return Math.max(0, timeUs);
  throw new FlotillaError("usage", `--${name} takes a point in time, not ${text}`, {
    hint: 'such as "2026-11-23 18:17", 18:17, yesterday, -1h, "2h ago" or @1700000000',
  });
}

function readBoot(options: Options): string | undefined {
  const text = options.text("boot") ?? (options.flag("boot") ? "0" : undefined);
  if (text === undefined || /^([+-]?\d{1,6}|[0-9a-f]{32}|[0-9a-f-]{36})$/.test(text)) return text;
  throw new FlotillaError("usage", `--boot takes a boot's ID or a number, not ${text}`, {
    hint: "0 is the present boot, -1 the one before, 1 the first that is known",
  });
}

/** journalctl's rule: a pattern without capitals ignores case, unless it is said otherwise. */
function ignoresCase(pattern: string, options: Options): boolean {
  if (options.flag("case-sensitive")) return false;
  const said = options.text("case-sensitive");
  if (said !== undefined) return ["no", "false", "0", "off"].includes(said);
  return pattern === pattern.toLowerCase();
}
