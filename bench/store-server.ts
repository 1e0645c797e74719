/** A process that serves an embedded store on a free port, which it prints; it is run with the store's directory. */
import { compileEagerly } from "#host/hot-code.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { serveStore } from "#store/server/server.ts";

const store = await openEmbeddedStore({
  directory: process.argv[2] ?? "",
  clock: systemClock,
  random: systemRandom,
});
const server = await serveStore({ store, host: "127.0.0.1", port: 0, busy: compileEagerly });
process.stdout.write(`${server.address.port}\n`);
