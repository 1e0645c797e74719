/** A process that serves an embedded store until it is killed: run with a directory and a port, tells when it is ready. */
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { serveStore } from "#store/server/server.ts";

const [directory = "", port = ""] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, clock: systemClock, random: systemRandom });
await serveStore({ store, host: "127.0.0.1", port: Number(port) });
process.stdout.write("ready\n");
