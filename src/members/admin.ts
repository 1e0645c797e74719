/**
 * What an operator may ask of an etcd, over its own API: its members, its health, its backup.
 *
 * Each call goes to one of the endpoints, and none is made twice by itself.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { StoreAccess } from "#model/records.ts";
import { connectStore, type RemoteStore } from "#store/etcd/client.ts";
import type { CallOptions } from "#store/store.ts";
import * as wire from "#store/wire/admin-messages.ts";
import {
  emptyRequest,
  headerResponse,
  memberListResponse,
  statusResponse,
} from "#store/wire/etcd-messages.ts";

export type Member = ReturnType<typeof memberListResponse.read>["members"][number];
export type MemberStatus = ReturnType<typeof statusResponse.read>;
export type RaisedAlarm = ReturnType<typeof wire.alarmResponse.read>["alarms"][number];

export interface AdminOptions {
  readonly access: StoreAccess;
  readonly clock: Clock;
  readonly random: Random;
  readonly callTimeoutMs?: number;
}

export class EtcdAdmin {
  readonly store: RemoteStore;

  constructor({ access, clock, random, callTimeoutMs }: AdminOptions) {
    this.store = connectStore({ ...access, clock, random, callTimeoutMs });
  }

  async members(
    options?: CallOptions,
  ): Promise<{ readonly clusterId: bigint; readonly members: readonly Member[] }> {
    const { header, members } = await this.store.call(
      "Cluster/MemberList",
      emptyRequest,
      memberListResponse,
      {},
      options,
    );
    return { clusterId: header.clusterId, members };
  }

  /** Adds a member that has no vote yet; resolves with its ID. */
  async addLearner(peerUrl: string): Promise<bigint> {
    const request = { peerUrls: [peerUrl], isLearner: true };
    const answer = await this.store.call(
      "Cluster/MemberAdd",
      wire.memberAddRequest,
      wire.memberAddResponse,
      request,
    );
    return answer.member?.id ?? 0n;
  }

  /** Gives a learner its vote. @throws StoreError while it is not in sync with the leader */
  async promote(id: bigint): Promise<void> {
    await this.store.call("Cluster/MemberPromote", wire.memberRequest, headerResponse, { id });
  }

  async remove(id: bigint): Promise<void> {
    await this.store.call("Cluster/MemberRemove", wire.memberRequest, headerResponse, { id });
  }

  /** Must be asked of the leader. */
  async moveLeader(target: bigint): Promise<void> {
    await this.store.call("Maintenance/MoveLeader", wire.moveLeaderRequest, headerResponse, {
      targetId: target,
    });
  }

  /** Of the member that answers. */
  status(options?: CallOptions): Promise<MemberStatus> {
    return this.store.call("Maintenance/Status", emptyRequest, statusResponse, {}, options);
  }

  /** Those raised in the whole cluster. */
  async alarms(options?: CallOptions): Promise<readonly RaisedAlarm[]> {
    const request = { action: "get" as const };
    return (
      await this.store.call("Maintenance/Alarm", wire.alarmRequest, wire.alarmResponse, request, options)
    ).alarms;
  }

  async disarm({ memberId, alarm }: RaisedAlarm): Promise<void> {
    const request = { action: "deactivate" as const, memberId, alarm };
    await this.store.call("Maintenance/Alarm", wire.alarmRequest, wire.alarmResponse, request);
  }

  /** Of the member that answers; its other calls wait meanwhile. */
  async defragment(timeoutMs: number): Promise<void> {
    const method = "Maintenance/Defragment";
    await this.store.call(method, emptyRequest, headerResponse, {}, { timeoutMs });
  }

  /** Etcd's own snapshot file, piece by piece. */
  async *snapshot(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const pieces = this.store.stream(
      "Maintenance/Snapshot",
      emptyRequest,
      wire.snapshotResponse,
      {},
      { signal },
    );
    for await (const { blob } of pieces) if (blob.length > 0) yield blob;
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** 16 hex digits at most, as etcdctl writes IDs. */
export function formatId(id: bigint): string {
  return id.toString(16);
}
