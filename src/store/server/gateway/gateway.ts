/** Etcd's JSON gateway: its calls over plain HTTP, each a POST with a message as JSON. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { STORE_STATUS, StoreError, type StoreStatus } from "../../store.ts";
import type { Call, Method, Methods } from "../grpc.ts";
import { type HttpAnswer, type HttpRequest, jsonAnswer, textAnswer } from "./http.ts";
import { type Route, readRoutes } from "./routes.ts";
import { readSchema } from "./schema.ts";
import { Transcoder } from "./transcoder.ts";

/** As grpc-gateway maps gRPC's status to HTTP's. */
const HTTP_STATUS: Readonly<Record<StoreStatus, number>> = {
  cancelled: 408,
  unknown: 500,
  "invalid-argument": 400,
  "deadline-exceeded": 504,
  "not-found": 404,
  "permission-denied": 403,
  "resource-exhausted": 429,
  "failed-precondition": 412,
  "out-of-range": 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  "data-loss": 500,
  unauthenticated: 401,
};

/** So much text is sent at a time, and so much is made in one turn of the event loop, in characters. */
const PIECE_LENGTH = 16 * 1024;
const TURN_LENGTH = 4 * 1024;

export class Gateway {
  readonly #methods: Methods;
  readonly #routes = readRoutes();
  readonly #transcoder = new Transcoder(readSchema());

  constructor(methods: Methods) {
    this.#methods = methods;
  }

  async answer(request: HttpRequest): Promise<HttpAnswer> {
    const route = this.#routes.get(request.path);
    if (route === undefined) return textAnswer(404, "Not Found\n");
    if (request.method !== "POST") return textAnswer(405, "Method Not Allowed\n");
    try {
      return await this.#call(route, request);
    } catch (error) {
      return refusal(error);
    }
  }

  async #call(route: Route, request: HttpRequest): Promise<HttpAnswer> {
    const message = Buffer.from(this.#transcoder.toWire(route.request, parse(request.body.toString("utf8"))));
    const method = await this.#methods.find(`/${route.method}`);
    if (method === undefined) throw new StoreError("unimplemented", `unknown method ${route.method}`);
    if (method.kind === "stream") return this.#stream(route, method, message, request);
    // A certificate is not the gateway's to pass on: who calls it shows a token.
    const caller = { token: request.authorization, certificateName: undefined };
    const pieces = await method.handle(message, caller, () => request.signal);
    const text = this.#transcoder.toJson(route.answer, pieces);
    const isShort = pieces.reduce((sum, { length }) => sum + length, 0) <= PIECE_LENGTH;
    return jsonAnswer(200, isShort ? [...text].join("") : inTurns(text));
  }

  #stream(
    route: Route,
    method: Extract<Method, { readonly kind: "stream" }>,
    message: Buffer,
    { authorization, signal }: HttpRequest,
  ): HttpAnswer {
    const transcoder = this.#transcoder;
    function* show(answer: readonly Uint8Array[]): Generator<string, void, undefined> {
      yield '{"result":';
      yield* transcoder.toJson(route.answer, answer);
      yield "}\n";
    }
    const lines = new Lines();
    signal.addEventListener("abort", () => lines.end(), { once: true });
    const call: Call = {
      caller: { token: authorization, certificateName: undefined },
      messages: once(message),
      signal,
      send: (answer) => lines.add(show(answer)),
    };
    method.handle(call).then(
      () => lines.end(),
      (error: unknown) => {
        void lines.add([`${JSON.stringify({ error: streamError(error) })}\n`]);
        lines.end();
      },
    );
    return jsonAnswer(200, lines.read());
  }
}

/** A little a turn of the event loop, but what is short at once. */
async function* inTurns(text: Iterable<string>): AsyncGenerator<string, void, undefined> {
  let waiting: string[] = [];
  let [length, ofTurn] = [0, 0];
  for (const piece of text) {
    waiting.push(piece);
    length += piece.length;
    ofTurn += piece.length;
    if (length >= PIECE_LENGTH) {
      yield waiting.join("");
      waiting = [];
      length = 0;
    }
    if (ofTurn < TURN_LENGTH) continue;
    await nextTurn();
    ofTurn = 0;
  }
  yield waiting.join("");
}

/** Lines on their way from a call to its client. */
class Lines {
  #lines: Iterable<string>[] = [];
  #taken: (() => void)[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  /** Resolves when the client has room for more. @param line in pieces, made when it is its turn. */
  add(line: Iterable<string>): Promise<void> {
    this.#lines.push(line);
    this.#wake?.();
    return new Promise((resolve) => this.#taken.push(resolve));
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<string, void, undefined> {
    for (;;) {
      const lines = this.#lines.splice(0);
      for (const taken of this.#taken.splice(0)) taken();
      if (lines.length > 0) for (const line of lines) yield* inTurns(line);
      else if (this.#ended) return;
      else await this.#added();
    }
  }

  #added(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

async function* once(message: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield message;
}

function parse(body: string): unknown {
  if (body.trim() === "") return {};
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new StoreError("invalid-argument", error instanceof Error ? error.message : String(error));
  }
}

function refusal(error: unknown): HttpAnswer {
  const { status, message } = toStoreError(error);
  const code = STORE_STATUS[status];
  return jsonAnswer(HTTP_STATUS[status], JSON.stringify({ error: message, message, code }));
}

function streamError(error: unknown): unknown {
  const { status, message } = toStoreError(error);
  return { grpc_code: STORE_STATUS[status], http_code: HTTP_STATUS[status], message };
}

function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError("unknown", error instanceof Error ? error.message : String(error));
}
