/**
 * The HTTP API of a daemon.
 *
 * It owns the way of a request: find the route in the table, read and check what came, answer, and give every
 * failure the one form of an error. Reads come from the mirror; writes are transactions of the store guarded by the
 * revisions they were decided on. It must not plan, run units, or keep state of its own.
 */
import { type Context, Hono } from "hono";
import { FlotillaError } from "#base/errors.ts";
import { answerError } from "./answer-error.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { RawRequest, Route } from "./route.ts";
import { ROUTES } from "./routes.ts";

/** A request of 1,000 units of ordinary size fits many times over. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

export interface Api {
  /** Answers one request; never rejects. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** The API over what it is given; it starts nothing and holds nothing open by itself. */
export function createApi(dependencies: ApiDependencies): Api {
  const app = new Hono();
  for (const route of ROUTES) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), path, async (context) =>
      route.serve(await readRequest(context, route), dependencies),
    );
  }
  app.notFound((context) => answerError(noSuchRoute(context), dependencies.log));
  app.onError((error) => answerError(error, dependencies.log));
  return { fetch: (request) => app.fetch(request) };
}

function noSuchRoute(context: Context): FlotillaError {
  return new FlotillaError("not-found", `there is no ${context.req.method} ${context.req.path}`, {
    hint: "GET /v1/openapi.json lists every route",
  });
}

async function readRequest(context: Context, route: Route): Promise<RawRequest> {
  const request = context.req.raw;
  return {
    params: context.req.param(),
    query: readQuery(context.req.queries()),
    body: route.body === undefined ? undefined : await readJson(request),
    headers: request.headers,
    signal: request.signal,
  };
}

/** A name that is given once is a text, one that is given several times a list. */
function readQuery(queries: Readonly<Record<string, string[]>>): RawRequest["query"] {
  return Object.fromEntries(
    Object.entries(queries).map(([name, values]) => [name, values.length === 1 ? (values[0] ?? "") : values]),
  );
}

/**
 * The content type is asked for because a browser sends JSON to another site only after asking it: a web page must
 * not be able to start units on the reader's own machine.
 */
async function readJson(request: Request): Promise<unknown> {
  if (!(request.headers.get("content-type") ?? "").startsWith("application/json")) {
    throw new FlotillaError("bad-request", "the request's body is not declared as JSON", {
      hint: "send the header content-type: application/json",
    });
  }
  const bytes = await readBody(request);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FlotillaError("bad-request", "the request's body is not JSON in UTF-8", {
      causes: [error instanceof Error ? error.message : String(error)],
    });
  }
}

/** Counts what comes, since a body in chunks does not say its size beforehand; one that does is refused unread. */
async function readBody(request: Request): Promise<Uint8Array> {
  let size = 0;
  const parts: Uint8Array[] = [];
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = request.body ?? [];
  for await (const part of body) {
    size += part.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    parts.push(part);
  }
  return Buffer.concat(parts, size);
}

function tooLarge(): FlotillaError {
  return new FlotillaError("limit-exceeded", `the request is larger than ${MAX_BODY_BYTES} bytes`, {
    hint: "send fewer units in one request",
  });
}
