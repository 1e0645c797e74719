/** What is to be sent on a socket: all of one turn of the event loop goes out as one write. */
import type { Duplex } from "node:stream";

/** Up to this size copying pieces into one costs less than handing them over one by one. */
const JOIN_BYTES_MAX = 64 * 1024;

export class Outbox {
  readonly #socket: Duplex;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Bytes that the peer has not been given yet. */
  get waitingBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  send(piece: Buffer): void {
    // After all promises of this turn: what they send belongs to the same write.
    if (this.#pieces.length === 0) process.nextTick(() => this.flush());
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  flush(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    const bytes = this.#bytes;
    this.#pieces = [];
    this.#bytes = 0;
    if (this.#socket.destroyed) return;
    if (bytes <= JOIN_BYTES_MAX) {
      this.#socket.write(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, bytes));
      return;
    }
    this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    this.#socket.uncork();
  }
}
