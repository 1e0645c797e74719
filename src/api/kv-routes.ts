/** The routes of the users' own keys. */
import { deleteKv, putKv, readKv, watchKv } from "./kv.ts";
import { jsonRoute, type Route, rawRoute } from "./route.ts";
import {
  kvChangeSchema,
  kvDeleteResultSchema,
  kvDeleteSchema,
  kvListSchema,
  kvPutResultSchema,
  kvPutSchema,
  kvQuery,
  kvWatchQuery,
} from "./store-bodies.ts";
import { answerEvents } from "./stream.ts";

export const KV_ROUTES: readonly Route[] = [
  jsonRoute({
    method: "get",
    path: "/v1/kv",
    summary: "A key of the users' configuration, or those that begin with a prefix, a page at a time.",
    needs: "viewer",
    query: kvQuery,
    response: kvListSchema,
    handle: ({ query, signal }, { store }) =>
      readKv(query.key === undefined ? { prefix: "", ...query } : query, store, signal),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/kv",
    summary: "Writes a key, where asked only if it is still at a revision.",
    needs: "operator",
    body: kvPutSchema,
    response: kvPutResultSchema,
    handle: ({ body }, { store }) => putKv(body, store),
  }),
  jsonRoute({
    method: "post",
    path: "/v1/kv/delete",
    summary: "Deletes a key, or all that begin with a prefix, in one revision.",
    needs: "operator",
    body: kvDeleteSchema,
    response: kvDeleteResultSchema,
    handle: ({ body }, { store }) => deleteKv(body, store),
  }),
  rawRoute({
    method: "get",
    path: "/v1/kv/watch",
    summary:
      "Follows a key or those that begin with a prefix; an event's ID is the revision to go on behind.",
    needs: "viewer",
    query: kvWatchQuery,
    produces: "text/event-stream",
    response: kvChangeSchema,
    handle: ({ query }, { store }) => answerEvents((signal) => watchKv(query, store, signal)),
  }),
];
