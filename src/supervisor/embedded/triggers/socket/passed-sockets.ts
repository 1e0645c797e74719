/** Sockets that a service's command gets from socket units, and what its environment says of them (sd_listen_fds(3)). */

export interface PassedSockets {
  /** Where they are, as RunRequest has it. */
  readonly sources: readonly string[];
  /** A name for each, for LISTEN_FDNAMES=. */
  readonly names: readonly string[];
  /** REMOTE_ADDR= and REMOTE_PORT= of a connection. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The shim adds LISTEN_PID=, which only it knows. A command whose input or output is the socket gets no other. */
export function socketVariables(passed: PassedSockets, isStream: boolean): Readonly<Record<string, string>> {
  const { sources, names, variables } = passed;
  if (sources.length === 0 || isStream) return variables;
  return { ...variables, LISTEN_FDS: String(names.length), LISTEN_FDNAMES: names.join(":") };
}
