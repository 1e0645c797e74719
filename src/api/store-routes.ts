/** The routes of the store itself: what it is, and the ways from one to another. */
import { memberPlaceSchema, storeStatusSchema } from "#model/store-status.ts";
import { answerJson } from "./answer.ts";
import { machineParams } from "./bodies.ts";
import { forward, isForwarded } from "./forward.ts";
import { findMachine } from "./machine-rows.ts";
import { jsonRoute, type Route, rawRoute } from "./route.ts";

export const STORE_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/store",
    summary: "What the store is, who its members are, and what is wrong with it.",
    response: storeStatusSchema,
    handle: async (_, { storeAdmin }) => (await storeAdmin()).status(),
  }),
  rawRoute({
    method: "get",
    path: "/v1/machines/{machine}/store-place",
    summary: "What a machine has for being a member of the store.",
    params: machineParams,
    produces: "application/json",
    response: memberPlaceSchema,
    handle: async ({ params, headers, signal }, dependencies) => {
      const { mirror, machineId, storeAdmin } = dependencies;
      const id = isForwarded(headers) ? machineId : findMachine(mirror.view, params.machine);
      if (id === machineId) return answerJson(await (await storeAdmin()).place());
      return forward(id, `/v1/machines/${id}/store-place`, "its etcd", signal, dependencies);
    },
  }),
];
