/**
 * A process that serves an embedded store with many keys, as a daemon does, and is asked for all of them in every way in
 * which an answer can be long, measured by bench/store-answers.ts. Arguments: the store's directory, the program of the
 * client. Prints the longest turns of the event loop as JSON, in ms of processor time.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { compileEagerly } from "#host/hot-code.ts";
import { systemClock, systemRandom } from "#host/system.ts";
import { openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { toBytes } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import { serveStore } from "#store/server/server.ts";
import type { RequestOp } from "#store/store.ts";
import { QUESTIONS } from "./store-answers-client.ts";
import { longestTurn } from "./turns.ts";

const KEYS = 120_000;
const VALUE_BYTES = 100;
const OPS = 120;
const LEASED_KEYS = 12_000;

async function fill(store: LocalStore, prefix: string, count: number, lease: bigint): Promise<void> {
  for (let at = 0; at < count; at += OPS) {
    const success = Array.from({ length: OPS }, (_, n): RequestOp => {
      const key = toBytes(`${prefix}${String(at + n).padStart(7, "0")}`);
      // In no order, for answers that are sorted by value.
      const value = Buffer.alloc(VALUE_BYTES, String((at + n) * 7_919));
      return { kind: "put", request: { key, value, lease } };
    });
    await store.txn({ compare: [], success, failure: [] });
  }
}

const [directory = "", clientProgram = ""] = process.argv.slice(2);
const store = await openEmbeddedStore({ directory, clock: systemClock, random: systemRandom });
await fill(store, "k/", KEYS, 0n);
await store.leaseGrant({ ttlS: 3_600, id: 7n });
await fill(store, "l/", LEASED_KEYS, 7n);
for (let at = 0; at < LEASED_KEYS; at += 1) await store.leaseGrant({ ttlS: 3_600 });
const server = await serveStore({ store, host: "127.0.0.1", port: 0, busy: compileEagerly });
const client = fork(clientProgram, [String(server.address.port)]);
await once(client, "message");

const turns: Record<string, number> = {};
for (const question of Object.keys(QUESTIONS)) {
  turns[question] = await longestTurn(async () => {
    client.send(question);
    await once(client, "message");
  });
}
client.kill();
await server.close();
await store.close();
process.stdout.write(`${JSON.stringify(turns)}\n`);
