/** Reaching one member of the store: its endpoint read, a socket opened, HTTP/2 begun on it. */
import { readFile } from "node:fs/promises";
import { connect as connectTcp, isIP } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { Clock } from "#base/clock.ts";
import { tooLate } from "./errors.ts";
import { Session } from "./session.ts";
import type { TlsFiles } from "./settings.ts";

const CONNECT_TIMEOUT_MS = 2_000;
/** Etcd's port for clients. */
const DEFAULT_PORT = 2379;

export interface Endpoint {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or a URL. @throws TypeError when it is neither. */
export function parseEndpoint(text: string, tls: TlsFiles | undefined): Endpoint {
  const scheme = tls === undefined ? "http" : "https";
  const url = new URL(/^https?:\/\//.test(text) ? text : `${scheme}://${text}`);
  const isSecure = url.protocol === "https:";
  // A URL leaves out the port that its scheme has by itself.
  const ownPort = /:(80|443)\/?$/.exec(text)?.[1];
  const port = Number(url.port || (ownPort ?? DEFAULT_PORT));
  return { isSecure, host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port };
}

export interface DialOptions {
  readonly endpoint: Endpoint;
  readonly tls: TlsFiles | undefined;
  readonly clock: Clock;
  readonly onUnusable: () => void;
}

/** Opens a session; it is ready for calls. @throws Error with the reason in words */
export async function dial({ endpoint, tls, clock, onUnusable }: DialOptions): Promise<Session> {
  const { host, port, isSecure } = endpoint;
  const socket = isSecure
    ? connectTls({ host, port, ...(await tlsOptions(host, tls)) })
    : connectTcp({ host, port });
  const scheme = isSecure ? "https" : "http";
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  socket.setNoDelay(true);
  const session = new Session({ socket, scheme, authority, clock, onUnusable });
  const timer = clock.setTimer(CONNECT_TIMEOUT_MS, () =>
    session.destroy(tooLate("no connection", CONNECT_TIMEOUT_MS)),
  );
  try {
    await session.ready;
    return session;
  } finally {
    timer.cancel();
  }
}

async function tlsOptions(host: string, tls: TlsFiles | undefined): Promise<ConnectionOptions> {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFile(file));
  const [ca, cert, key] = await Promise.all([read(tls?.caFile), read(tls?.certFile), read(tls?.keyFile)]);
  // A certificate for an address is checked against the host; only names are sent to the server.
  const servername = tls?.serverName ?? (isIP(host) === 0 ? host : "");
  return { ca, cert, key, servername, ALPNProtocols: ["h2"] };
}
