/** What a peer may cost a server before it is known who it is. */

export interface PeerLimits {
  /** A peer that has said nothing, or has not agreed on keys, by then is hung up on. */
  readonly handshakeMs: number;
  /** For the head of a request, which may have 16 KiB; a body may take longer. */
  readonly headMs: number;
  /** How often connections are looked at for this. */
  readonly checkEveryMs: number;
  /** More are hung up on, so that the daemon keeps file descriptors for its own work. */
  readonly connections: number;
}

export const PEER_LIMITS: PeerLimits = {
  handshakeMs: 10_000,
  headMs: 15_000,
  checkEveryMs: 5_000,
  connections: 4_096,
};

/** For a server of node:http or node:https. */
export function serverOptions({ headMs, checkEveryMs }: PeerLimits): {
  readonly headersTimeout: number;
  readonly connectionsCheckingInterval: number;
} {
  return { headersTimeout: headMs, connectionsCheckingInterval: checkEveryMs };
}
