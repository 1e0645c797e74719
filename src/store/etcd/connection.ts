/**
 * One HTTP/2 connection to the store, on one of several endpoints, opened when it is needed.
 *
 * A connection that fails is replaced by one to the next endpoint, not sooner than a growing delay allows; calls made
 * meanwhile fail at once, since every caller has its own way to wait. Pings find a peer that is gone without a word.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { backoffDelayMs } from "#base/backoff.ts";
import type { Clock, Timer } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { StoreError } from "../store.ts";

const CONNECT_TIMEOUT_MS = 2_000;
/** Etcd takes more frequent pings for an attack and hangs up. */
const PING_INTERVAL_MS = 5_000;
const PING_TIMEOUT_MS = 2_000;
const BACKOFF = { firstMs: 50, maxMs: 1_000 };
const WINDOW_BYTES = 2 * 1024 * 1024;

export interface ConnectionOptions {
  /** `host:port`, with or without `http://` before it. */
  readonly endpoints: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
}

export class Connection {
  readonly #options: ConnectionOptions;
  #endpoints: readonly string[];
  #session: ClientHttp2Session | undefined;
  #opening: Promise<ClientHttp2Session> | undefined;
  #lastError: StoreError | undefined;
  #failures = 0;
  #retryAtMs = 0;
  #endpoint = 0;
  #pingTimer: Timer | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#endpoints = options.endpoints;
  }

  setEndpoints(endpoints: readonly string[]): void {
    this.#endpoints = endpoints;
    this.#retryAtMs = 0;
    this.suspect();
  }

  /**
   * Opens a call to a gRPC method.
   * @throws StoreError `unavailable` when there is no connection.
   */
  async call(path: string, headers: Readonly<Record<string, string>> = {}): Promise<ClientHttp2Stream> {
    const session = await this.#open();
    try {
      return session.request({
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: path,
        "content-type": "application/grpc",
        te: "trailers",
        ...headers,
      });
    } catch (error) {
      this.abandon(session);
      throw unavailable("the connection to the store was lost", error);
    }
  }

  /** Drops the current connection: a call on it got no answer in time. */
  suspect(): void {
    if (this.#session !== undefined) this.abandon(this.#session);
  }

  abandon(session: ClientHttp2Session): void {
    this.#forget(session);
    session.destroy();
  }

  close(): void {
    this.#closed = true;
    this.#pingTimer?.cancel();
    this.#session?.destroy();
    this.#session = undefined;
  }

  #open(): Promise<ClientHttp2Session> {
    if (this.#closed) return Promise.reject(unavailable("the client of the store is closed"));
    const session = this.#session;
    if (session !== undefined && !session.destroyed && !session.closed) return Promise.resolve(session);
    if (this.#opening === undefined && this.#options.clock.monotonic() < this.#retryAtMs) {
      return Promise.reject(unavailable("the store cannot be reached", this.#lastError));
    }
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #connect(): Promise<ClientHttp2Session> {
    const { clock, random } = this.#options;
    const endpoints = this.#endpoints;
    const endpoint = endpoints[this.#endpoint % endpoints.length] ?? "";
    try {
      const session = await openSession(endpoint, clock);
      if (this.#closed) session.destroy();
      this.#failures = 0;
      this.#session = session;
      session.on("close", () => this.#forget(session));
      // Calls on it may finish; new ones go elsewhere.
      session.on("goaway", () => this.#forget(session));
      this.#schedulePing(session);
      return session;
    } catch (error) {
      this.#failures += 1;
      this.#endpoint += 1;
      this.#retryAtMs = clock.monotonic() + backoffDelayMs(this.#failures, random, BACKOFF);
      this.#lastError = unavailable(`the store at ${endpoint} cannot be reached`, error);
      throw this.#lastError;
    }
  }

  #forget(session: ClientHttp2Session): void {
    if (this.#session === session) this.#session = undefined;
  }

  #schedulePing(session: ClientHttp2Session): void {
    this.#pingTimer?.cancel();
    this.#pingTimer = this.#options.clock.setTimer(PING_INTERVAL_MS, () => this.#ping(session));
  }

  #ping(session: ClientHttp2Session): void {
    if (session.destroyed) return;
    this.#pingTimer = this.#options.clock.setTimer(PING_TIMEOUT_MS, () => this.abandon(session));
    session.ping((error) => {
      if (error === null && this.#session === session) this.#schedulePing(session);
    });
  }
}

function openSession(endpoint: string, clock: Clock): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const url = /^https?:\/\//.test(endpoint) ? endpoint : `http://${endpoint}`;
    const session = connect(url, { settings: { initialWindowSize: WINDOW_BYTES, enablePush: false } });
    const fail = (error: unknown): void => {
      timer.cancel();
      session.destroy();
      reject(error);
    };
    const timer = clock.setTimer(CONNECT_TIMEOUT_MS, () =>
      fail(new Error(`no connection within ${CONNECT_TIMEOUT_MS} ms`)),
    );
    // Stays for the life of the session: its errors end its calls, which are told by their own events.
    session.on("error", fail);
    // Not before the peer's settings are here: a port that accepts and says nothing is no store.
    session.once("remoteSettings", () => {
      timer.cancel();
      session.setLocalWindowSize(WINDOW_BYTES * 8);
      resolve(session);
    });
  });
}

export function unavailable(message: string, cause?: unknown): StoreError {
  const reason = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  return new StoreError("unavailable", `${message}${reason}`, cause);
}
