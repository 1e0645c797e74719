/** The route of the audit log: who changed what by way of which machine. */
import * as z from "zod";
import { auditEntrySchema, countQuery, machineParams } from "./bodies.ts";
import { forward } from "./forward.ts";
import { findMachine } from "./machine-rows.ts";
import { type Route, rawRoute } from "./route.ts";
import { answerLines } from "./stream.ts";

export const AUDIT_ROUTES: readonly Route[] = [
  rawRoute({
    method: "get",
    path: "/v1/machines/{machine}/audit",
    summary:
      "Changes that a machine's API was asked for, oldest first: who, from where, what, and what came of it.",
    needs: "admin",
    params: machineParams,
    query: z.object({ since: countQuery.describe("milliseconds since 1970") }),
    produces: "application/x-ndjson",
    response: auditEntrySchema,
    handle: ({ params, query: { since = 0 }, ...request }, dependencies) => {
      const { mirror, machineId, audit } = dependencies;
      const id = request.isForwarded ? machineId : findMachine(mirror.view, params.machine);
      if (id === machineId) return answerLines(() => audit.read(since));
      const path = `/v1/machines/${id}/audit?since=${since}`;
      return forward(id, { path, what: "its audit log" }, request, dependencies);
    },
  }),
];
