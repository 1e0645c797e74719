/** A unit's journal, read where it is kept: on this machine, or by asking the machine that has the unit. */
import type { IncomingHttpHeaders } from "node:http";
import { FlotillaError } from "#base/errors.ts";
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { LIMITS } from "#model/limits.ts";
import { whereUnitIs } from "#model/units.ts";
import type { Answer } from "./answer.ts";
import type { JournalLine } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { findMachine } from "./machine-rows.ts";
import { answerLines } from "./stream.ts";
import { unitNotFound } from "./unit-decisions.ts";

export interface JournalRequest {
  readonly unit: string;
  /** ID, prefix or name; absent: the machine that has the unit. */
  readonly machine?: string | undefined;
  readonly lines?: number | undefined;
  readonly after?: string | undefined;
  readonly follow: boolean;
}

/** Marks a request that another daemon has passed on, which is answered here or not at all. */
const FORWARDED = "flotilla-forwarded";

/** @throws FlotillaError when no machine, or more than one, has the unit, or that machine does not answer */
export async function answerJournal(
  request: JournalRequest,
  headers: IncomingHttpHeaders,
  signal: AbortSignal,
  dependencies: ApiDependencies,
): Promise<Answer> {
  const { mirror, machineId } = dependencies;
  const machine = headers[FORWARDED] !== undefined ? machineId : whereJournalIs(mirror.view, request);
  if (machine !== machineId) return forward(machine, request, signal, dependencies);
  return answerLines((gone) => readJournal(request, gone, dependencies));
}

function whereJournalIs(view: ClusterView, { unit, machine }: JournalRequest): string {
  if (machine !== undefined) return findMachine(view, machine);
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
  request: JournalRequest,
  signal: AbortSignal,
  { journal, machineId, mirror }: ApiDependencies,
): AsyncGenerator<JournalLine, void> {
  const lines = Math.min(request.lines ?? LIMITS.journalLinesPerRequest, LIMITS.journalLinesPerRequest);
  const after = request.after === undefined ? {} : { after: request.after };
  const entries = journal(request.unit, { lines, follow: request.follow, signal, ...after });
  const where = { machine: machineId, machineName: nameOfMachine(mirror.view, machineId) };
  for await (const entry of entries) yield { ...entry, ...where };
}

async function forward(
  machine: string,
  request: JournalRequest,
  signal: AbortSignal,
  { mirror, askPeer }: ApiDependencies,
): Promise<Answer> {
  const record = mirror.view.machines.get(machine);
  if (record === undefined) throw machineGone(machine, undefined);
  const { name, api } = record;
  const url = new URL(`/v1/units/${encodeURIComponent(request.unit)}/journal`, api);
  url.searchParams.set("follow", String(request.follow));
  if (request.lines !== undefined) url.searchParams.set("lines", String(request.lines));
  if (request.after !== undefined) url.searchParams.set("after", request.after);
  const gone = new AbortController();
  try {
    const ended = AbortSignal.any([signal, gone.signal]);
    const { status, type, body } = await askPeer(url.href, { headers: { [FORWARDED]: "1" }, signal: ended });
    const parts = passOn(body, name, ended);
    return { status, type, body: { parts, abandon: async () => gone.abort() } };
  } catch (error) {
    throw machineGone(name, error);
  }
}

/** A machine that dies while its lines are passed on is named by the last one, as any other failure on the way. */
async function* passOn(
  lines: AsyncIterable<Uint8Array>,
  name: string,
  ended: AbortSignal,
): AsyncGenerator<string | Uint8Array, void> {
  try {
    yield* lines;
  } catch (error) {
    if (!ended.aborted) yield `${JSON.stringify({ error: machineGone(name, error) })}\n`;
  }
}

function machineGone(name: string, cause: unknown): FlotillaError {
  return new FlotillaError("machine-gone", `machine ${name}, which has the journal, does not answer`, {
    causes: cause instanceof Error ? [cause.message] : [],
    hint: "its journal is kept there and can be read when it is back",
    cause,
  });
}
