/** What a peer may cost a server before it is known who it is. */
import type { Server } from "node:http";

/** For the head of a request; a body may take longer. */
const HEAD_MS = 15_000;
const CHECK_EVERY_MS = 5_000;

/** Options of a server that checks its connections so often. */
export const SERVER_OPTIONS = { connectionsCheckingInterval: CHECK_EVERY_MS } as const;

export function guardServer(server: Server): void {
  server.headersTimeout = HEAD_MS;
}
