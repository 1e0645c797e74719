/** Everything on the store's port that is not gRPC, over HTTP/1.1 and over HTTP/2. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { writeHeaders } from "../../http2/hpack.ts";
import type { ServerStream, StreamListener } from "../../http2/server-stream.ts";
import type { Methods } from "../grpc.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { ServedStore } from "../served-store.ts";
import { Gateway } from "./gateway.ts";
import { type HttpAnswer, type HttpRequest, textAnswer } from "./http.ts";
import { answerPage } from "./pages.ts";

export interface PlainHttpOptions {
  readonly served: ServedStore;
  readonly methods: Methods;
  readonly messageBytesMax: number;
  readonly held: HeldBytes;
}

/** Requests of HTTP/1.1 have to be there by then; on an idle connection the next one has to begin. */
const REQUEST_MS = 60_000;
const IDLE_MS = 60_000;

export class PlainHttp {
  readonly #options: PlainHttpOptions;
  readonly #gateway: Gateway;
  /** It never listens: the store's port hands it its connections. */
  readonly #server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: IDLE_MS },
    (request, response) => {
      this.#answer1(request, response).catch(() => response.destroy());
    },
  );

  constructor(options: PlainHttpOptions) {
    this.#options = options;
    this.#gateway = new Gateway(options.methods);
    // Node looks for requests that take too long from this event on.
    this.#server.emit("listening");
  }

  /** Connections are cut by whoever has handed them over. */
  close(): void {
    this.#server.close();
  }

  /** Takes over a connection that speaks HTTP/1.1. */
  take(socket: Socket): void {
    this.#server.emit("connection", socket);
    socket.resume();
  }

  /** Answers a request that came over HTTP/2. */
  takeStream(stream: ServerStream): StreamListener {
    const gone = new AbortController();
    const pieces: Buffer[] = [];
    const held = this.#options.held.share();
    let bytes = 0;
    const take = (piece: Buffer): void => {
      stream.consume(piece.length);
      bytes += piece.length;
      if (bytes > this.#options.messageBytesMax) throw new RangeError("the request is too long");
      held.set(bytes);
      pieces.push(piece);
    };
    return {
      data: (piece) => {
        try {
          take(piece);
        } catch {
          stream.reset();
        }
      },
      end: () => {
        this.#answer2(stream, Buffer.concat(pieces), gone.signal).catch(() => stream.reset());
      },
      closed: () => {
        held.set(0);
        gone.abort();
      },
    };
  }

  #answer(request: HttpRequest): Promise<HttpAnswer> | HttpAnswer {
    const page = answerPage(this.#options.served, request);
    if (page !== undefined) return page;
    if (request.path.startsWith("/v3") && request.origin !== undefined) {
      return textAnswer(403, "a page in a browser may not call the store\n");
    }
    if (request.path.startsWith("/v3")) return this.#gateway.answer(request);
    return textAnswer(404, "404 page not found\n");
  }

  async #answer1(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const body = await bodyOf(request, this.#options.messageBytesMax);
    if (body === undefined) {
      response.writeHead(413).end();
      return;
    }
    const { method = "GET", url = "/" } = request;
    const { authorization, origin } = request.headers;
    const answer = await this.#answer({
      method,
      path: pathOf(url),
      authorization,
      origin,
      body,
      signal: gone.signal,
    });
    response.writeHead(answer.status, { ...answer.headers });
    if (typeof answer.body === "string") {
      response.end(answer.body);
      return;
    }
    for await (const piece of answer.body) {
      if (!response.write(piece))
        await once(response, "drain", { signal: gone.signal }).catch(() => undefined);
    }
    response.end();
  }

  async #answer2(stream: ServerStream, body: Buffer, signal: AbortSignal): Promise<void> {
    const { headers } = stream;
    const answer = await this.#answer({
      method: headers.get(":method") ?? "GET",
      path: pathOf(headers.get(":path") ?? "/"),
      authorization: headers.get("authorization"),
      origin: headers.get("origin"),
      body,
      signal,
    });
    stream.respond(writeHeaders([[":status", String(answer.status)], ...Object.entries(answer.headers)]));
    if (typeof answer.body === "string") stream.write(Buffer.from(answer.body));
    else await writeAll(stream, answer.body);
    stream.end();
  }
}

async function writeAll(stream: ServerStream, body: AsyncIterable<string>): Promise<void> {
  for await (const piece of body) if (!stream.write(Buffer.from(piece))) await stream.drained();
}

function pathOf(url: string): string {
  return url.split("?")[0] ?? url;
}

/** Undefined when it is too long, or the client is gone. */
async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request) {
      if (!Buffer.isBuffer(piece)) continue;
      bytes += piece.length;
      if (bytes > bytesMax) return undefined;
      pieces.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces);
}
