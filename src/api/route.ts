/** A route as data: what the API has, in one table that serves requests and makes the OpenAPI document. */
import type { IncomingHttpHeaders } from "node:http";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import type { Caller } from "./access/caller.ts";
import type { Need } from "./access/may-call.ts";
import { type Answer, answerJson } from "./answer.ts";
import type { ApiDependencies } from "./dependencies.ts";

export type Method = "get" | "post" | "put" | "patch" | "delete";
export type Produces =
  | "application/json"
  | "text/event-stream"
  | "application/x-ndjson"
  | "text/plain"
  | "application/octet-stream";

/** The checked parts of a request. */
export interface RouteRequest<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Who asks; whether that suffices has been judged. */
  readonly caller: Caller;
  /** Another machine has passed it on, so it is answered here or not at all. */
  readonly isForwarded: boolean;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

/** A request's parts as they came. */
export type RawRequest = RouteRequest<
  Readonly<Record<string, string>>,
  Readonly<Record<string, string | readonly string[]>>,
  unknown
>;

/** A row of the table. */
export interface Route {
  readonly method: Method;
  /** With `{name}` for parameters, as in OpenAPI. */
  readonly path: string;
  readonly summary: string;
  /** What its caller must be. There is no default, so that no route is open by being forgotten. */
  readonly needs: Need;
  readonly params: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  readonly produces: Produces;
  /** Of the whole answer, or of one line or event of a stream. */
  readonly response: z.ZodType;
  /** Its body is JSON, whatever it is declared as. Only for a method that a browser asks about before it sends it. */
  readonly anyContentType?: boolean;
  /** Failures in another form than the API's own. */
  readonly answerError?: (error: unknown, log: Logger) => Answer;
  /** Checks the request and answers it. */
  readonly serve: (request: RawRequest, dependencies: ApiDependencies) => Promise<Answer>;
}

type Handle<P, Q, B, R> = (request: RouteRequest<P, Q, B>, dependencies: ApiDependencies) => Promise<R> | R;

interface RouteOptions<P, Q, B> {
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly needs: Need;
  readonly params?: z.ZodType<P>;
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly anyContentType?: boolean;
  readonly answerError?: (error: unknown, log: Logger) => Answer;
}

/** A route whose handler returns the JSON body. */
export function jsonRoute<R, P = unknown, Q = unknown, B = unknown>(
  options: RouteOptions<P, Q, B> & {
    readonly response: z.ZodType<R>;
    readonly handle: Handle<P, Q, B, R>;
  },
): Route {
  return rawRoute({
    ...options,
    produces: "application/json",
    handle: async (request, dependencies) => answerJson(await options.handle(request, dependencies)),
  });
}

/** A route whose handler makes the whole answer: a stream, or a text. */
export function rawRoute<P = unknown, Q = unknown, B = unknown>(
  options: RouteOptions<P, Q, B> & {
    readonly produces: Produces;
    readonly response: z.ZodType;
    readonly handle: Handle<P, Q, B, Answer>;
  },
): Route {
  const { handle, ...described } = options;
  // A part that is not described is not looked at.
  const params = options.params ?? z.custom<P>();
  const query = options.query ?? z.custom<Q>();
  const body = options.body ?? z.custom<B>();
  return {
    params: undefined,
    query: undefined,
    body: undefined,
    ...described,
    serve: async (raw, dependencies) =>
      handle(
        {
          ...raw,
          params: check("path", params, raw.params),
          query: check("query", query, raw.query),
          body: check("body", body, raw.body),
        },
        dependencies,
      ),
  };
}

/** @throws FlotillaError `bad-request` naming each field that is wrong. */
function check<T>(part: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new FlotillaError("bad-request", `the request's ${part} is of the wrong shape`, {
    causes: parsed.error.issues.map(
      (issue) => `${[part, ...issue.path.map(String)].join(".")}: ${issue.message}`,
    ),
    hint: "the shape of every request is in GET /v1/openapi.json",
  });
}
