/** Every route of the API. */
import type { IncomingHttpHeaders } from "node:http";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import { LIMITS } from "#model/limits.ts";
import { describeCaller } from "./access/caller.ts";
import { roleOf } from "./access/may-call.ts";
import { answerJson, answerText } from "./answer.ts";
import { AUDIT_ROUTES } from "./audit-routes.ts";
import {
  clusterSchema,
  countQuery,
  drainSchema,
  drainWishSchema,
  eventListSchema,
  eventSchema,
  journalLineSchema,
  journalQuery,
  machineConfiguredSchema,
  machineListSchema,
  machineParams,
  machinePatchSchema,
  machineRowSchema,
  unitParams,
  unitUsageSchema,
  verifyRequestSchema,
  verifyResultSchema,
  versionSchema,
  whoamiSchema,
} from "./bodies.ts";
import { verifyText } from "./check-unit.ts";
import { followEvents, latestEvents } from "./cluster-events.ts";
import { drainMachine, drainStatus } from "./drain.ts";
import { FLEET_ROUTES } from "./fleet/routes.ts";
import { forward } from "./forward.ts";
import { answerJournal } from "./journal.ts";
import { KV_ROUTES } from "./kv-routes.ts";
import { configureMachine } from "./machine-config.ts";
import { findMachine, machineRow, machineRows, presentMachine } from "./machine-rows.ts";
import { metricsText } from "./metrics.ts";
import { openApiDocument } from "./openapi.ts";
import { isReachable, reachableSchema } from "./reachable.ts";
import { REBALANCE_ROUTES } from "./rebalance-routes.ts";
import { jsonRoute, type Route, rawRoute } from "./route.ts";
import { STORE_ROUTES } from "./store-routes.ts";
import { answerEvents } from "./stream.ts";
import { TRUST_ROUTES } from "./trust-routes.ts";
import { UNIT_ROUTES } from "./unit-routes.ts";

const eventQuery = z.object({ unit: z.string().optional(), machine: z.string().optional() });

const MACHINE_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/machines",
    summary: "Machines that are present.",
    needs: "viewer",
    response: machineListSchema,
    handle: (_, { mirror }) => ({ machines: machineRows(mirror.view) }),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/machines/{machine}",
    summary: "One machine that is present.",
    needs: "viewer",
    params: machineParams,
    response: machineRowSchema,
    handle: ({ params }, { mirror: { view } }) => presentMachine(view, params.machine),
  }),
  jsonRoute({
    method: "patch",
    path: "/v1/machines/{machine}",
    summary: "Cordons or drains a machine, or changes the metadata that units are placed by.",
    needs: "operator",
    params: machineParams,
    body: machinePatchSchema,
    response: machineConfiguredSchema,
    handle: async ({ params, body }, dependencies) => {
      const { view } = dependencies.mirror;
      const id = findMachine(view, params.machine);
      const changed = await configureMachine(id, body, dependencies);
      const record = view.machines.get(id);
      return { machine: record === undefined ? null : machineRow(view, record), changed };
    },
  }),
  jsonRoute({
    method: "get",
    path: "/v1/machines/{machine}/drain",
    summary: "How far the drain of a machine is, unit by unit.",
    needs: "viewer",
    params: machineParams,
    response: drainSchema,
    handle: ({ params }, dependencies) =>
      drainStatus(findMachine(dependencies.mirror.view, params.machine), new Set(), dependencies),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/machines/{machine}/reachable",
    summary: "Whether the machine that answers gets a sign of another one.",
    needs: "viewer",
    params: machineParams,
    response: reachableSchema,
    handle: ({ params }, dependencies) =>
      isReachable(findMachine(dependencies.mirror.view, params.machine), dependencies),
  }),
  rawRoute({
    method: "post",
    path: "/v1/machines/{machine}/drain",
    summary: "Drains a machine, and tells how far that is until it is over; going away stops nothing.",
    needs: "operator",
    params: machineParams,
    body: drainWishSchema,
    produces: "text/event-stream",
    response: drainSchema,
    handle: ({ params, body }, dependencies) => {
      const machine = findMachine(dependencies.mirror.view, params.machine);
      return answerEvents((signal) => drainMachine(machine, body, dependencies, signal));
    },
  }),
];

const USAGE_ROUTES: readonly Route[] = [
  rawRoute({
    method: "get",
    path: "/v1/machines/{machine}/units/{unit}/usage",
    summary: "What a unit uses on a machine now; what is not counted there is absent.",
    needs: "viewer",
    params: machineParams.extend(unitParams.shape),
    produces: "application/json",
    response: unitUsageSchema,
    handle: async ({ params: { machine, unit }, ...request }, dependencies) => {
      const { mirror, machineId, usage } = dependencies;
      const id = request.isForwarded ? machineId : findMachine(mirror.view, machine);
      if (id === machineId) return answerJson(usage(unit));
      const path = `/v1/machines/${id}/units/${encodeURIComponent(unit)}/usage`;
      return forward(id, { path, what: `the processes of ${unit}` }, request, dependencies);
    },
  }),
];

const JOURNAL_ROUTES: readonly Route[] = [
  rawRoute({
    method: "get",
    path: "/v1/machines/{machine}/journal",
    summary: 'A machine\'s journal, a line of JSON each; a failure on the way is a last line `{"error": …}`.',
    needs: "viewer",
    params: machineParams,
    query: journalQuery,
    produces: "application/x-ndjson",
    response: journalLineSchema,
    handle: ({ params, query, ...request }, dependencies) =>
      answerJournal((view) => findMachine(view, params.machine), query, request, dependencies),
  }),
];

const EVENT_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/events",
    summary: "The latest events, oldest first.",
    needs: "viewer",
    query: eventQuery.extend({ limit: countQuery }),
    response: eventListSchema,
    handle: async ({ query }, dependencies) => ({
      events: await latestEvents(
        dependencies,
        withMachineId(query, dependencies),
        query.limit ?? LIMITS.events,
      ),
    }),
  }),
  rawRoute({
    method: "get",
    path: "/v1/events/watch",
    summary:
      "Follows events; with the header Last-Event-ID, or the parameter `after`, from behind that event.",
    needs: "viewer",
    query: eventQuery.extend({ after: z.string().optional() }),
    produces: "text/event-stream",
    response: eventSchema,
    handle: ({ query, headers }, dependencies) => {
      const after = revisionOf(lastEventId(headers) ?? query.after);
      const filter = withMachineId(query, dependencies);
      return answerEvents((signal) => followEvents(dependencies, filter, after, signal));
    },
  }),
];

function withMachineId<T extends { machine?: string | undefined }>(
  query: T,
  { mirror }: { readonly mirror: Parameters<Route["serve"]>[1]["mirror"] },
): T {
  return query.machine === undefined ? query : { ...query, machine: findMachine(mirror.view, query.machine) };
}

function lastEventId({ "last-event-id": id }: IncomingHttpHeaders): string | undefined {
  return Array.isArray(id) ? id[0] : id;
}

function revisionOf(id: string | undefined): bigint | undefined {
  if (id === undefined || id === "") return undefined;
  if (/^\d{1,19}$/.test(id)) return BigInt(id);
  throw new FlotillaError("bad-request", `"${id}" is not the ID of an event`, {
    hint: "give the id of an event that the stream or GET /v1/events has shown",
  });
}

const CLUSTER_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/version",
    summary: "The version of the daemon that answers.",
    needs: "nothing",
    response: versionSchema,
    handle: (_, { version }) => ({ version, api: "v1" as const }),
  }),
  rawRoute({
    method: "get",
    path: "/v1/health",
    summary: "200 while the store answers, else 503 with the error.",
    needs: "nothing",
    produces: "application/json",
    response: z.object({ status: z.literal("ok") }),
    handle: (_, { mirror }) => {
      if (mirror.connected) return answerJson({ status: "ok" });
      throw new FlotillaError("store-unavailable", "the store does not answer", { retryable: true });
    },
  }),
  jsonRoute({
    method: "get",
    path: "/v1/cluster",
    summary: "The cluster at a glance.",
    needs: "viewer",
    response: clusterSchema,
    handle: (_, { mirror, machineId }) => ({
      id: mirror.view.cluster?.id ?? null,
      name: mirror.view.cluster?.name ?? null,
      engine: mirror.view.engine?.machine ?? null,
      machines: mirror.view.machines.size,
      units: mirror.view.units.size,
      revision: String(mirror.revision),
      connected: mirror.connected,
      self: machineId,
    }),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/whoami",
    summary: "Who you are to this API, and what you may do.",
    needs: "viewer",
    response: whoamiSchema,
    handle: ({ caller }) => ({ caller: describeCaller(caller), role: roleOf(caller) ?? "viewer" }),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/verify",
    summary: "Checks a unit file without storing it.",
    needs: "viewer",
    body: verifyRequestSchema,
    response: verifyResultSchema,
    handle: ({ body }) => verifyText(body.unit, body.text),
  }),
  rawRoute({
    method: "get",
    path: "/metrics",
    summary: "Metrics in Prometheus' text format.",
    needs: "viewer",
    produces: "text/plain",
    response: z.string(),
    handle: (_, dependencies) =>
      answerText(metricsText(dependencies), "text/plain; version=0.0.4; charset=utf-8"),
  }),
  jsonRoute({
    method: "get",
    path: "/v1/openapi.json",
    summary: "This description.",
    needs: "nothing",
    response: z.record(z.string(), z.unknown()),
    handle: (_, { version }) => openApiDocument(OWN_ROUTES, version),
  }),
];

/** Those of its own form, which OpenAPI describes. Where two paths could match, the one without a parameter comes first. */
export const OWN_ROUTES: readonly Route[] = [
  ...CLUSTER_ROUTES,
  ...UNIT_ROUTES,
  ...MACHINE_ROUTES,
  ...REBALANCE_ROUTES,
  ...USAGE_ROUTES,
  ...JOURNAL_ROUTES,
  ...EVENT_ROUTES,
  ...KV_ROUTES,
  ...STORE_ROUTES,
  ...AUDIT_ROUTES,
  ...TRUST_ROUTES,
];

export const ROUTES: readonly Route[] = [...OWN_ROUTES, ...FLEET_ROUTES];
