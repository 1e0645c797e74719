/**
 * A daemon's line to one shim: starting a new shim, or connecting to one that an earlier daemon left.
 *
 * The first connection of a new shim is a socket pair given at its birth, so that requests can be written at once and
 * many shims start side by side. Closing a connection ends no shim.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { connect, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { decodeMessage, encodeRequest, type Hello, type ShimMessage, type ShimRequest } from "./protocol.ts";

const SHIM_PROGRAM = fileURLToPath(new URL("./shim.pl", import.meta.url));
const PERL = "/usr/bin/perl";

/** Where a shim works and how much of its unit's output is kept. */
export interface ShimPlace {
  readonly unit: string;
  /** Random. Names this shim's files in the run directory and its notification socket. */
  readonly id: string;
  readonly runDirectory: string;
  readonly journalDirectory: string;
  readonly journalFileBytes: number;
  readonly journalFiles: number;
}

export interface ShimListener {
  onMessage(message: ShimMessage): void;
  /** The shim is gone, and with it everything it ran, unless `close` was called. */
  onLost(reason: string): void;
}

export class ShimConnection {
  readonly #socket: Socket;
  #rest = "";
  #closed = false;

  constructor(socket: Socket, listener: ShimListener) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#read(chunk, listener));
    // What happened to the other end is told by `close`, which follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      if (!this.#closed) listener.onLost("its shim is gone");
    });
  }

  /** Sends requests in one piece: a daemon that dies here has sent all of them or a beginning of whole lines. */
  send(requests: readonly ShimRequest[]): void {
    if (requests.length > 0) this.#socket.write(requests.map(encodeRequest).join(""));
  }

  /** Lets go of the shim; resolves when it has taken everything that was sent. */
  close(): Promise<void> {
    this.#closed = true;
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    if (this.#socket.closed) return Promise.resolve();
    this.#socket.end();
    return closed;
  }

  #read(chunk: string, listener: ShimListener): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = decodeMessage(line);
      if (message !== undefined) listener.onMessage(message);
    }
  }
}

/** Starts a shim of its own session, which outlives this process. */
export function startShim(place: ShimPlace, listener: ShimListener): ShimConnection {
  const { runDirectory, id, journalDirectory, unit, journalFileBytes, journalFiles } = place;
  const child = spawn(
    PERL,
    [SHIM_PROGRAM, runDirectory, id, journalDirectory, unit, String(journalFileBytes), String(journalFiles)],
    // Not even PERL5LIB may reach the shim from the daemon's environment.
    { detached: true, stdio: ["ignore", "ignore", "ignore", "pipe"], env: {}, cwd: "/" },
  );
  child.on("error", (error) => listener.onLost(`its shim could not be started: ${error.message}`));
  child.unref();
  const socket = child.stdio[3];
  if (!(socket instanceof Socket)) throw new TypeError("the shim's first connection is no socket");
  return new ShimConnection(socket, listener);
}

/** NOTIFY_SOCKET= of the commands of a shim. */
export function notifySocket(id: string): string {
  return `@flotilla/${id}`;
}

/** A shim that answered, with what it remembers. */
export interface FoundShim {
  readonly hello: Hello;
  readonly connection: ShimConnection;
}

/** Connects to a shim by its ID; undefined when nobody listens there: its processes are gone. */
export function findShim(
  runDirectory: string,
  id: string,
  listener: ShimListener,
): Promise<FoundShim | undefined> {
  // Socket paths are limited to 107 bytes; through the open directory any depth can be reached.
  const directory = openSync(runDirectory, "r");
  const socket = connect(`/proc/self/fd/${directory}/${id}.socket`);
  return new Promise((resolve) => {
    let connection: ShimConnection | undefined;
    const first: ShimListener = {
      onLost: (reason) => (connection === undefined ? resolve(undefined) : listener.onLost(reason)),
      onMessage: (message) => {
        if (message.kind === "hello" && opened !== undefined) {
          connection = opened;
          resolve({ hello: message.hello, connection });
        } else {
          listener.onMessage(message);
        }
      },
    };
    const opened = new ShimConnection(socket, first);
    // Once, whichever comes first: a connection can also end long after it was made.
    let isOpen = true;
    const release = (): void => {
      if (isOpen) closeSync(directory);
      isOpen = false;
    };
    socket.once("connect", release);
    socket.once("close", release);
  });
}
