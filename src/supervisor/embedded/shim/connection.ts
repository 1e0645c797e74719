/**
 * A daemon's line to one shim: starting a new shim, or connecting to one that an earlier daemon left.
 *
 * Requests to a new shim can be written at once, before there is one, so that many start side by side. Closing a
 * connection ends no shim.
 */
import { closeSync, openSync } from "node:fs";
import { Socket } from "node:net";
import { decodeMessage, encodeRequest, type Hello, type ShimMessage, type ShimRequest } from "./protocol.ts";
import type { ShimPlace, ShimSpawner } from "./spawner.ts";

export interface ShimListener {
  onMessage(message: ShimMessage): void;
  /** The shim is gone, and with it everything it ran, unless `close` was called. */
  onLost(reason: string): void;
}

/** Takes what the shim is asked first; resolves when it can be told more. */
type Opening = (first: string) => Promise<void>;

export class ShimConnection {
  readonly #socket: Socket;
  /** Of a shim that nothing was asked of yet. */
  #opening: Opening | undefined;
  #opened = Promise.resolve();
  #rest = "";
  #closed = false;
  #lossReason = "its shim is gone";

  /** A socket that is not connected yet must be corked. */
  constructor(socket: Socket, listener: ShimListener, opening?: Opening) {
    this.#socket = socket;
    this.#opening = opening;
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => this.#read(chunk, listener));
    // What happened to the other end is told by `close`, which follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      if (!this.#closed) listener.onLost(this.#lossReason);
    });
  }

  /** Sends requests in one piece: a daemon that dies here has sent all of them or a beginning of whole lines. */
  send(requests: readonly ShimRequest[]): void {
    if (requests.length === 0) return;
    const text = requests.map(encodeRequest).join("");
    const opening = this.#opening;
    this.#opening = undefined;
    if (opening === undefined) this.#socket.write(text);
    else this.#opened = opening(text);
  }

  /** Lets go of the shim; resolves when it has taken everything that was sent. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#socket.closed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    void this.#opened.then(() => this.#socket.end());
    return closed;
  }

  /** Gives a connection up to which no shim belongs. */
  fail(reason: string): void {
    this.#lossReason = reason;
    this.#socket.destroy();
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

/**
 * A new shim, which is asked for with the first that is sent to it: both are done or neither. What is sent before it can
 * be connected to is kept for it. `isReady`: what has to be waited for until it may be there.
 */
export function startShim(
  spawner: ShimSpawner,
  place: ShimPlace,
  listener: ShimListener,
  isReady?: Promise<void>,
): ShimConnection {
  const socket = new Socket();
  socket.cork();
  const spawn = (first: string): Promise<void> => spawner.spawn(place, first);
  const connection = new ShimConnection(socket, listener, (first) =>
    (isReady === undefined ? spawn(first) : isReady.then(() => spawn(first))).then(
      () => {
        connectTo(socket, place.runDirectory, place.id);
        socket.uncork();
      },
      (error: unknown) => connection.fail(error instanceof Error ? error.message : String(error)),
    ),
  );
  return connection;
}

/** The longest path of a socket, in bytes. */
const PATH_MAX = 107;

/** Through the open directory any depth can be reached. */
function connectTo(socket: Socket, runDirectory: string, id: string): void {
  const path = `${runDirectory}/${id}.socket`;
  if (Buffer.byteLength(path) <= PATH_MAX) {
    socket.connect(path);
    return;
  }
  const directory = openSync(runDirectory, "r");
  socket.connect(`/proc/self/fd/${directory}/${id}.socket`);
  // The system looks the path up within the call above.
  closeSync(directory);
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
  const socket = new Socket();
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
    connectTo(socket, runDirectory, id);
  });
}
