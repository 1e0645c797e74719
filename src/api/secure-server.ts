/**
 * HTTPS on a port: certificates are asked for, and who has shown which is judged for each request (access/).
 *
 * Whoever speaks plain HTTP to the port is told so in plain HTTP: what the first byte tells, before TLS would only hang
 * up. Peers that are slow, or silent, are hung up on; how many there may be is bounded. TLS is loaded with the first
 * such server.
 */
import type { RequestListener } from "node:http";
import type { Server as HttpsServer } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import { FlotillaError } from "#base/errors.ts";
import { PEER_LIMITS, type PeerLimits, serverOptions } from "./http-limits.ts";

/** All PEM. */
export interface ServerTls {
  /** This machine's certificate, and behind it its authority's, by which whoever joins knows the cluster. */
  readonly cert: string;
  readonly key: string;
  /** Authorities whose certificates callers are asked for. */
  readonly ca: readonly string[];
}

export interface SecureServer {
  /** What listens. */
  readonly listener: Server;
  /** Shows another certificate from the next connection on. */
  renew(tls: ServerTls): void;
  /** Cuts every connection. */
  close(): Promise<void>;
}

/** How a TLS handshake begins. */
const HANDSHAKE_RECORD = 0x16;

export function createSecureServer(
  tls: ServerTls,
  handle: RequestListener,
  limits: PeerLimits = PEER_LIMITS,
): SecureServer {
  const { handshakeMs: handshakeTimeout, connections } = limits;
  const options = {
    ...serverOptions(limits),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout,
  };
  const secure = process
    .getBuiltinModule("node:https")
    .createServer({ ...contextOf(tls), ...options }, handle);
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    tellApart(socket, secure, handshakeTimeout);
  });
  listener.maxConnections = connections;
  // It does not listen itself, and looks after its connections only once it hears that it does.
  listener.once("listening", () => secure.emit("listening"));
  return {
    listener,
    renew: (renewed) => secure.setSecureContext(contextOf(renewed)),
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        secure.close();
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function contextOf({ cert, key, ca }: ServerTls): {
  readonly cert: string;
  readonly key: string;
  readonly ca: string[];
  readonly minVersion: "TLSv1.2";
} {
  return { cert, key, ca: [...ca], minVersion: "TLSv1.2" };
}

function tellApart(socket: Socket, secure: HttpsServer, patienceMs: number): void {
  socket.on("error", () => socket.destroy());
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.once("data", (first: Buffer) => {
    socket.pause();
    socket.setTimeout(0);
    socket.removeAllListeners("timeout");
    if (first[0] !== HANDSHAKE_RECORD) return refusePlain(socket, patienceMs);
    socket.unshift(first);
    secure.emit("connection", socket);
  });
}

/** Ends the connection only once the peer has read why: closing it over what it still sends would take the answer away. */
function refusePlain(socket: Socket, patienceMs: number): void {
  const error = new FlotillaError("bad-request", "this port speaks TLS only", {
    causes: ["the request came in plain HTTP"],
    hint: "begin the address with https://",
  });
  const body = JSON.stringify(error);
  const head = [
    "HTTP/1.1 400 Bad Request",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.resume();
}
