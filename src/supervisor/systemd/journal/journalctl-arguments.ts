/** A query as arguments of journalctl(1) 252. Pure. */
import { FlotillaError } from "#base/errors.ts";
import type { JournalQuery } from "../../supervisor.ts";

const ALWAYS = ["--no-pager", "--quiet", "--all", "--output=json"];

/** A query that journalctl itself can answer as it stands. */
export function journalctlArguments(query: JournalQuery): readonly string[] {
  const { units, priority, sinceUs, untilUs, boot, identifiers, grep } = query;
  return [
    ...ALWAYS,
    ...(units ?? []).map((unit) => `--unit=${unit}`),
    ...(priority === undefined ? [] : [`--priority=${priority.from}..${priority.to}`]),
    ...(sinceUs === undefined ? [] : [`--since=${timeOf(sinceUs)}`]),
    ...(untilUs === undefined ? [] : [`--until=${timeOf(untilUs)}`]),
    ...(boot === undefined ? [] : [`--boot=${boot}`]),
    ...(identifiers ?? []).map((identifier) => `--identifier=${identifier}`),
    ...(grep === undefined
      ? []
      : [`--grep=${grep.pattern}`, `--case-sensitive=${grep.ignoreCase ? "no" : "yes"}`]),
    ...placeOf(query),
    ...matchesOf(query),
  ];
}

/** Where in time to begin, and in which direction. */
function placeOf({ lines, after, reverse, follow }: JournalQuery): readonly string[] {
  return [
    ...(after === undefined ? [] : [`--after-cursor=${after}`]),
    ...(lines === undefined ? [] : [`--lines=${lines}`]),
    ...(reverse === true ? ["--reverse"] : []),
    ...(follow === true ? ["--follow", ...(lines === undefined ? ["--no-tail"] : [])] : []),
  ];
}

/**
 * journalctl has no option for a run before systemd 257, so that it becomes a match: what the unit wrote or what was
 * written about it, each with all the matches that are asked for.
 */
function matchesOf({ invocation, matches = [] }: JournalQuery): readonly string[] {
  for (const match of matches) checkMatch(match);
  if (invocation === undefined) return matches;
  const groups = splitGroups(matches);
  const runs = [`_SYSTEMD_INVOCATION_ID=${invocation}`, `INVOCATION_ID=${invocation}`];
  return runs.flatMap((run) => groups.flatMap((group) => ["+", run, ...group])).slice(1);
}

function splitGroups(matches: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [[]];
  for (const match of matches) {
    if (match === "+") groups.push([]);
    else groups.at(-1)?.push(match);
  }
  return groups;
}

/** Anything else would be an option or a path to journalctl. */
function checkMatch(match: string): void {
  if (match === "+" || /^[A-Z_][A-Z0-9_]*=/.test(match)) return;
  throw new FlotillaError("bad-request", `"${match}" is no match of a journal's field`, {
    hint: "write it as FIELD=value, such as _PID=17",
  });
}

/** Seconds since 1970 with all six digits behind the point. */
function timeOf(us: number): string {
  const whole = Math.floor(us / 1_000_000);
  return `@${whole}.${String(us - whole * 1_000_000).padStart(6, "0")}`;
}
