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
import { type Answer, answerJson } from "../answer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { type Route, type RouteRequest, rawRoute } from "../route.ts";
import { answerFleetError, FleetError } from "./answer.ts";

const PREFIXES = ["/fleet/v1", "/v1-alpha"];

const unitParams = z.object({ unit: z.string() });
const tokenQuery = z.object({ nextPageToken: z.union([z.string(), z.array(z.string())]).optional() });
/** As Go reads a query: of several values the first counts. */
const first = z.union([z.string(), z.array(z.string()).transform(([value = ""]) => value)]).optional();
const stateQuery = tokenQuery.extend({ machineID: first, unitName: first });

interface Row<P, Q> {
  readonly method: Route["method"];
  /** Below the prefix. */
  readonly path: string;
  readonly needs: Route["needs"];
  readonly summary: string;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<unknown>;
}

type Handle<P, Q> = (request: RouteRequest<P, Q, unknown>, dependencies: ApiDependencies) => Promise<Answer>;

/** The row below a prefix. Without its registry, fleet answers nothing. */
function row<P = unknown, Q = unknown>(options: Row<P, Q>, handle: Handle<P, Q>): (prefix: string) => Route {
  return (prefix) =>
    rawRoute<P, Q, unknown>({
      ...options,
      path: `${prefix}/${options.path}`,
      produces: "application/json",
      response: z.unknown(),
      anyContentType: true,
      answerError: answerFleetError,
      handle: (request, dependencies) => {
        requireStore(dependencies);
        return handle(request, dependencies);
      },
    });
}

const UNIT = { path: "units/{unit}", params: unitParams } as const;
const STATE = { path: "state/{unit}", params: unitParams } as const;

const ROWS: readonly ((prefix: string) => Route)[] = [
  row(
    { method: "get", path: "units", needs: "viewer", query: tokenQuery, summary: "fleet's units, a page." },
    async ({ query }, dependencies) =>
      (await import("./units.ts")).listUnits(query.nextPageToken, dependencies),
  ),
  row(
    { ...UNIT, method: "get", needs: "viewer", summary: "A unit, as fleet shows it." },
    async ({ params }, dependencies) => (await import("./units.ts")).getUnit(params.unit, dependencies),
  ),
  row(
    {
      ...UNIT,
      method: "put",
      needs: "operator",
      body: z.unknown(),
      summary: "Makes, replaces or asks for a unit.",
    },
    async ({ params, body, headers }, dependencies) => {
      requireJson(headers);
      return (await import("./units.ts")).setUnit(params.unit, body, dependencies);
    },
  ),
  row(
    { ...UNIT, method: "delete", needs: "operator", summary: "Destroys a unit." },
    async ({ params }, dependencies) => (await import("./units.ts")).destroyUnit(params.unit, dependencies),
  ),
  row(
    {
      method: "get",
      path: "state",
      needs: "viewer",
      query: stateQuery,
      summary: "What systemd says of units.",
    },
    async ({ query: { nextPageToken: token, ...filter } }, dependencies) =>
      (await import("./states.ts")).listStates({ ...filter, token }, dependencies),
  ),
  row(
    { ...STATE, method: "get", needs: "viewer", summary: "What systemd says of a unit." },
    async ({ params }, dependencies) => (await import("./states.ts")).getState(params.unit, dependencies),
  ),
  row(
    {
      method: "get",
      path: "machines",
      needs: "viewer",
      query: tokenQuery,
      summary: "Machines that are present.",
    },
    async ({ query }, dependencies) =>
      (await import("./machines.ts")).listMachines(query.nextPageToken, dependencies),
  ),
  row(
    {
      method: "patch",
      path: "machines",
      needs: "operator",
      body: z.unknown(),
      summary: "Changes their metadata.",
    },
    async ({ body }, dependencies) => (await import("./machines.ts")).patchMachines(body, dependencies),
  ),
  row(
    { method: "get", path: "discovery", needs: "nothing", summary: "fleet's discovery document." },
    async () => answerJson((await import("./discovery.ts")).DISCOVERY),
  ),
];

export const FLEET_ROUTES: readonly Route[] = PREFIXES.flatMap((prefix) => ROWS.map((make) => make(prefix)));

function requireStore({ mirror }: ApiDependencies): void {
  if (mirror.connected) return;
  throw new FlotillaError("store-unavailable", "the store does not answer", { retryable: true });
}

function requireJson({ "content-type": type = "" }: IncomingHttpHeaders): void {
  if (type === "") throw new FleetError(415, "expected 1 Content-Type, got 0");
  if (type.split(";")[0]?.trim() !== "application/json")
    throw new FleetError(415, "only acceptable Content-Type is application/json");
}
