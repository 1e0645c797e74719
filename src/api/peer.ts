/** Asking another machine's API, for what only that machine has. */
import type { IncomingMessage } from "node:http";
import { http } from "#host/http.ts";

export interface PeerOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export interface PeerAnswer {
  readonly status: number;
  /** The content type; empty when there is none. */
  readonly type: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Asks by GET; `url` is absolute. Rejects when the machine does not answer. */
export function askPeer(url: string, { headers, signal }: PeerOptions): Promise<PeerAnswer> {
  return new Promise((resolve, reject) => {
    // A stream of lines has no end of its own, so it gets a connection of its own.
    const request = http.get(url, { headers, signal, agent: false }, (response: IncomingMessage) =>
      resolve({
        status: response.statusCode ?? 0,
        type: response.headers["content-type"] ?? "",
        body: response,
      }),
    );
    request.once("error", reject);
  });
}
