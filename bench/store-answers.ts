/**
 * How long the embedded store holds up the event loop while it answers with 120,000 keys at once: over gRPC and as JSON,
 * as a range, in a transaction, of leases, and to a watch.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { report, toResult } from "./result.ts";
import { bundle, DAEMON_FLAGS } from "./served-store.ts";

const run = promisify(execFile);
const directory = await mkdtemp(join(tmpdir(), "flotilla-bench-answers-"));

try {
  const [server, client] = [join(directory, "server.mjs"), join(directory, "client.mjs")];
  await bundle("store-answers-process.ts", server);
  await bundle("store-answers-client.ts", client);
  const { stdout } = await run(process.execPath, [...DAEMON_FLAGS, server, join(directory, "store"), client]);
  const turns = JSON.parse(stdout) as Readonly<Record<string, number>>;
  report(
    toResult({
      name: "store-answers-stall",
      what: "processor time of the longest turn of the event loop while the store answers with 120,000 keys",
      unit: "ms",
      target: { atMost: 20 },
      samples: [Math.max(...Object.values(turns))],
      details: { turns },
    }),
  );
} finally {
  await rm(directory, { recursive: true });
}
