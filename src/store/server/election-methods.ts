/** Etcd's Election service: whoever holds the oldest key under a name leads; the key's value is what he proclaims. */
import { prefixRange, toBytes, toText } from "../keys.ts";
import { ifCreateRevision } from "../ops.ts";
import {
  type Bytes,
  type Header,
  type KeyValue,
  type LeaseId,
  type RequestOp,
  type Revision,
  type Store,
  StoreError,
} from "../store.ts";
import { headerResponse } from "../wire/etcd-messages.ts";
import { decode, encode } from "../wire/message.ts";
import * as wire from "../wire/session-messages.ts";
import type { Call } from "./grpc.ts";
import type { Service } from "./method-table.ts";
import type { ServedStore } from "./served-store.ts";
import { type Claim, claim, nameOf, oldest, unaryOfSession, waitForTurn } from "./sessions.ts";

/** What a leader shows to act as one. */
interface LeaderKey {
  readonly key: Bytes;
  readonly revision: Revision;
  readonly lease: LeaseId;
}

export function electionMethods(served: ServedStore): Service {
  return new Map([
    [
      "Campaign",
      unaryOfSession(
        wire.campaignRequest,
        wire.campaignResponse,
        async ({ name, lease, value }, caller, gone) => {
          const { key, revision, ...own } = await campaign(
            served.as(caller),
            nameOf(name),
            lease,
            value,
            gone(),
          );
          const leader = { name, key: toBytes(key), revision, lease: own.lease };
          return { header: served.header(own.header), leader };
        },
      ),
    ],
    [
      "Proclaim",
      unaryOfSession(wire.proclaimRequest, headerResponse, async ({ leader, value }, caller) => {
        const header = await proclaim(served.as(caller), given(leader), value);
        return { header: served.header(header) };
      }),
    ],
    [
      "Leader",
      unaryOfSession(wire.leaderRequest, wire.leaderResponse, async ({ name }, caller, gone) => {
        const { header, kv } = await oldest(served.as(caller), nameOf(name), gone());
        if (kv === undefined) throw new StoreError("unknown", "election: no leader");
        return { header: served.header(header), kv };
      }),
    ],
    [
      "Resign",
      unaryOfSession(wire.resignRequest, headerResponse, async ({ leader }, caller) => {
        const { header } = await asLeader(served.as(caller), given(leader), (key) => ({
          kind: "delete-range",
          request: { key },
        }));
        return { header: served.header(header) };
      }),
    ],
    ["Observe", { kind: "stream", handle: (call) => observe(served, call) }],
  ]);
}

async function campaign(
  store: Store,
  name: string,
  lease: LeaseId,
  value: Bytes,
  signal: AbortSignal,
): Promise<Claim> {
  const own = await claim(store, name, lease, value, signal);
  const leader = { key: toBytes(own.key), revision: own.revision, lease: own.lease };
  try {
    if (own.found !== undefined && Buffer.compare(own.found.value, value) !== 0) {
      await proclaim(store, leader, value);
    }
    await waitForTurn(store, name, own.revision, signal);
    return own;
  } catch (error) {
    // Who has given up must not become leader.
    if (signal.aborted) {
      await asLeader(store, leader, (key) => ({ kind: "delete-range", request: { key } }));
    }
    throw error;
  }
}

async function proclaim(store: Store, leader: LeaderKey, value: Bytes): Promise<Header> {
  const { succeeded, header } = await asLeader(store, leader, (key) => ({
    kind: "put",
    request: { key, value, lease: leader.lease },
  }));
  if (!succeeded) throw new StoreError("unknown", "election: not leader");
  return header;
}

/** Does something to the leader's key while it is still his. */
function asLeader(
  store: Store,
  leader: LeaderKey,
  operation: (key: Bytes) => RequestOp,
): Promise<{ readonly succeeded: boolean; readonly header: Header }> {
  return store.txn({
    compare: [ifCreateRevision(toText(leader.key), leader.revision)],
    success: [operation(leader.key)],
    failure: [],
  });
}

function given(leader: LeaderKey | undefined): LeaderKey {
  if (leader === undefined) throw new StoreError("unknown", '"leader" field must be provided');
  return leader;
}

/** Tells of each leader and of what he proclaims, from now on. */
async function observe(served: ServedStore, call: Call): Promise<void> {
  const store = served.as(call.caller);
  for await (const message of call.messages) {
    const name = nameOf(decode(wire.leaderRequest, message).name);
    const send = (header: Header, kv: KeyValue): Promise<void> =>
      call.send([encode(wire.leaderResponse, { header: served.header(header), kv })]);
    while (!call.signal.aborted) await observeLeader(store, name, call.signal, send);
  }
}

/** Returns when the leader has gone, or when there may be a first one. */
async function observeLeader(
  store: Store,
  name: string,
  signal: AbortSignal,
  send: (header: Header, kv: KeyValue) => Promise<void>,
): Promise<void> {
  const { header, kv } = await oldest(store, name, signal);
  if (kv !== undefined) await send(header, kv);
  const ended = new AbortController();
  const range = kv === undefined ? prefixRange(`${name}/`) : { key: kv.key };
  const request = { ...range, startRevision: header.revision + 1n };
  const both = AbortSignal.any([signal, ended.signal]);
  try {
    for await (const response of store.watch(request, { signal: both })) {
      if (response.kind !== "events") continue;
      for (const event of response.events) {
        if (event.type === "delete" || kv === undefined) return;
        await send(response.header, event.kv);
      }
    }
  } finally {
    ended.abort();
  }
}
