/** Whether there is a machine behind an address: any answer of its system will do, also that nobody listens. */
import { connect } from "node:net";

/** Errors by which the machine itself says that nobody listens. */
const SIGNS: readonly string[] = ["ECONNREFUSED", "ECONNRESET", "EPIPE"];

/** Resolves false when there is no sign within `withinMs`, or when no way leads there. */
export function knock(host: string, port: number, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (sign: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(sign);
    };
    // A process that was busy for so long has not looked yet at what came meanwhile: it does so before it gives up.
    const timer = setTimeout(() => setImmediate(() => end(false)), withinMs);
    socket.once("connect", () => end(true));
    socket.once("error", (error: NodeJS.ErrnoException) => end(SIGNS.includes(error.code ?? "")));
  });
}
