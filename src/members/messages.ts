/** The messages of etcd's Cluster and Maintenance services (etcd, api/etcdserverpb/rpc.proto) that an operator needs. */
import { header } from "#store/wire/etcd-messages.ts";
import {
  bytes,
  choice,
  count,
  flag,
  message,
  messages,
  optional,
  present,
  text,
  texts,
  uint64,
} from "#store/wire/message.ts";

const member = message({
  id: uint64(1),
  name: text(2),
  peerUrls: texts(3),
  clientUrls: texts(4),
  isLearner: flag(5),
});

export const memberListResponse = message({ header: present(1, header), members: messages(2, member) });
export const memberAddRequest = message({ peerUrls: texts(1), isLearner: flag(2) });
export const memberAddResponse = message({
  header: present(1, header),
  member: optional(2, member),
  members: messages(3, member),
});
/** Of MemberRemove, MemberPromote. */
export const memberIdRequest = message({ id: uint64(1) });
export const moveLeaderRequest = message({ target: uint64(1) });

const alarmMember = message({ memberId: uint64(1), alarm: choice(2, "none", "nospace", "corrupt") });
export const alarmRequest = message({
  action: choice(1, "get", "activate", "deactivate"),
  memberId: uint64(2),
  alarm: choice(3, "none", "nospace", "corrupt"),
});
export const alarmResponse = message({ header: present(1, header), alarms: messages(2, alarmMember) });

export const snapshotResponse = message({
  header: present(1, header),
  remainingBytes: uint64(2),
  blob: bytes(3),
});

export const statusResponse = message({
  header: present(1, header),
  version: text(2),
  dbSize: count(3),
  leader: uint64(4),
  raftIndex: uint64(5),
  raftTerm: uint64(6),
  raftAppliedIndex: uint64(7),
  errors: texts(8),
  dbSizeInUse: count(9),
  isLearner: flag(10),
});
export { emptyRequest, headerResponse } from "#store/wire/etcd-messages.ts";
