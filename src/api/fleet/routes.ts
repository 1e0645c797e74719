/**
 * fleet's API v1, so that an unmodified fleetctl 1.0 works against a daemon: `/fleet/v1`, and `/v1-alpha` as fleet has it.
 *
 * It owns fleet's forms: options instead of texts, paging, errors, states as fleet counts them. What units and machines
 * are and what a request does to them is the rest of the API's: this must decide nothing of its own, but keep to fleet's
 * answers where they differ. Handlers are loaded when one is asked for.
 */
import type { IncomingHttpHeaders } from "node:http";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import { answerJson } from "../answer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { type Route, rawRoute } from "../route.ts";
import { answerFleetError, FleetError } from "./answer.ts";

const PREFIXES = ["/fleet/v1", "/v1-alpha"];

const unitParams = z.object({ unit: z.string() });
const tokenQuery = z.object({ nextPageToken: z.union([z.string(), z.array(z.string())]).optional() });
/** As Go reads a query: of several values the first counts. */
const first = z.union([z.string(), z.array(z.string()).transform(([value = ""]) => value)]).optional();
const stateQuery = tokenQuery.extend({ machineID: first, unitName: first });

/** What every row has. */
const COMMON = {
  produces: "application/json",
  response: z.unknown(),
  answerError: answerFleetError,
} as const;

function routesBelow(prefix: string): readonly Route[] {
  return [
    rawRoute({
      ...COMMON,
      ...{ method: "get", path: `${prefix}/units`, needs: "viewer", query: tokenQuery },
      summary: "fleet's units, a page.",
      handle: async ({ query }, dependencies) => {
        requireStore(dependencies);
        return (await import("./units.ts")).listUnits(query.nextPageToken, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "get", path: `${prefix}/units/{unit}`, needs: "viewer", params: unitParams },
      summary: "A unit, as fleet shows it.",
      handle: async ({ params }, dependencies) => {
        requireStore(dependencies);
        return (await import("./units.ts")).getUnit(params.unit, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "put", path: `${prefix}/units/{unit}`, needs: "operator", params: unitParams },
      ...{ body: z.unknown(), anyContentType: true },
      summary: "Makes or replaces a unit of fleet's options, or sets its desired state.",
      handle: async ({ params, body, headers }, dependencies) => {
        requireJson(headers);
        requireStore(dependencies);
        return (await import("./units.ts")).setUnit(params.unit, body, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "delete", path: `${prefix}/units/{unit}`, needs: "operator", params: unitParams },
      summary: "Destroys a unit.",
      handle: async ({ params }, dependencies) => {
        requireStore(dependencies);
        return (await import("./units.ts")).destroyUnit(params.unit, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "get", path: `${prefix}/state`, needs: "viewer", query: stateQuery },
      summary: "What systemd says of units, a page.",
      handle: async ({ query: { nextPageToken: token, ...filter } }, dependencies) => {
        requireStore(dependencies);
        return (await import("./states.ts")).listStates({ ...filter, token }, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "get", path: `${prefix}/state/{unit}`, needs: "viewer", params: unitParams },
      summary: "What systemd says of a unit.",
      handle: async ({ params }, dependencies) => {
        requireStore(dependencies);
        return (await import("./states.ts")).getState(params.unit, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "get", path: `${prefix}/machines`, needs: "viewer", query: tokenQuery },
      summary: "The machines that are present, a page.",
      handle: async ({ query }, dependencies) => {
        requireStore(dependencies);
        return (await import("./machines.ts")).listMachines(query.nextPageToken, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "patch", path: `${prefix}/machines`, needs: "operator" },
      ...{ body: z.unknown(), anyContentType: true },
      summary: "Changes metadata of machines.",
      handle: async ({ body }, dependencies) => {
        requireStore(dependencies);
        return (await import("./machines.ts")).patchMachines(body, dependencies);
      },
    }),
    rawRoute({
      ...COMMON,
      ...{ method: "get", path: `${prefix}/discovery`, needs: "nothing" },
      summary: "The discovery document of fleet's API.",
      handle: async () => answerJson((await import("./discovery.ts")).DISCOVERY),
    }),
  ];
}

export const FLEET_ROUTES: readonly Route[] = PREFIXES.flatMap(routesBelow);

/** What is not in reach of fleet is not told of from memory. */
function requireStore({ mirror }: ApiDependencies): void {
  if (mirror.connected) return;
  throw new FlotillaError("store-unavailable", "the store does not answer", { retryable: true });
}

function requireJson({ "content-type": type = "" }: IncomingHttpHeaders): void {
  if (type === "") throw new FleetError(415, "expected 1 Content-Type, got 0");
  if (type.split(";")[0]?.trim() !== "application/json")
    throw new FleetError(415, "only acceptable Content-Type is application/json");
}
