/** Listens for the API's requests on a unix socket and on a TCP port. */
import { chmod, lstat, rm } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, type Server as NetServer, type Socket } from "node:net";
import { pipeline, Readable } from "node:stream";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { http } from "#host/http.ts";
import { listen } from "#host/listen.ts";
import type { Origin } from "./access/identify.ts";
import type { Answer } from "./answer.ts";
import type { Api } from "./api.ts";
import { PEER_LIMITS, serverOptions } from "./http-limits.ts";
import { createSecureServer, type SecureServer, type ServerTls } from "./secure-server.ts";

export interface ServeOptions {
  readonly api: Api;
  /** Absent: no unix socket. */
  readonly socketPath?: string;
  /** Who may use the socket; default 0660. */
  readonly socketMode?: number;
  /** Absent: no TCP port. */
  readonly host?: string;
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** The TCP port speaks TLS with this; absent: plain HTTP. */
  readonly tls?: ServerTls;
  readonly log: Logger;
  /** Told of each connection to the TCP port, whatever comes of it; the address is undefined of one that is gone already. */
  readonly onConnection?: (address: string | undefined) => void;
}

export interface ServedApi {
  /** `unix:PATH` and `http://HOST:PORT` or `https://HOST:PORT`, in that order. */
  readonly addresses: readonly string[];
  /** The TCP port; 0 without one. */
  readonly port: number;
  /** Takes no further request, ends those that are open, and removes the socket. */
  close(): Promise<void>;
  /** Shows another certificate from the next connection on. */
  renew(tls: ServerTls): void;
}

/** sun_path of unix(7) has 108 bytes, of which the last is zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** @throws FlotillaError `bad-config` or `not-permitted` when it cannot listen; then nothing stays open. */
export async function serveApi(options: ServeOptions): Promise<ServedApi> {
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closing.map((step) => step()));
  };
  const addresses: string[] = [];
  try {
    if (options.socketPath !== undefined) {
      const server = plainServer(options.api, () => ({ kind: "socket" }));
      await listenOnSocket(server, options.socketPath, options.socketMode ?? 0o660);
      closing.push(() => closeServer(server));
      addresses.push(`unix:${options.socketPath}`);
    }
    if (options.host === undefined) return { addresses, port: 0, close, renew: () => undefined };
    const { host, port: wanted = 0, tls, onConnection } = options;
    const opened = tls === undefined ? openPlain(options.api) : openSecure(options.api, tls);
    if (onConnection !== undefined)
      opened.listener.on("connection", (socket) => onConnection(addressOf(socket)));
    await listen(opened.listener, { host, port: wanted }, "the API");
    closing.push(opened.close);
    const port = portOf(opened.listener, wanted);
    addresses.push(`${tls === undefined ? "http" : "https"}://${hostInUrl(host)}:${port}`);
    return { addresses, port, close, renew: opened.renew };
  } catch (error) {
    await close();
    throw error;
  }
}

function openPlain(api: Api): SecureServer {
  const listener = plainServer(api, networkOrigin);
  return { listener, renew: () => undefined, close: () => closeServer(listener) };
}

function openSecure(api: Api, tls: ServerTls): SecureServer {
  return createSecureServer(
    tls,
    (request, response) => void serveRequest(api, networkOrigin(request), request, response),
  );
}

function plainServer(api: Api, originOf: (request: IncomingMessage) => Origin): Server {
  return http.createServer(
    serverOptions(PEER_LIMITS),
    (request, response) => void serveRequest(api, originOf(request), request, response),
  );
}

function networkOrigin({ socket }: IncomingMessage): Origin {
  const address = addressOf(socket) ?? "";
  const certificate =
    "getPeerX509Certificate" in socket && socket instanceof process.getBuiltinModule("node:tls").TLSSocket
      ? socket.getPeerX509Certificate()
      : undefined;
  return { kind: "network", address, certificate };
}

/** IPv4 as such, also where it came to a port of IPv6. */
function addressOf({ remoteAddress }: Socket): string | undefined {
  return remoteAddress?.replace(/^::ffff:/, "");
}

async function listenOnSocket(server: Server, path: string, mode: number): Promise<void> {
  await clearSocket(path);
  await listen(server, { path }, "the API");
  await chmod(path, mode);
}

async function serveRequest(
  api: Api,
  origin: Origin,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { method = "GET", url: target = "/", headers } = request;
  // A body that is refused half read is not cut off, so that its sender comes to read why; Node discards the rest.
  const body = request.iterator({ destroyOnReturn: false });
  const answer = await api.answer({ origin, method, target, headers, body, signal: gone.signal });
  writeAnswer(answer, method === "HEAD", response);
}

function writeAnswer({ status, type, body }: Answer, headOnly: boolean, response: ServerResponse): void {
  response.statusCode = status;
  response.setHeader("content-type", type);
  response.setHeader("cache-control", "no-store");
  if (typeof body === "string") {
    response.end(headOnly ? undefined : body);
    return;
  }
  // One that has gone while the answer was made will tell of it no more.
  response.once("close", () => void body.abandon());
  if (headOnly || response.destroyed) {
    response.end();
    void body.abandon();
    return;
  }
  response.flushHeaders();
  // A reader that is slow holds the source back; one that has gone ends it, which is no failure of ours.
  pipeline(Readable.from(body.parts, { objectMode: false }), response, () => undefined);
}

/** A socket that nobody answers on is left over from a daemon that died; one that is answered is not ours to take. */
async function clearSocket(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new FlotillaError("bad-config", `the path of the API's socket is too long: ${path}`, {
      causes: [`it has ${bytes} bytes; the system takes ${MAX_SOCKET_PATH_BYTES}`],
      hint: "choose a directory with a shorter path",
    });
  }
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new FlotillaError("bad-config", `${path} is there and is no socket, so it is not replaced`, {
      hint: "remove it, or choose another path for the API's socket",
    });
  }
  if (await isAnswered(path)) {
    throw new FlotillaError("state-dir-in-use", `another daemon answers on ${path}`, {
      hint: "stop that daemon first, or choose another path",
    });
  }
  await rm(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}

/** Streams have no end of their own, so open connections are cut. Node removes the socket of its own server. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function portOf(server: NetServer, fallback: number): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : fallback;
}

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
