/**
 * The port of the store: TCP or TLS, and on it HTTP/2 for gRPC and HTTP/1.1 for everything else. Which of the two a
 * connection speaks is told by ALPN, or by its first bytes.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "#base/clock.ts";
import { listen } from "#host/listen.ts";
import { PREFACE } from "../http2/frames.ts";
import { ServerConnection } from "../http2/server-connection.ts";
import type { ServerStream, StreamListener } from "../http2/server-stream.ts";

/** A peer that is gone without a word is noticed by the kernel's probes. */
const KEEP_ALIVE_MS = 30_000;
/** A connection that says nothing is nobody's, and one that has not agreed on its keys either. */
const FIRST_BYTES_MS = 10_000;
/** More are hung up on, so that the daemon keeps file descriptors for its own work. */
const CONNECTIONS_MAX = 4_096;
/** As many bytes tell HTTP/2 from HTTP/1.1. */
const TELLING_BYTES = 3;

export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  /** Whose certificates clients may show. */
  readonly trustedCa?: string;
  /** Refuses clients without a certificate of `trustedCa`. */
  readonly clientCertAuth?: boolean;
}

export interface ListenerHandlers {
  readonly clock: Clock;
  stream(stream: ServerStream, certificateName: string | undefined): StreamListener;
  /** A connection that speaks HTTP/1.1; what was read of it has been put back. */
  http1(socket: Socket): void;
}

export class StoreListener {
  readonly #handlers: ListenerHandlers;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(handlers: ListenerHandlers) {
    this.#handlers = handlers;
  }

  /** Resolves with the port it listens on. @throws FlotillaError `bad-config` or `not-permitted` */
  async listen(host: string, port: number, tls: TlsSettings | undefined): Promise<number> {
    const server = await this.#createServer(tls);
    server.maxConnections = CONNECTIONS_MAX;
    // From the first packet on: one that never agrees on keys must not hold up the end.
    server.on("connection", (socket: Socket) => this.#keep(socket));
    await listen(server, { host, port }, "the store");
    this.#server = server;
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    if (this.#server === undefined) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #createServer(settings: TlsSettings | undefined): Promise<Server> {
    if (settings === undefined) return createServer({ noDelay: true }, (socket) => this.#accept(socket));
    const tls = await import("node:tls");
    const server = tls.createServer({
      cert: settings.cert,
      key: settings.key,
      ALPNProtocols: ["h2", "http/1.1"],
      ...(settings.trustedCa === undefined ? {} : { ca: settings.trustedCa }),
      requestCert: settings.clientCertAuth === true,
      rejectUnauthorized: settings.clientCertAuth === true,
      minVersion: "TLSv1.2",
      handshakeTimeout: FIRST_BYTES_MS,
    });
    server.on("secureConnection", (socket) => {
      const name = settings.clientCertAuth ? commonName(socket.getPeerCertificate().subject) : undefined;
      this.#accept(socket, name);
    });
    return server;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #accept(socket: Socket, certificateName?: string): void {
    this.#keep(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("error", () => undefined);
    const deadline = this.#handlers.clock.setTimer(FIRST_BYTES_MS, () => socket.destroy());
    socket.on("close", () => deadline.cancel());
    let first = Buffer.alloc(0);
    const take = (piece: Buffer): void => {
      first = Buffer.concat([first, piece]);
      if (first.length < TELLING_BYTES) return;
      const isHttp2 = first.subarray(0, TELLING_BYTES).equals(PREFACE.subarray(0, TELLING_BYTES));
      deadline.cancel();
      socket.off("data", take);
      socket.pause();
      socket.unshift(first);
      if (isHttp2) this.#speakHttp2(socket, certificateName);
      else this.#handlers.http1(socket);
    };
    socket.on("data", take);
  }

  #speakHttp2(socket: Socket, certificateName: string | undefined): void {
    new ServerConnection(socket, {
      clock: this.#handlers.clock,
      stream: (stream) => this.#handlers.stream(stream, certificateName),
    });
    socket.resume();
  }
}

/** A name that a certificate gives twice is no name. */
function commonName(subject: { readonly CN?: string | string[] } | undefined): string | undefined {
  return typeof subject?.CN === "string" ? subject.CN : undefined;
}
