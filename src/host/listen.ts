/** Listening on an address or a socket, with failures told as a user can act on them. */
import { once } from "node:events";
import type { ListenOptions, Server } from "node:net";
import { FlotillaError } from "#base/errors.ts";

/**
 * Resolves when the server listens.
 * @param what what is served, as a sentence begins with it: `the API`
 * @throws FlotillaError `bad-config` or `not-permitted`, with the address
 */
export async function listen(server: Server, where: ListenOptions, what: string): Promise<void> {
  server.listen(where);
  try {
    await once(server, "listening");
  } catch (error) {
    throw describeListenError(error, where.path ?? `${where.host}:${where.port}`, what);
  }
}

function describeListenError(error: unknown, shown: string, what: string): FlotillaError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  const forbidden = code === "EACCES" || code === "EPERM";
  return new FlotillaError(
    forbidden ? "not-permitted" : "bad-config",
    `${what} cannot listen on ${shown}: ${code}`,
    {
      hint:
        code === "EADDRINUSE"
          ? "another program listens there; choose another port"
          : "choose another address",
      cause: error,
    },
  );
}
