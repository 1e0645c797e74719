/** The messages of etcd's API that only administrators' calls use: members, maintenance and authentication. */
import { header } from "./etcd-messages.ts";
import {
  bytes,
  choice,
  count,
  flag,
  int64,
  message,
  messages,
  optional,
  present,
  text,
  texts,
  uint64,
} from "./message.ts";

export const memberAddRequest = message({ peerUrls: texts(1), isLearner: flag(2) });
/** Of the answer only whom it made; the rest is as in the list of members. */
export const memberAddResponse = message({ member: optional(2, message({ id: uint64(1) })) });
export const memberRequest = message({ id: uint64(1), peerUrls: texts(2) });

export const alarmRequest = message({
  action: choice(1, "get", "activate", "deactivate"),
  memberId: uint64(2),
  alarm: choice(3, "none", "nospace", "corrupt"),
});
const alarmMember = message({ memberId: uint64(1), alarm: choice(2, "none", "nospace", "corrupt") });
export const alarmResponse = message({ header: present(1, header), alarms: messages(2, alarmMember) });
export const hashResponse = message({ header: present(1, header), hash: count(2) });
export const hashKvRequest = message({ revision: int64(1) });
export const hashKvResponse = message({
  header: present(1, header),
  hash: count(2),
  compactRevision: int64(3),
});
export const snapshotResponse = message({
  header: optional(1, header),
  remainingBytes: count(2),
  blob: bytes(3),
});
export const moveLeaderRequest = message({ targetId: uint64(1) });
/** Authentication: what a request names, and what an answer lists. */
export const permission = message({
  kind: choice(1, "read", "write", "readwrite"),
  key: bytes(2),
  rangeEnd: bytes(3),
});
const userOptions = message({ noPassword: flag(1) });
/** As etcd stores them. */
export const userRecord = message({
  name: bytes(1),
  password: bytes(2),
  roles: texts(3),
  options: optional(4, userOptions),
});
export const roleRecord = message({ name: bytes(1), permissions: messages(2, permission) });

export const credentials = message({ name: text(1), password: text(2) });
export const userAddRequest = message({
  name: text(1),
  password: text(2),
  options: optional(3, userOptions),
});
export const nameRequest = message({ name: text(1) });
export const userRoleRequest = message({ user: text(1), role: text(2) });
export const grantPermissionRequest = message({ role: text(1), permission: optional(2, permission) });
export const revokePermissionRequest = message({ role: text(1), key: bytes(2), rangeEnd: bytes(3) });
export const authenticateResponse = message({ header: present(1, header), token: text(2) });
export const namesResponse = message({ header: present(1, header), names: texts(2) });
export const roleGetResponse = message({ header: present(1, header), permissions: messages(2, permission) });
