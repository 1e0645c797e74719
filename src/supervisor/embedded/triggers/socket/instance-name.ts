/** What tells the service instances of connections apart: `0-127.0.0.1:80-127.0.0.1:40000` behind the `@`, as systemd names them. Pure. */
import type { PeerAddress } from "#unit/socket-address.ts";

/** A connection as the kernel tells it. */
export interface ConnectionEnds {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  /** Of the other end of a Unix socket; process 0 where it is in another namespace. */
  readonly pid: number;
  readonly uid: number;
}

/** The instance name without the number before it. */
export function connectionName({ local, remote, pid, uid }: ConnectionEnds): string {
  if (local.family === "unix" || remote.family === "unix") return pid === 0 ? "unknown" : `${pid}-${uid}`;
  return `${local.host}:${local.port}-${remote.host}:${remote.port}`;
}

/** REMOTE_ADDR and REMOTE_PORT of the service; a Unix socket's other end has none. */
export function remoteVariables(remote: PeerAddress): Readonly<Record<string, string>> {
  if (remote.family === "unix") return {};
  return { REMOTE_ADDR: remote.host, REMOTE_PORT: String(remote.port) };
}

/** The template that a socket unit makes its instances of. */
export function templateFor(socket: string): string {
  return `${prefixOf(socket)}@.service`;
}

/** The instance for a connection; `accepted`: how many were before it. */
export function instanceFor(socket: string, accepted: number, connection: string): string {
  return `${prefixOf(socket)}@${accepted}-${connection}.service`;
}

function prefixOf(socket: string): string {
  const [prefix = ""] = socket.replace(/\.socket$/, "").split("@");
  return prefix;
}
