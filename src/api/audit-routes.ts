/** The route of the audit log: who changed what by way of which machine. */
import { auditEntrySchema, auditQuery, machineParams } from "./bodies.ts";
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
    query: auditQuery,
    produces: "application/x-ndjson",
    response: auditEntrySchema,
    handle: ({ params, query, ...request }, dependencies) => {
      const { mirror, machineId, audit } = dependencies;
      const { since = 0, follow = "false", after = since } = query;
      const id = request.isForwarded ? machineId : findMachine(mirror.view, params.machine);
      if (id === machineId)
        return answerLines((gone) => (follow === "true" ? audit.follow(after, gone) : audit.read(since)));
      const path = `/v1/machines/${id}/audit?since=${since}&follow=${follow}&after=${after}`;
      return forward(id, { path, what: "its audit log" }, request, dependencies);
    },
  }),
];
