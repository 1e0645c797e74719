/** Asking another machine's API, for what only that machine has. */
import { X509Certificate } from "node:crypto";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { FlotillaError } from "#base/errors.ts";
import { http } from "#host/http.ts";
import { readIdentity } from "#trust/identity.ts";

export interface PeerOptions {
  /** GET when absent. */
  readonly method?: "POST";
  /** ID of the machine that is asked; over TLS no other is believed to be it. */
  readonly machine: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface PeerAnswer {
  readonly status: number;
  /** The content type; empty when there is none. */
  readonly type: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What this machine shows to others, and by what it knows them; PEM. */
export interface PeerTls {
  readonly cert: string;
  readonly key: string;
  /** The machines' authority. */
  readonly ca: string[];
  readonly clusterId: string;
}

/** A machine that has lost its power says nothing, and TCP by itself would wait for minutes. */
const CONNECT_MS = 5_000;

/**
 * @param tls asked for each request, since certificates are renewed; undefined: machines are asked without TLS
 * @param connectMs how long a connection may take to come about, certificates included
 * @returns asks another machine; `url` is absolute. Rejects when the machine does not answer.
 */
export function createAskPeer(
  tls: () => PeerTls | undefined,
  connectMs = CONNECT_MS,
): (url: string, options: PeerOptions) => Promise<PeerAnswer> {
  return (url, { method, machine, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      // A stream of lines has no end of its own, so it gets a connection of its own.
      const options = { method: method ?? "GET", headers, signal, agent: false };
      const answered = (response: IncomingMessage): void =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          body: response,
        });
      const request = start(url, { ...options, ...secured(tls(), machine) }, answered);
      request.once("error", reject);
      giveUpConnecting(request, url.startsWith("https:") ? "secureConnect" : "connect", connectMs);
      request.end(body);
    });
}

function giveUpConnecting(
  request: ClientRequest,
  connected: "connect" | "secureConnect",
  connectMs: number,
): void {
  const giveUp = (): unknown => request.destroy(new Error(`no connection within ${connectMs / 1000} s`));
  const timer = setTimeout(giveUp, connectMs);
  request.once("close", () => clearTimeout(timer));
  request.once("socket", (socket) => socket.once(connected, () => clearTimeout(timer)));
}

/** TLS is loaded by the first machine that is asked over it. */
function start(
  url: string,
  options: RequestOptions,
  answered: (response: IncomingMessage) => void,
): ClientRequest {
  if (!url.startsWith("https:")) return http.request(url, options, answered);
  return process.getBuiltinModule("node:https").request(url, options, answered);
}

/** A machine is known by its ID, not by its address, which may have become another's. */
function secured(tls: PeerTls | undefined, machine: string): object {
  if (tls === undefined) return {};
  const { cert, key, ca, clusterId } = tls;
  const checkServerIdentity = (_host: string, { raw }: { readonly raw: Buffer }): Error | undefined => {
    const identity = readIdentity(new X509Certificate(raw));
    const isIt = identity?.kind === "machine" && identity.id === machine && identity.clusterId === clusterId;
    return isIt ? undefined : anotherAnswers(machine);
  };
  return { cert, key, ca, checkServerIdentity, minVersion: "TLSv1.2" };
}

function anotherAnswers(machine: string): FlotillaError {
  return new FlotillaError("not-authenticated", `another than machine ${machine.slice(0, 8)} answers there`);
}
