/**
 * The port of the store: TCP or TLS, and on it HTTP/2 for gRPC and HTTP/1.1 for everything else. Which of the two a
 * connection speaks is told by ALPN, or by its first bytes.
 */
import type { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { TLSSocket, Server as TlsServer } from "node:tls";
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
  /**
   * With `clientCertAuth`: judges each client's certificate by itself, signature and all, and throws where it is not
   * good. A client that is refused is told why as the answer to its calls.
   */
  readonly admit?: (certificate: X509Certificate) => void;
}

export interface ListenerHandlers {
  readonly clock: Clock;
  stream(stream: ServerStream, certificateName: string | undefined): StreamListener;
  /** A call of a client that is not let in. */
  readonly refused: (stream: ServerStream, reason: Error) => StreamListener;
  /** A connection that speaks HTTP/1.1; what was read of it has been put back. */
  http1(socket: Socket): void;
}

export class StoreListener {
  readonly #handlers: ListenerHandlers;
  readonly #sockets = new Set<Socket>();
  /** Connections of clients whose certificates were judged. */
  readonly #admitted = new Map<Socket, X509Certificate>();
  #server: Server | undefined;
  #tls: TlsServer | undefined;
  #settings: TlsSettings | undefined;

  constructor(handlers: ListenerHandlers) {
    this.#handlers = handlers;
  }

  /** Resolves with the port it listens on. @throws FlotillaError `bad-config` or `not-permitted` */
  async listen(host: string, port: number, tls: TlsSettings | undefined): Promise<number> {
    const server = this.#createServer(tls);
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

  /** Shows another certificate to whoever connects from now on; the authorities it believes stay. */
  renew({ cert, key }: Pick<TlsSettings, "cert" | "key">): void {
    const trustedCa = this.#settings?.trustedCa;
    const ca = trustedCa === undefined ? {} : { ca: trustedCa };
    this.#tls?.setSecureContext({ cert, key, ...ca, minVersion: "TLSv1.2" });
  }

  /** Judges the clients that are connected anew, and cuts those that are no longer let in. */
  review(): void {
    for (const [socket, certificate] of this.#admitted) {
      if (this.#refusalOf(certificate) !== undefined) socket.destroy();
    }
  }

  #createServer(settings: TlsSettings | undefined): Server {
    if (settings === undefined) return createServer({ noDelay: true }, (socket) => this.#accept(socket));
    // Asked for by a call: an import looks at every export, of which one is the text of all authorities that Node knows.
    const server = process.getBuiltinModule("node:tls").createServer({
      cert: settings.cert,
      key: settings.key,
      ALPNProtocols: ["h2", "http/1.1"],
      ...(settings.trustedCa === undefined ? {} : { ca: settings.trustedCa }),
      requestCert: settings.clientCertAuth === true,
      rejectUnauthorized: settings.clientCertAuth === true && settings.admit === undefined,
      minVersion: "TLSv1.2",
      handshakeTimeout: FIRST_BYTES_MS,
    });
    server.on("secureConnection", (socket) => {
      if (settings.admit !== undefined) this.#judge(socket);
      else this.#accept(socket, settings.clientCertAuth ? nameOf(socket) : undefined);
    });
    this.#tls = server;
    this.#settings = settings;
    return server;
  }

  #judge(socket: TLSSocket): void {
    const certificate = socket.getPeerX509Certificate();
    // One that shows none is no machine, so that nobody there would read why.
    if (certificate === undefined) {
      socket.destroy();
      return;
    }
    const refusal = this.#refusalOf(certificate);
    if (refusal !== undefined) {
      this.#refuse(socket, refusal);
      return;
    }
    this.#admitted.set(socket, certificate);
    socket.on("close", () => this.#admitted.delete(socket));
    this.#accept(socket, nameOf(socket));
  }

  #refusalOf(certificate: X509Certificate): Error | undefined {
    try {
      this.#settings?.admit?.(certificate);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** It has as long as others have for their first bytes to ask, and to read why it is answered nothing else. */
  #refuse(socket: TLSSocket, reason: Error): void {
    const { clock, refused } = this.#handlers;
    socket.on("error", () => undefined);
    const deadline = clock.setTimer(FIRST_BYTES_MS, () => socket.destroy());
    socket.on("close", () => deadline.cancel());
    new ServerConnection(socket, { clock, stream: (stream) => refused(stream, reason) });
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

/** The common name of a certificate; one that it gives twice is no name. */
function nameOf(socket: TLSSocket): string | undefined {
  const subject: { readonly CN?: string | string[] } | undefined = socket.getPeerCertificate().subject;
  return typeof subject?.CN === "string" ? subject.CN : undefined;
}
