/** Asking another machine's API, for what only that machine has. */
import type { IncomingMessage } from "node:http";
import { http } from "#host/http.ts";

export interface PeerOptions {
  /** GET when absent. */
  readonly method?: "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface PeerAnswer {
  readonly status: number;
  /** The content type; empty when there is none. */
  readonly type: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** `url` is absolute. Rejects when the machine does not answer. */
export function askPeer(url: string, { method, headers, body, signal }: PeerOptions): Promise<PeerAnswer> {
  return new Promise((resolve, reject) => {
    // A stream of lines has no end of its own, so it gets a connection of its own.
    const options = { method: method ?? "GET", headers, signal, agent: false };
    const request = http.request(url, options, (response: IncomingMessage) =>
      resolve({
        status: response.statusCode ?? 0,
        type: response.headers["content-type"] ?? "",
        body: response,
      }),
    );
    request.once("error", reject);
    request.end(body);
  });
}
