/**
 * A process that is nothing but a client of a store: it puts for a while, 64 at a time, and says what that took.
 * Run with an endpoint, the milliseconds, and `ours` or `node` for the HTTP/2 it speaks with.
 */
import { connect } from "node:http2";
import { systemClock, systemRandom } from "#host/system.ts";
import { connectStore } from "#store/etcd/client.ts";
import { toBytes } from "#store/keys.ts";
import { putRequest } from "#store/wire/etcd-messages.ts";
import { frame } from "#store/wire/frames.ts";
import { encode } from "#store/wire/message.ts";

const IN_FLIGHT = 64;
const KEYS = 5_000;
const VALUE = new Uint8Array(256).fill(120);
const WARM_UP_MS = 500;

type Put = (key: Uint8Array) => Promise<unknown>;

export interface Load {
  readonly putsPerS: number;
  /** Microseconds of processor time a put, in this process. */
  readonly cpuUs: number;
}

function ours(endpoint: string): { put: Put; close: () => unknown } {
  const store = connectStore({ clock: systemClock, random: systemRandom, endpoints: [endpoint] });
  return { put: (key) => store.put({ key, value: VALUE }), close: () => store.close() };
}

/** The least that Node's own HTTP/2 takes: nothing but the request written and the answer read. */
function node(endpoint: string): { put: Put; close: () => unknown } {
  const session = connect(`http://${endpoint.replace("http://", "")}`);
  const headers = { ":method": "POST", ":path": "/etcdserverpb.KV/Put", te: "trailers" };
  const put: Put = (key) =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ...headers, "content-type": "application/grpc" });
      stream.on("error", reject);
      stream.on("end", resolve);
      stream.resume();
      stream.end(frame(encode(putRequest, { key, value: VALUE })));
    });
  return { put, close: () => session.close() };
}

async function load(put: Put, ms: number): Promise<Load> {
  const before = process.cpuUsage();
  const startMs = performance.now();
  let count = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startMs < ms) await put(toBytes(`bench/${count++ % KEYS}`));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const { user, system } = process.cpuUsage(before);
  return { putsPerS: (count / (performance.now() - startMs)) * 1000, cpuUs: (user + system) / count };
}

const [endpoint = "", ms = "", with_ = "ours"] = process.argv.slice(2);
const { put, close } = with_ === "node" ? node(endpoint) : ours(endpoint);
await load(put, WARM_UP_MS);
process.stdout.write(JSON.stringify(await load(put, Number(ms))));
await close();
