/** A request of HTTP and its answer, whichever version of HTTP carries them. */

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** The site whose page makes the request; only browsers say it. */
  readonly origin: string | undefined;
  readonly body: Buffer;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Pieces are sent as they come. */
  readonly body: string | AsyncIterable<string>;
}

export function jsonAnswer(status: number, body: string | AsyncIterable<string>): HttpAnswer {
  return { status, headers: { "content-type": "application/json" }, body };
}

export function textAnswer(status: number, body: string): HttpAnswer {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body };
}
