/** What kept a request from reaching an API, as an error with a hint. Pure. */
import { FlotillaError } from "#base/errors.ts";
import type { Endpoint } from "./endpoint.ts";

/** @param error of a socket, of TLS, or already one of ours */
export function describeUnreachable(endpoint: Endpoint, error: Error): FlotillaError {
  if (error instanceof FlotillaError) return error;
  const code = codeOf(error);
  const distrust = DISTRUST[code];
  if (distrust !== undefined) return distrusted(endpoint, distrust, error);
  return new FlotillaError("unreachable", `no daemon answers at ${endpoint.text}`, {
    causes: [causeOf(error)],
    hint: hintOf(code),
    retryable: true,
    cause: error,
  });
}

/** Why no connection came about, in words. */
export function causeOf(error: Error): string {
  return CAUSES[codeOf(error)] ?? error.message;
}

/** True where nothing can have been sent, so that another endpoint may be asked the same. */
export function isUnsent(error: unknown): boolean {
  return error instanceof FlotillaError && error.cause instanceof Error && UNSENT.has(codeOf(error.cause));
}

const UNSENT: ReadonlySet<string> = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
]);

function codeOf(error: Error): string {
  const code = "code" in error ? String(error.code) : error.message;
  // OpenSSL calls one thing by several names, after what the first bytes look like to it.
  return /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|BAD_RECORD_TYPE)$|^EPROTO$/.test(code)
    ? "NO_TLS"
    : code;
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket",
  ECONNREFUSED: "nothing listens there",
  EACCES: "this user may not use the socket",
  ECONNRESET: "the connection was cut",
  EHOSTUNREACH: "there is no such host, or no way to it",
  ENETUNREACH: "no way leads to its network",
  ENOTFOUND: "the host's name is not known",
  EAI_AGAIN: "the host's name cannot be looked up",
  ETIMEDOUT: "no connection came about",
  NO_TLS: "the port speaks no TLS",
};

const HINTS: Readonly<Record<string, string>> = {
  ENOENT:
    "is this machine in a cluster (flotilla init or flotilla join), and the daemon running (systemctl status flotilla)? flotilla context list and --endpoint say where it is looked for",
  EACCES: "use the socket as root or as a member of its group, or another endpoint",
  NO_TLS: "is it the port of the API? A daemon that runs with --insecure is reached by http://",
};

function hintOf(code: string): string {
  return (
    HINTS[code] ??
    "is the daemon running there (systemctl status flotilla)? flotilla context list and --endpoint say where it is looked for"
  );
}

/** Why a machine's certificate is not believed. */
const DISTRUST: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by nobody known here",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by nobody known here",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is signed by nobody known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by nobody known here",
  CERT_SIGNATURE_FAILURE: "its certificate is signed by nobody known here",
  CERT_HAS_EXPIRED: "its certificate has expired, or the clock here is wrong",
  CERT_NOT_YET_VALID: "its certificate is not valid yet, or the clock here is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
};

function distrusted(endpoint: Endpoint, why: string, cause: Error): FlotillaError {
  return new FlotillaError("not-authenticated", `${endpoint.text} is not a machine that can be believed`, {
    causes: [why],
    hint: "flotilla context add NAME ADDRESS --token TOKEN keeps the authority of a cluster, --ca FILE names it",
    cause,
  });
}
