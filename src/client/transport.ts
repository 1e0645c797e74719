/** One HTTP request to an API, and its answer as JSON, as text or as a stream; every failure is a FlotillaError. */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { RequestOptions as SecureRequestOptions } from "node:https";
import type { PeerCertificate } from "node:tls";
import { type ErrorBody, FlotillaError, isErrorCode } from "#base/errors.ts";
import type { Credentials, Endpoint } from "./endpoint.ts";
import { describeUnreachable, isUnsent } from "./failure.ts";
import { type Answer, requestOverSocket } from "./socket-request.ts";

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

/** Who is asked, in order, and how both sides know each other. */
export interface Target {
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly credentials: Credentials;
}

/** How long a connection may take to come about where there is another endpoint to try. */
const CONNECT_MS = 3_000;

/** The answer, once its head has come. @throws FlotillaError the API's own, `unreachable`, `not-authenticated` or `timeout` */
export async function send(target: Target, call: Call): Promise<Answer> {
  const answer = await openAny(target, call);
  if (answer.status < 400) return answer;
  throw readError(await readText(answer), answer.status);
}

/** The first endpoint that takes the connection is asked; what was sent once is not sent again. */
async function openAny({ endpoints, credentials }: Target, call: Call): Promise<Answer> {
  const [first, ...others] = endpoints;
  for (const endpoint of endpoints.slice(0, -1)) {
    try {
      return await open(endpoint, credentials, call, CONNECT_MS);
    } catch (error) {
      if (!isUnsent(error)) throw error;
    }
  }
  return open(others.at(-1) ?? first, credentials, call, undefined);
}

function open(
  endpoint: Endpoint,
  credentials: Credentials,
  call: Call,
  connectMs: number | undefined,
): Promise<Answer> {
  return endpoint.kind === "unix"
    ? openSocket(endpoint, call)
    : openHttp(endpoint, credentials, call, connectMs);
}

async function openSocket(
  endpoint: Extract<Endpoint, { readonly kind: "unix" }>,
  call: Call,
): Promise<Answer> {
  const { method, path, signal, timeoutMs } = call;
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  const headers = { ...call.headers, ...(payload === undefined ? {} : JSON_CONTENT) };
  const tooLong = (): Error => tooLate(endpoint, timeoutMs);
  try {
    const socketPath = endpoint.path;
    const request = { socketPath, method, path, headers, payload, signal, timeoutMs, tooLate: tooLong };
    return await requestOverSocket(request);
  } catch (error) {
    throw signal?.aborted || !(error instanceof Error) ? error : describeUnreachable(endpoint, error);
  }
}

const JSON_CONTENT = { "content-type": "application/json" };

function openHttp(
  endpoint: HttpEndpoint,
  credentials: Credentials,
  call: Call,
  connectMs: number | undefined,
): Promise<Answer> {
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  const start = starter(endpoint);
  const { token } = credentials;
  return new Promise((resolve, reject) => {
    const sent = start({
      ...target(endpoint, credentials),
      method: call.method,
      path: call.path,
      headers: {
        ...call.headers,
        // A token is for whoever it was made known to, and that nobody listens in between.
        ...(token === undefined || !isSecure(endpoint) ? {} : { authorization: `Bearer ${token}` }),
        ...(payload === undefined ? {} : { ...JSON_CONTENT, "content-length": Buffer.byteLength(payload) }),
      },
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    sent.once("response", (answer: IncomingMessage) => {
      sent.setTimeout(0);
      resolve({ status: answer.statusCode ?? 0, body: answer });
    });
    sent.once("error", (error) =>
      reject(call.signal?.aborted ? call.signal.reason : describeUnreachable(endpoint, error)),
    );
    if (connectMs !== undefined) giveUpConnecting(sent, connectMs);
    sent.setTimeout(call.timeoutMs, () => sent.destroy(tooLate(endpoint, call.timeoutMs)));
    sent.end(payload);
  });
}

function giveUpConnecting(sent: ClientRequest, connectMs: number): void {
  const late = Object.assign(new Error("no connection came about in time"), { code: "ETIMEDOUT" });
  const timer = setTimeout(() => sent.destroy(late), connectMs);
  sent.once("close", () => clearTimeout(timer));
  sent.once("socket", (socket) => socket.once("connect", () => clearTimeout(timer)));
}

type HttpEndpoint = Extract<Endpoint, { readonly kind: "http" }>;

function isSecure({ url }: HttpEndpoint): boolean {
  return url.protocol === "https:";
}

/**
 * `import "node:http"` would load Node's TLS, crypto and fetch with it, because a module's namespace holds every
 * export; that is 45 ms of a command's 100 (measured). Taken this way, each of them loads when it is used.
 */
function starter(endpoint: HttpEndpoint): (options: SecureRequestOptions) => ClientRequest {
  return process.getBuiltinModule(isSecure(endpoint) ? "node:https" : "node:http").request;
}

function target(endpoint: HttpEndpoint, credentials: Credentials): SecureRequestOptions {
  const host = endpoint.url.hostname.replace(/^\[|\]$/g, "");
  // A connection for each request: a kept one may be closed by the daemon just when it is used again.
  const options = { hostname: host, port: endpoint.url.port, agent: false };
  return isSecure(endpoint) ? { ...options, ...secured(credentials) } : options;
}

/**
 * Any machine that the cluster's authority vouches for may answer, whatever address it is reached by; with the system's
 * authorities the host's name has to be right.
 */
function secured({ ca, cert, key }: Credentials): SecureRequestOptions {
  return {
    minVersion: "TLSv1.2",
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(ca === undefined ? {} : { ca, checkServerIdentity: checkMachine }),
  };
}

function checkMachine(host: string, certificate: PeerCertificate): Error | undefined {
  const names = certificate.subjectaltname ?? "";
  if (/(^|, )URI:flotilla:\/\/[^/]+\/machine\/[0-9a-f]{32}(,|$)/.test(names)) return undefined;
  return process.getBuiltinModule("node:tls").checkServerIdentity(host, certificate);
}

function tooLate(endpoint: Endpoint, timeoutMs: number): FlotillaError {
  return new FlotillaError("timeout", `${endpoint.text} did not answer within ${timeoutMs / 1000} s`, {
    hint: "the daemon may be waiting for its store; --timeout gives it more time",
    retryable: true,
  });
}

/** The whole body. @throws FlotillaError `unreachable` */
export async function readText({ body }: Answer): Promise<string> {
  const parts: Buffer[] = [];
  try {
    for await (const part of body) parts.push(part);
  } catch (error) {
    throw isCut(error) ? wasCut(error) : error;
  }
  return Buffer.concat(parts).toString();
}

/** The lines of a body that goes on, without their ends; ends quietly when the signal is aborted. */
export async function* readLines(
  { body }: Answer,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  try {
    for await (const part of body) {
      const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw wasCut(error);
  }
  if (rest !== "") yield rest;
}

function isCut(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ECONNRESET";
}

function wasCut(error: unknown): FlotillaError {
  return new FlotillaError("unreachable", "the connection to the daemon was cut", {
    causes: [error instanceof Error ? error.message : String(error)],
    hint: "run the command again when the daemon is back",
    retryable: true,
    cause: error,
  });
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
