/** Routes about rebalancing. */
import * as z from "zod";
import { flagQuery, rebalanceRequestSchema, rebalanceSchema } from "./bodies.ts";
import { askRebalance, rebalanceNow } from "./rebalance.ts";
import { jsonRoute, type Route } from "./route.ts";

export const REBALANCE_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/rebalance",
    summary: "Which units would be better placed elsewhere, and what moving them comes to; nothing is moved.",
    needs: "viewer",
    query: z.object({ strict: flagQuery.describe("also units that stop before they start elsewhere") }),
    response: rebalanceSchema,
    handle: ({ query }, dependencies) => rebalanceNow(query.strict === "true", dependencies),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/rebalance",
    summary: "Moves the units of a plan, unless the cluster has changed since.",
    needs: "operator",
    body: rebalanceRequestSchema,
    response: z.object({ revision: z.string().describe("events of it come after this one") }),
    handle: ({ body }, dependencies) => askRebalance(body, dependencies),
  }),
];
