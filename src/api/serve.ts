/** Listens for the API's requests on a unix socket and on a TCP port. */
import { chmod, lstat, rm } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, connect, type ListenOptions } from "node:net";
import { pipeline, Readable } from "node:stream";
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { http } from "#host/http.ts";
import { listen } from "#host/listen.ts";
import type { Answer } from "./answer.ts";
import type { Api } from "./api.ts";

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
  readonly log: Logger;
}

export interface ServedApi {
  /** `unix:PATH` and `http://HOST:PORT`, in that order. */
  readonly addresses: readonly string[];
  /** The TCP port; 0 without one. */
  readonly port: number;
  /** Takes no further request, ends those that are open, and removes the socket. */
  close(): Promise<void>;
}

/** sun_path of unix(7) has 108 bytes, of which the last is zero. */
const MAX_SOCKET_PATH_BYTES = 107;

/** @throws FlotillaError `bad-config` or `not-permitted` when it cannot listen; then nothing stays open. */
export async function serveApi(options: ServeOptions): Promise<ServedApi> {
  const servers: Server[] = [];
  const addresses: string[] = [];
  let port = 0;
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(closeServer));
  };
  const open = async (where: ListenOptions): Promise<Server> => {
    const server = http.createServer(
      (request, response) => void serveRequest(options.api, request, response),
    );
    await listen(server, where, "the API");
    servers.push(server);
    return server;
  };
  try {
    if (options.socketPath !== undefined) {
      await clearSocket(options.socketPath);
      await open({ path: options.socketPath });
      await chmod(options.socketPath, options.socketMode ?? 0o660);
      addresses.push(`unix:${options.socketPath}`);
    }
    if (options.host !== undefined) {
      const { host, port: wanted = 0 } = options;
      port = portOf(await open({ host, port: wanted }), wanted);
      addresses.push(`http://${hostInUrl(host)}:${port}`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses, port, close };
}

async function serveRequest(api: Api, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { method = "GET", url: target = "/", headers } = request;
  // A body that is refused half read is not cut off, so that its sender comes to read why; Node discards the rest.
  const body = request.iterator({ destroyOnReturn: false });
  const answer = await api.answer({ method, target, headers, body, signal: gone.signal });
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

function portOf(server: Server, fallback: number): number {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : fallback;
}

function hostInUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
