/** A method with one request and one answer, between the bytes of the wire and the store's own types. */
import type { Caller } from "../auth/caller.ts";
import { REQUEST_BYTES_MAX } from "../mvcc/check.ts";
import { refusal } from "../mvcc/etcd-errors.ts";
import { type Codec, decode, encode, encodePieces } from "../wire/message.ts";
import type { Method } from "./grpc.ts";

export function unary<Request, Answer>(
  request: Codec<Request, never>,
  answer: Codec<unknown, Answer>,
  handle: (request: Request, caller: Caller, signal: () => AbortSignal) => Promise<Answer>,
): Method {
  return {
    kind: "unary",
    handle: async (message, caller, signal) => {
      if (message.length > REQUEST_BYTES_MAX) throw refusal("request-too-large");
      const value = await handle(decode(request, message), caller, signal);
      const pieces = encodePieces(answer, value);
      return pieces === undefined ? [encode(answer, value)] : inTurns(pieces);
    },
  };
}

/** A long answer is written a piece a turn of the event loop, so that everything else goes on meanwhile. */
async function inTurns(pieces: Iterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const written: Uint8Array[] = [];
  for (const piece of pieces) {
    written.push(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return written;
}
