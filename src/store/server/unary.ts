/** A method with one request and one answer, between the bytes of the wire and the store's own types. */
import type { Caller } from "../auth/caller.ts";
import { REQUEST_BYTES_MAX } from "../mvcc/check.ts";
import { refusal } from "../mvcc/etcd-errors.ts";
import { type Codec, decode } from "../wire/message.ts";
import { answerPieces } from "./answer-pieces.ts";
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
      return answerPieces(answer, value);
    },
  };
}
