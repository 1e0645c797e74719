/** Etcd's Maintenance service. What refuses here does so without the API's words, because etcd's does. */
import type { Caller } from "../auth/caller.ts";
import type { Alarm } from "../local-store.ts";
import { refusal } from "../mvcc/etcd-errors.ts";
import { StoreError } from "../store.ts";
import * as wire from "../wire/admin-messages.ts";
import { emptyRequest, headerResponse, statusResponse } from "../wire/etcd-messages.ts";
import { encode } from "../wire/message.ts";
import type { Call } from "./grpc.ts";
import type { Service } from "./method-table.ts";
import { ETCD_VERSION, RAFT_TERM, type ServedStore } from "./served-store.ts";
import { unary } from "./unary.ts";

type AlarmRequest = ReturnType<typeof wire.alarmRequest.read>;
type AlarmAnswer = Parameters<typeof wire.alarmResponse.write>[1];

export function maintenanceMethods(served: ServedStore): Service {
  const { store } = served;
  return new Map([
    ["Status", unary(emptyRequest, statusResponse, async () => statusOf(served))],
    [
      "Alarm",
      unary(wire.alarmRequest, wire.alarmResponse, (request, caller) => alarm(served, request, caller)),
    ],
    [
      "Defragment",
      unary(emptyRequest, headerResponse, async (_request, caller) => {
        checkAdmin(served, caller);
        await store.defragment();
        return { header: { revision: 0n } };
      }),
    ],
    [
      "Hash",
      unary(emptyRequest, wire.hashResponse, async (_request, caller) => {
        checkAdmin(served, caller);
        const { hash } = await store.hash();
        return { header: served.header(), hash };
      }),
    ],
    [
      "HashKV",
      unary(wire.hashKvRequest, wire.hashKvResponse, async ({ revision }, caller) => {
        checkAdmin(served, caller);
        const { hash, compactRevision } = await store.hash(revision);
        // Where nothing was compacted etcd says -1.
        return { header: served.header(), hash, compactRevision: compactRevision || -1n };
      }),
    ],
    ["Snapshot", { kind: "stream", handle: (call) => snapshot(served, call) }],
    [
      "MoveLeader",
      unary(wire.moveLeaderRequest, headerResponse, async ({ targetId }, caller) => {
        served.checkAdmin(caller);
        if (targetId === store.identity.memberId) return { header: { revision: 0n } };
        throw new StoreError("failed-precondition", "etcdserver: bad leader transferee");
      }),
    ],
  ]);
}

function checkAdmin(served: ServedStore, caller: Caller): void {
  try {
    served.checkAdmin(caller);
  } catch (error) {
    throw innerError(error);
  }
}

/** Etcd hands on its inner error here, without the code and the words of its API. */
function innerError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  return new StoreError("unknown", error.message.replace("etcdserver: ", "auth: "));
}

function statusOf(served: ServedStore): Parameters<typeof statusResponse.write>[1] {
  const { sizeBytes, sizeInUseBytes, revision } = served.store.status();
  const { memberId } = served.store.identity;
  return {
    header: served.header(),
    version: ETCD_VERSION,
    dbSize: sizeBytes,
    dbSizeInUse: sizeInUseBytes,
    leader: memberId,
    // There is no raft log here; each revision stands for one entry of it.
    raftIndex: revision,
    raftAppliedIndex: revision,
    raftTerm: RAFT_TERM,
    errors: served.store.alarms().map((raised) => `memberID:${memberId} alarm:${raised.toUpperCase()} `),
  };
}

/** Alarms stop every writer, so that only root may raise or clear one. */
async function alarm(served: ServedStore, request: AlarmRequest, caller: Caller): Promise<AlarmAnswer> {
  if (request.action === "get") served.checkAnyUser(caller);
  else served.checkAdmin(caller);
  const { store } = served;
  const { memberId } = store.identity;
  const raised = (): AlarmAnswer => ({ alarms: store.alarms().map((name) => ({ memberId, alarm: name })) });
  if (request.action === "get") return raised();
  const wanted = request.alarm;
  if (wanted === "none") return {};
  const before = store.alarms().includes(wanted);
  await store.setAlarm(wanted, request.action === "activate");
  return answerTo(request.action, before, wanted, memberId);
}

/** Etcd names the alarm when it is raised, or when clearing it changed something. */
function answerTo(
  action: "activate" | "deactivate",
  before: boolean,
  name: Alarm,
  memberId: bigint,
): AlarmAnswer {
  return action === "activate" || before ? { alarms: [{ memberId, alarm: name }] } : {};
}

/** The whole store as etcd's own database file, in pieces, the checksum last. */
async function snapshot(served: ServedStore, call: Call): Promise<void> {
  checkAdmin(served, call.caller);
  const { etcdSnapshot } = await import("../snapshot/etcd-snapshot.ts");
  for await (const { blob, remainingBytes } of etcdSnapshot(served.store)) {
    if (call.signal.aborted) throw refusal("stopped");
    await call.send([encode(wire.snapshotResponse, { blob, remainingBytes })]);
  }
}
