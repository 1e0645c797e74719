/** Routes about units. */
import * as z from "zod";
import { answerText } from "./answer.ts";
import {
  journalLineSchema,
  journalQuery,
  listQuery,
  submitSchema,
  unitChangeSchema,
  unitDetailSchema,
  unitFileListSchema,
  unitListSchema,
  unitNamesSchema,
  unitParams,
  unitResultsSchema,
  whySchema,
} from "./bodies.ts";
import { answerJournal, machineOfUnit } from "./journal.ts";
import { findMachine } from "./machine-rows.ts";
import { jsonRoute, type Route, rawRoute } from "./route.ts";
import { answerEvents } from "./stream.ts";
import {
  type Decision,
  decideDestroy,
  decideRestart,
  decideRetreat,
  type UnitSituation,
} from "./unit-decisions.ts";
import { unitDetail, unitFileRows, unitText } from "./unit-files.ts";
import { changeUnits, submitUnits } from "./unit-requests.ts";
import { rowsOf, unitsInPlay } from "./unit-rows.ts";
import { watchUnits } from "./unit-watch.ts";
import { unitWhy } from "./unit-why.ts";

/** A list from a query value that may be given several times. */
function asList(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === "string" ? [value] : value;
}

function verbRoute(verb: string, summary: string, decide: (situation: UnitSituation) => Decision): Route {
  return jsonRoute({
    method: "post",
    path: `/v1/units/${verb}`,
    summary,
    needs: "operator",
    body: unitNamesSchema,
    response: unitResultsSchema,
    handle: async ({ body }, dependencies) => ({
      results: await changeUnits(body.units, decide, dependencies),
    }),
  });
}

export const UNIT_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/units",
    summary: "Units that are on a machine or shall be: one row for each unit and machine.",
    needs: "viewer",
    query: z.object({ unit: listQuery, machine: z.string().optional() }),
    response: unitListSchema,
    handle: ({ query }, { mirror, planContext }) => {
      const names = asList(query.unit) ?? unitsInPlay(mirror.view);
      const rows = rowsOf(mirror.view, names, planContext().placementOf);
      const machine = query.machine === undefined ? undefined : findMachine(mirror.view, query.machine);
      return { units: rows.filter((row) => machine === undefined || row.machine === machine) };
    },
  }),
  jsonRoute({
    method: "post",
    path: "/v1/units",
    summary: "Submits units and, if `desired` is given, asks for them to be loaded or launched.",
    needs: "operator",
    body: submitSchema,
    response: unitResultsSchema,
    handle: async ({ body }, dependencies) => ({
      results: await submitUnits(
        body.units,
        { desired: body.desired, replace: body.replace ?? false },
        dependencies,
      ),
    }),
  }),
  verbRoute("stop", "Stops units; they stay loaded.", (situation) => decideRetreat(situation, "loaded")),
  verbRoute("unload", "Stops units and takes them off their machines.", (situation) =>
    decideRetreat(situation, "inactive"),
  ),
  verbRoute("restart", "Starts units anew, running or not.", decideRestart),
  verbRoute("destroy", "Stops units and forgets them and their files.", decideDestroy),
  rawRoute({
    method: "get",
    path: "/v1/units/watch",
    summary: "Follows units: an event `snapshot`, then `change` with the rows of the units that changed.",
    needs: "viewer",
    query: z.object({ unit: listQuery }),
    produces: "text/event-stream",
    response: unitChangeSchema,
    handle: ({ query }, dependencies) =>
      answerEvents((signal) => watchUnits(asList(query.unit), dependencies, signal)),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/unit-files",
    summary: "Submitted units and templates.",
    needs: "viewer",
    response: unitFileListSchema,
    handle: (_, { mirror, planContext }) => ({
      unitFiles: unitFileRows(mirror.view, planContext().placementOf),
    }),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/units/{unit}",
    summary: "One unit: what is asked for, and its row on each machine.",
    needs: "viewer",
    params: unitParams,
    response: unitDetailSchema,
    handle: ({ params }, dependencies) => unitDetail(params.unit, dependencies),
  }),
  rawRoute({
    method: "get",
    path: "/v1/units/{unit}/file",
    summary: "The unit file as it was submitted.",
    needs: "viewer",
    params: unitParams,
    produces: "text/plain",
    response: z.string(),
    handle: ({ params }, { mirror }) => answerText(unitText(params.unit, mirror.view)),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/units/{unit}/why",
    summary:
      "Why the unit is where it is, or nowhere: the decision, each machine's refusal, the latest events.",
    needs: "viewer",
    params: unitParams,
    response: whySchema,
    handle: ({ params }, dependencies) => unitWhy(params.unit, dependencies),
  }),
  rawRoute({
    method: "get",
    path: "/v1/units/{unit}/journal",
    summary: "What the unit wrote, on the machine that has it; lines as of a machine's journal.",
    needs: "viewer",
    params: unitParams,
    query: journalQuery.omit({ unit: true }).extend({ machine: z.string().optional() }),
    produces: "application/x-ndjson",
    response: journalLineSchema,
    handle: ({ params: { unit }, query: { machine, ...wish }, ...request }, dependencies) =>
      answerJournal(
        (view) => (machine === undefined ? machineOfUnit(view, unit) : findMachine(view, machine)),
        { ...wish, unit },
        request,
        dependencies,
      ),
  }),
];
