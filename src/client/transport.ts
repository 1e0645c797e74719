/** One HTTP request to an API, and its answer as JSON, as text or as a stream; every failure is a FlotillaError. */
import type { IncomingMessage, RequestOptions, request } from "node:http";
import { type ErrorBody, FlotillaError, isErrorCode } from "#base/errors.ts";
import type { Endpoint } from "./endpoint.ts";

export interface Call {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** How long the answer may take to begin. */
  readonly timeoutMs: number;
}

/** The answer, once its head has come. @throws FlotillaError the API's own, `unreachable` or `timeout` */
export async function send(endpoint: Endpoint, call: Call): Promise<IncomingMessage> {
  const answer = await open(endpoint, call);
  if ((answer.statusCode ?? 0) < 400) return answer;
  throw readError(await readText(answer), answer.statusCode ?? 0);
}

function open(endpoint: Endpoint, call: Call): Promise<IncomingMessage> {
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  const start = starter(endpoint);
  return new Promise((resolve, reject) => {
    const sent = start({
      ...target(endpoint),
      method: call.method,
      path: call.path,
      headers: {
        ...call.headers,
        ...(payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
      },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    sent.once("response", (answer: IncomingMessage) => {
      sent.setTimeout(0);
      resolve(answer);
    });
    sent.once("error", (error) =>
      reject(call.signal?.aborted ? call.signal.reason : unreachable(endpoint, error)),
    );
    sent.setTimeout(call.timeoutMs, () => sent.destroy(tooLate(endpoint, call.timeoutMs)));
    sent.end(payload);
  });
}

/**
 * `import "node:http"` would load Node's TLS, crypto and fetch with it, because a module's namespace holds every
 * export; that is 45 ms of a command's 100 (measured). Taken this way, each of them loads when it is used.
 */
function starter(endpoint: Endpoint): typeof request {
  const secure = endpoint.kind === "http" && endpoint.url.protocol === "https:";
  return process.getBuiltinModule(secure ? "node:https" : "node:http").request;
}

function target(endpoint: Endpoint): RequestOptions {
  // Connecting ourselves leaves out Node's agent, whose bookkeeping is of no use for one request.
  if (endpoint.kind === "unix") {
    return { createConnection: () => process.getBuiltinModule("node:net").connect(endpoint.path) };
  }
  // A connection for each request: a kept one may be closed by the daemon just when it is used again.
  return { hostname: endpoint.url.hostname.replace(/^\[|\]$/g, ""), port: endpoint.url.port, agent: false };
}

function unreachable(endpoint: Endpoint, error: Error): FlotillaError {
  if (error instanceof FlotillaError) return error;
  const code = "code" in error ? String(error.code) : error.message;
  return new FlotillaError("unreachable", `no daemon answers at ${endpoint.text}`, {
    causes: [CAUSES[code] ?? error.message],
    hint:
      code === "EACCES"
        ? "use the socket as root or as a member of its group, or another endpoint"
        : "is the daemon running? FLOTILLA_ENDPOINT or --endpoint says where it listens",
    retryable: true,
    cause: error,
  });
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "this user may not use the socket",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "the host's name is not known",
};

function tooLate(endpoint: Endpoint, timeoutMs: number): FlotillaError {
  return new FlotillaError("timeout", `${endpoint.text} did not answer within ${timeoutMs / 1000} s`, {
    hint: "the daemon may be waiting for its store; --timeout gives it more time",
    retryable: true,
  });
}

/** The whole body. */
export async function readText(answer: IncomingMessage): Promise<string> {
  answer.setEncoding("utf8");
  let text = "";
  for await (const part of answer) text += String(part);
  return text;
}

/** The lines of a body that goes on, without their ends; ends quietly when the signal is aborted. */
export async function* readLines(
  answer: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void> {
  answer.setEncoding("utf8");
  let rest = "";
  try {
    for await (const part of answer) {
      const lines = (rest + String(part)).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw new FlotillaError("unreachable", "the connection to the daemon was cut", {
      causes: [error instanceof Error ? error.message : String(error)],
      hint: "run the command again when the daemon is back",
      retryable: true,
      cause: error,
    });
  } finally {
    answer.destroy();
  }
  if (rest !== "") yield rest;
}

/** The API's own error, rebuilt; anything else that answers with a failure is not Flotilla's. */
function readError(text: string, status: number): FlotillaError {
  const body = parseErrorBody(text);
  if (body !== undefined) {
    const { code, message, ...details } = body;
    return new FlotillaError(code, message, details);
  }
  return new FlotillaError("internal", `the other side answered with HTTP status ${status}`, {
    causes: text === "" ? [] : [text.slice(0, 200)],
    hint: "is this endpoint Flotilla's API?",
  });
}

function parseErrorBody(text: string): ErrorBody | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isErrorBody(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function isErrorBody(value: unknown): value is ErrorBody {
  if (typeof value !== "object" || value === null) return false;
  if (!("code" in value && "message" in value && "causes" in value)) return false;
  return typeof value.code === "string" && isErrorCode(value.code) && Array.isArray(value.causes);
}

/** The failure that a stream ended with. */
export function readStreamError(text: string): FlotillaError {
  return readError(text, 200);
}

/** An answer in the type that its route declares. One program has both ends, so it is not checked a second time. */
export function parseAnswer<T>(text: string): T {
  return JSON.parse(text) as T;
}
