/** What etcd serves beside its API over plain HTTP: its version, its health and its metrics. */
import { CLUSTER_VERSION, ETCD_VERSION, type ServedStore } from "../served-store.ts";
import { type HttpAnswer, type HttpRequest, jsonAnswer, textAnswer } from "./http.ts";
import { metrics } from "./metrics.ts";

const PAGES: ReadonlyMap<string, (served: ServedStore) => HttpAnswer> = new Map([
  [
    "/version",
    () => jsonAnswer(200, JSON.stringify({ etcdserver: ETCD_VERSION, etcdcluster: CLUSTER_VERSION })),
  ],
  ["/health", health],
  ["/metrics", (served) => textAnswer(200, metrics(served))],
]);

/** Undefined where there is no such page. */
export function answerPage(served: ServedStore, { path, method }: HttpRequest): HttpAnswer | undefined {
  const page = PAGES.get(path);
  if (page === undefined) return undefined;
  if (method !== "GET" && method !== "HEAD") {
    const refusal = textAnswer(405, "Method Not Allowed\n");
    return { ...refusal, headers: { ...refusal.headers, allow: "GET" } };
  }
  return page(served);
}

/** A store with an alarm is not well. */
function health(served: ServedStore): HttpAnswer {
  const isWell = served.store.alarms().length === 0;
  return textAnswer(isWell ? 200 : 503, JSON.stringify({ health: String(isWell) }));
}
