/**
 * The HTTP API of a daemon.
 *
 * It owns the way of a request: find the route in the table, read and check what came, answer, and give every
 * failure the one form of an error. Reads come from the mirror; writes are transactions of the store guarded by the
 * revisions they were decided on. It must not plan, run units, or keep state of its own.
 */
import type { IncomingHttpHeaders } from "node:http";
import { FlotillaError } from "#base/errors.ts";
import { type Identified, identify, type Origin } from "./access/identify.ts";
import { mayCall } from "./access/may-call.ts";
import type { Answer } from "./answer.ts";
import { answerError, describeFailure } from "./answer-error.ts";
import { auditEntry, isChange, outcomeOf, whatOf } from "./audit.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { answerNothing, isFleets } from "./fleet/answer.ts";
import type { RawRequest, Route } from "./route.ts";
import { createRouter, type FoundRoute } from "./router.ts";
import { ROUTES } from "./routes.ts";

/** A request of 1,000 units of ordinary size fits many times over. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Of somebody nobody knows: a request to join has a few kilobytes. */
const MAX_STRANGER_BYTES = 64 * 1024;

/** A request as it came, whatever it came over. */
export interface ApiRequest {
  readonly origin: Origin;
  readonly method: string;
  /** Path and query: `/v1/units?machine=m1`. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export interface Api {
  /** Answers one request; never rejects. */
  readonly answer: (request: ApiRequest) => Promise<Answer>;
}

/** The API over what it is given; it starts nothing and holds nothing open by itself. */
export function createApi(dependencies: ApiDependencies): Api {
  const findRoute = createRouter(ROUTES);
  const serve = async (request: ApiRequest): Promise<Answer> => {
    const { pathname, searchParams } = readTarget(request);
    const found = findRoute(request.method, pathname);
    if (found === undefined) {
      if (isFleets(pathname)) return answerNothing(pathname);
      throw noSuchRoute(request.method, pathname);
    }
    const identified = await identify(request.origin, request.headers, dependencies);
    const asked = { request, ...found, ...identified, query: readQuery(searchParams) };
    const answered = isChange(found.route)
      ? serveNoted(asked, dependencies)
      : serveAsked(asked, dependencies);
    const { answerError: answerFailure = answerError } = found.route;
    return answered.catch((error) => answerFailure(error, dependencies.log));
  };
  return { answer: (request) => serve(request).catch((error) => answerError(error, dependencies.log)) };
}

/** A request whose route and caller are known. */
interface Asked extends FoundRoute, Identified {
  readonly request: ApiRequest;
  readonly query: RawRequest["query"];
}

/** @param see is shown the body, once it has been read */
async function serveAsked(
  { request, route, ...known }: Asked,
  dependencies: ApiDependencies,
  see: (body: unknown) => void = () => undefined,
): Promise<Answer> {
  // Before the body is read: nobody gets to send megabytes who may not.
  const verdict = mayCall(known.caller, route.needs);
  if (!verdict.allowed) throw verdict.error;
  const body = route.body === undefined ? undefined : await readJson(request, route);
  see(body);
  const { headers, signal } = request;
  return route.serve({ ...known, body, headers, signal }, dependencies);
}

/** As {@link serveAsked}, with a line in the audit log; what another machine passed on it has noted itself. */
async function serveNoted(asked: Asked, dependencies: ApiDependencies): Promise<Answer> {
  const { request, route, params, caller, isForwarded } = asked;
  const { audit, clock } = dependencies;
  let what = whatOf(params);
  const note = async (outcome: string): Promise<void> => {
    if (isForwarded) return;
    const entry = auditEntry(clock.now(), request.origin, caller, route, what, outcome);
    await audit.note(entry, caller.kind === "nobody" && outcome !== "ok");
  };
  try {
    const answer = await serveAsked(asked, dependencies, (body) => {
      what = whatOf(params, body);
    });
    await note(outcomeOf(answer, route));
    return answer;
  } catch (error) {
    await note(describeFailure(error).code);
    throw error;
  }
}

function readTarget({ method, target }: ApiRequest): URL {
  // The host does not matter: there is one API behind every address.
  const url = URL.parse(target, "http://api");
  if (url === null) throw noSuchRoute(method, target);
  return url;
}

function noSuchRoute(method: string, path: string): FlotillaError {
  return new FlotillaError("not-found", `there is no ${method} ${path}`, {
    hint: "GET /v1/openapi.json lists every route",
  });
}

/** A name that is given once is a text, one that is given several times a list. */
function readQuery(query: URLSearchParams): RawRequest["query"] {
  const names = [...new Set(query.keys())];
  return Object.fromEntries(
    names.map((name) => {
      const values = query.getAll(name);
      return [name, values.length === 1 ? (values[0] ?? "") : values];
    }),
  );
}

/**
 * The content type is asked for because a browser sends JSON to another site only after asking it: a web page must
 * not be able to start units on the reader's own machine.
 */
async function readJson(request: ApiRequest, { anyContentType = false, needs }: Route): Promise<unknown> {
  if (!anyContentType && !(request.headers["content-type"] ?? "").startsWith("application/json")) {
    throw new FlotillaError("bad-request", "the request's body is not declared as JSON", {
      hint: "send the header content-type: application/json",
    });
  }
  const bytes = await readBody(request, needs === "nothing" ? MAX_STRANGER_BYTES : MAX_BODY_BYTES);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FlotillaError("bad-request", "the request's body is not JSON in UTF-8", {
      causes: [error instanceof Error ? error.message : String(error)],
    });
  }
}

/** Counts what comes, since a body in chunks does not say its size beforehand; one that does is refused unread. */
async function readBody({ headers, body }: ApiRequest, maxBytes: number): Promise<Uint8Array> {
  let size = 0;
  const parts: Uint8Array[] = [];
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  for await (const part of body) {
    size += part.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  return Buffer.concat(parts, size);
}

function tooLarge(maxBytes: number): FlotillaError {
  return new FlotillaError("limit-exceeded", `the request is larger than ${maxBytes} bytes`, {
    hint: "send fewer units in one request",
  });
}
