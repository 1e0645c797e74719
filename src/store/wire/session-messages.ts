/** The messages of etcd's lock and election services (etcd, v3lockpb and v3electionpb). */
import { header, keyValue } from "./etcd-messages.ts";
import { bytes, int64, message, optional, present } from "./message.ts";

export const lockRequest = message({ name: bytes(1), lease: int64(2) });
export const lockResponse = message({ header: present(1, header), key: bytes(2) });
export const unlockRequest = message({ key: bytes(1) });

const leaderKey = message({ name: bytes(1), key: bytes(2), revision: int64(3), lease: int64(4) });
export const campaignRequest = message({ name: bytes(1), lease: int64(2), value: bytes(3) });
export const campaignResponse = message({ header: present(1, header), leader: optional(2, leaderKey) });
export const proclaimRequest = message({ leader: optional(1, leaderKey), value: bytes(2) });
export const leaderRequest = message({ name: bytes(1) });
export const leaderResponse = message({ header: present(1, header), kv: optional(2, keyValue) });
export const resignRequest = message({ leader: optional(1, leaderKey) });
