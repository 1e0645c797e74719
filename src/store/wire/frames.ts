/**
 * gRPC's framing of messages (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a byte that says
 * whether the message is compressed, which it never is here, four bytes of length, the message.
 */
import { StoreError } from "../store.ts";

const PREFIX_BYTES = 5;
/** What a piece costs beside its content. */
const PIECE_BYTES = 128;

export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** The frame of a message that is there in pieces, which are not copied where there are several. */
export function framed(pieces: readonly Buffer[]): readonly Buffer[] {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return [frame(first)];
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(
    pieces.reduce((sum, piece) => sum + piece.length, 0),
    1,
  );
  return [prefix, ...pieces];
}

/** Puts messages together from the pieces in which they arrive. */
export class Deframer {
  readonly #messageBytesMax: number;
  #pieces: Buffer[] = [];
  #length = 0;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** About what the message that is not complete costs; small pieces cost more than they hold. */
  get heldBytes(): number {
    return this.#length + this.#pieces.length * PIECE_BYTES;
  }

  /**
   * The messages that are complete with this piece; they are views of the pieces.
   * @throws StoreError when a message is too large or compressed.
   */
  push(piece: Buffer): Buffer[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    const messages: Buffer[] = [];
    for (let next = this.#take(); next !== undefined; next = this.#take()) messages.push(next);
    return messages;
  }

  #take(): Buffer | undefined {
    if (this.#length < PREFIX_BYTES) return undefined;
    let first = this.#pieces[0];
    if (first === undefined) return undefined;
    if (first.length < PREFIX_BYTES) first = this.#join();
    const end = PREFIX_BYTES + this.#checkedLength(first);
    if (this.#length < end) return undefined;
    if (first.length < end) first = this.#join();
    this.#pieces[0] = first.subarray(end);
    if (first.length === end) this.#pieces.shift();
    this.#length -= end;
    return first.subarray(PREFIX_BYTES, end);
  }

  #join(): Buffer {
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }

  #checkedLength(piece: Buffer): number {
    if (piece[0] !== 0) throw new StoreError("unimplemented", "grpc: compressed messages are not supported");
    const length = piece.readUInt32BE(1);
    if (length > this.#messageBytesMax) {
      const sizes = `(${length} vs. ${this.#messageBytesMax})`;
      throw new StoreError("resource-exhausted", `grpc: received message larger than max ${sizes}`);
    }
    return length;
  }
}
