/**
 * The journal of one machine, read where it is kept: on this machine, or by asking that machine's daemon.
 *
 * A cursor is the machine's own with the machine and the time before it, so that any machine can go on behind it: the
 * machine itself exactly, another by the time, which is how entries of several machines are merged.
 */
import { FlotillaError } from "#base/errors.ts";
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { LIMITS } from "#model/limits.ts";
import { whereUnitIs } from "#model/units.ts";
import { allFields } from "#supervisor/journal-fields.ts";
import type { JournalEntry, JournalQuery } from "#supervisor/supervisor.ts";
import type { Answer } from "./answer.ts";
import type { JournalLine, JournalWish } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { type Asker, forward } from "./forward.ts";
import { answerLines } from "./stream.ts";
import { unitNotFound } from "./unit-decisions.ts";

/**
 * @param locate finds the ID of the machine whose journal is meant
 * @throws FlotillaError when there is no such machine or it does not answer
 */
export async function answerJournal(
  locate: (view: ClusterView) => string,
  wish: JournalWish,
  request: Asker & { readonly isForwarded: boolean },
  dependencies: ApiDependencies,
): Promise<Answer> {
  const { mirror, machineId } = dependencies;
  const id = request.isForwarded ? machineId : locate(mirror.view);
  if (id !== machineId)
    return forward(id, { path: pathOf(id, wish), what: "the journal" }, request, dependencies);
  return answerLines((gone) => readJournal(wish, gone, dependencies));
}

/** The machine whose journal is meant by a unit alone. @throws FlotillaError when none has the unit, or several have. */
export function machineOfUnit(view: ClusterView, unit: string): string {
  const outcome = view.outcomes.get(unit);
  const places = whereUnitIs(view, unit).map((place) => place.machine);
  const [first = outcome?.machine, ...others] = places;
  if (first === undefined) throw hasNoJournal(view, unit);
  if (others.length === 0) return first;
  throw new FlotillaError("bad-request", `${unit} is on ${places.length} machines, each with a journal`, {
    causes: places.map((id) => `${id.slice(0, 8)} ${view.machines.get(id)?.name ?? ""}`.trim()),
    hint: "name one with --machine",
  });
}

function hasNoJournal(view: ClusterView, unit: string): FlotillaError {
  if (!view.units.has(unit)) return unitNotFound(unit);
  return new FlotillaError("unit-not-loaded", `${unit} is on no machine, so it has no journal`, {
    hint: `flotilla why ${unit} says why`,
  });
}

async function* readJournal(
  wish: JournalWish,
  signal: AbortSignal,
  { journal, machineId, mirror }: ApiDependencies,
): AsyncGenerator<JournalLine, void> {
  const where = { machine: machineId, machineName: nameOfMachine(mirror.view, machineId) };
  const isWhole = wish.fields === "true";
  for await (const entry of journal({ ...queryOf(wish, machineId), signal })) {
    const cursor = formatCursor(entry, machineId);
    const { monotonicUs: _, boot: __, fields, ...shown } = entry;
    const line = { ...shown, ...where, cursor };
    if (isWhole) yield { ...line, fields: { ...allFields(entry), __CURSOR: cursor } };
    else yield fields.MESSAGE === undefined ? line : { ...line, fields: { MESSAGE: fields.MESSAGE } };
  }
}

function queryOf(wish: JournalWish, machineId: string): JournalQuery {
  const { grep, since } = wish;
  const [from = "0", to] = wish.priority?.split("..") ?? [];
  const priority = to === undefined ? { from: 0, to: Number(from) } : { from: Number(from), to: Number(to) };
  const cursor = wish.after === undefined ? undefined : parseCursor(wish.after);
  const isOwn = cursor?.machine === machineId;
  return {
    units: asList(wish.unit),
    priority: wish.priority === undefined ? undefined : priority,
    sinceUs: cursor === undefined || isOwn ? since : Math.max(since ?? 0, timeBehind(cursor, machineId)),
    untilUs: wish.until,
    boot: wish.boot,
    identifiers: asList(wish.identifier),
    invocation: wish.invocation,
    grep: grep === undefined ? undefined : { pattern: grep, ignoreCase: wish.ignoreCase === "true" },
    matches: asList(wish.match),
    lines: wish.lines === undefined ? undefined : Math.min(wish.lines, LIMITS.journalLinesPerRequest),
    after: isOwn ? cursor.rest : undefined,
    reverse: wish.reverse === "true",
    follow: wish.follow === "true",
  };
}

function asList(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === "string" ? [value] : value;
}

interface Cursor {
  readonly timeUs: number;
  readonly machine: string;
  /** The machine's own. */
  readonly rest: string;
}

function formatCursor({ timeUs, cursor }: JournalEntry, machine: string): string {
  return `t=${timeUs.toString(16)};m=${machine};${cursor}`;
}

/** @throws FlotillaError `bad-request` */
function parseCursor(text: string): Cursor {
  const [, timeUs, machine = "", rest = ""] = /^t=([0-9a-f]{1,13});m=([0-9a-f]+);(.+)$/.exec(text) ?? [];
  if (timeUs !== undefined) return { timeUs: Number.parseInt(timeUs, 16), machine, rest };
  throw new FlotillaError("bad-request", `"${text}" is not a cursor of a journal`, {
    hint: "give one that came with an entry, or that --show-cursor has shown",
  });
}

/** The first time behind another machine's entry: of the same time, machines come in the order of their IDs. */
function timeBehind({ timeUs, machine }: Cursor, own: string): number {
  return own > machine ? timeUs : timeUs + 1;
}

function pathOf(machine: string, wish: JournalWish): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(wish)) {
    for (const one of asList(value === undefined ? [] : typeof value === "number" ? `${value}` : value) ?? [])
      query.append(key, one);
  }
  return `/v1/machines/${machine}/journal?${query}`;
}
