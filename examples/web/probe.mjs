/** Asks the web server on the same machine every two seconds how it is, and tells when that changes. */
import { setTimeout } from "node:timers/promises";

const { INSTANCE = "?", PORT = "8080" } = process.env;
const EVERY_MS = 2_000;

async function health() {
  try {
    const response = await fetch(`http://localhost:${PORT}/healthz`, { signal: AbortSignal.timeout(1_000) });
    return response.ok ? "healthy" : `unhealthy: status ${response.status}`;
  } catch (error) {
    return `unhealthy: ${String(error)}`;
  }
}

let told = "";
for (;;) {
  const state = await health();
  if (state !== told) console.log(`web@${INSTANCE} is ${state}`);
  told = state;
  await setTimeout(EVERY_MS);
}
