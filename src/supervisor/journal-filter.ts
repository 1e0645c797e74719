/**
 * Which entries a query selects: everything of it but its place in time (`after`, `lines`, `reverse`, `follow`) and the
 * boot, which only who keeps the journal can count.
 */
import { FlotillaError } from "#base/errors.ts";
import { matchGlob } from "#unit/glob.ts";
import { allFields, textsOf } from "./journal-fields.ts";
import { compilePattern } from "./message-pattern.ts";
import type { JournalEntry, JournalQuery } from "./supervisor.ts";

type Predicate = (entry: JournalEntry) => boolean;

/** Those of the entries that are selected. */
export type Select = (entries: readonly JournalEntry[]) => readonly JournalEntry[];

/** @throws FlotillaError `bad-request` for a pattern or a match that is none */
export function compileFilter(query: JournalQuery): Select {
  const tests = predicatesOf(query);
  const select: Select = (entries) => entries.filter((entry) => tests.every((test) => test(entry)));
  if (query.grep === undefined) return select;
  const search = compilePattern(query.grep.pattern, query.grep.ignoreCase);
  return (entries) => {
    const selected = select(entries);
    const found = search(selected.map(({ message }) => message));
    return selected.filter((_, index) => found[index]);
  };
}

/** Everything but the search in messages, which costs more and comes last. */
function predicatesOf(query: JournalQuery): readonly Predicate[] {
  const { priority, sinceUs, untilUs, identifiers, invocation, matches } = query;
  const tests: Predicate[] = [];
  if (priority !== undefined) {
    tests.push((entry) => entry.priority >= priority.from && entry.priority <= priority.to);
  }
  if (sinceUs !== undefined) tests.push(({ timeUs }) => timeUs >= sinceUs);
  if (untilUs !== undefined) tests.push(({ timeUs }) => timeUs <= untilUs);
  if (identifiers !== undefined) tests.push(({ identifier }) => identifiers.includes(identifier));
  if (invocation !== undefined) tests.push((entry) => invocationOf(entry) === invocation);
  if (matches !== undefined && matches.length > 0) tests.push(compileMatches(matches));
  return tests;
}

/** Whether a query reads the journal of the unit. */
export function selectsUnit({ units }: JournalQuery, unit: string): boolean {
  return units === undefined || units.some((pattern) => pattern === unit || matchGlob(pattern, unit));
}

/** The run that an entry belongs to, whoever wrote it. */
function invocationOf({ fields }: JournalEntry): string | undefined {
  return textsOf(fields._SYSTEMD_INVOCATION_ID ?? fields.INVOCATION_ID)[0];
}

/** journalctl's rule: of one field any value, of several fields each, of groups with `+` between them any. */
function compileMatches(matches: readonly string[]): Predicate {
  const groups = [new Map<string, Set<string>>()];
  for (const match of matches) {
    if (match === "+") groups.push(new Map<string, Set<string>>());
    else addMatch(groups.at(-1) ?? new Map<string, Set<string>>(), match);
  }
  return (entry) => {
    const fields = allFields(entry);
    return groups.some((group) =>
      [...group].every(([name, wanted]) => textsOf(fields[name]).some((text) => wanted.has(text))),
    );
  };
}

function addMatch(group: Map<string, Set<string>>, match: string): void {
  const [, name, value = ""] = /^([A-Z_][A-Z0-9_]*)=(.*)$/s.exec(match) ?? [];
  if (name === undefined) {
    throw new FlotillaError("bad-request", `"${match}" is no match of a journal's field`, {
      hint: "write it as FIELD=value, such as _PID=17",
    });
  }
  const values = group.get(name) ?? new Set();
  group.set(name, values.add(value));
}
