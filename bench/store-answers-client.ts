/**
 * A client that asks a store for much, says when the last byte has come, and looks at none of it. Run with the store's
 * port; it is told over its channel which of the questions to ask.
 */
import { once } from "node:events";
import { connect } from "node:http2";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { prefixRange } from "#store/keys.ts";
import type { RequestOp } from "#store/store.ts";
import * as wire from "#store/wire/etcd-messages.ts";
import { frame } from "#store/wire/frames.ts";
import { encode } from "#store/wire/message.ts";

const all = prefixRange("k/");
const everything: RequestOp = { kind: "range", request: all };
const tenths = Array.from(
  { length: 10 },
  (_, at): RequestOp => ({ kind: "range", request: prefixRange(`k/00${at}`) }),
);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const json = { key: base64(all.key), range_end: base64(all.rangeEnd) };

type Ask = (port: number) => Promise<unknown>;

/** Each is asked for everything there is; the last takes it away. */
export const QUESTIONS: Readonly<Record<string, Ask>> = {
  range: grpc("KV/Range", encode(wire.rangeRequest, all)),
  sortedRange: grpc(
    "KV/Range",
    encode(wire.rangeRequest, { ...all, sortTarget: "value", sortOrder: "descend" }),
  ),
  txn: grpc("KV/Txn", encode(wire.txnRequest, { compare: [], success: [everything], failure: [] })),
  txnOfTen: grpc("KV/Txn", encode(wire.txnRequest, { compare: [], success: tenths, failure: [] })),
  gatewayRange: gateway("/v3/kv/range", json),
  gatewayTxn: gateway("/v3/kv/txn", { success: [{ request_range: json }] }),
  leaseKeys: grpc("Lease/LeaseTimeToLive", encode(wire.leaseTimeToLiveRequest, { id: 7n, keys: true })),
  leases: grpc("Lease/LeaseLeases", new Uint8Array(0)),
  snapshot: grpc("Maintenance/Snapshot", new Uint8Array(0)),
  watchedDelete,
};

function grpc(method: string, message: Uint8Array): Ask {
  return async (port) => {
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1 << 30 } });
    session.on("connect", () => session.setLocalWindowSize(1 << 30));
    await read(session.request(headersOf(method)), message);
    session.close();
  };
}

function headersOf(method: string) {
  const path = `/etcdserverpb.${method}`;
  return { ":method": "POST", ":path": path, te: "trailers", "content-type": "application/grpc" };
}

function read(stream: ReturnType<ReturnType<typeof connect>["request"]>, message: Uint8Array): Promise<void> {
  stream.end(frame(message));
  return pipeline(stream, new Writable({ write: (_piece, _encoding, done) => done() }));
}

function gateway(path: string, body: unknown): Ask {
  return async (port) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    for await (const _ of answer.body ?? []);
  };
}

/** All keys go in one revision, with what they were, while somebody watches; the watch tells of all of them. */
async function watchedDelete(port: number): Promise<void> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1 << 30 } });
  session.on("connect", () => session.setLocalWindowSize(1 << 30));
  const watch = session.request(headersOf("Watch/Watch"));
  const create = { ...all, prevKv: true };
  watch.write(frame(encode(wire.watchRequest, { create })));
  await once(watch, "data");
  let bytes = 0;
  const told = new Promise<void>((resolve) => {
    watch.on("data", (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > 10_000_000) resolve();
    });
  });
  await read(
    session.request(headersOf("KV/DeleteRange")),
    encode(wire.deleteRangeRequest, { ...all, prevKv: true }),
  );
  await told;
  session.destroy();
}

const [port] = process.argv.slice(2);
if (process.send !== undefined && port !== undefined) {
  process.on("message", (question) => {
    // What fails ends this process, and with it the benchmark.
    void QUESTIONS[String(question)]?.(Number(port)).then(() => process.send?.("done"));
  });
  process.send("ready");
}
