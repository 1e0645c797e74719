/** A thread that serves an embedded store on a free port, which it tells; its data is the store's directory. */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { serveStore } from "#store/server/server.ts";

const store = await openEmbeddedStore({
  directory: String(workerData),
  clock: systemClock,
  random: systemRandom,
});
const server = await serveStore({ store, host: "127.0.0.1", port: 0 });
parentPort?.postMessage(server.address.port);
