/** Sockets that a service's command gets from socket units, and what its environment says of them (sd_listen_fds(3)). */

export interface PassedSockets {
  /** Where they are, as RunRequest has it. */
  readonly sources: readonly string[];
  /** A name for each, for LISTEN_FDNAMES=. */
  readonly names: readonly string[];
  /** REMOTE_ADDR= and REMOTE_PORT= of a connection. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What a command is told of descriptors of these names; the shim adds LISTEN_PID=, which only it knows. */
export function listenVariables(names: readonly string[]): Readonly<Record<string, string>> {
  return names.length === 0 ? {} : { LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(":") };
}
