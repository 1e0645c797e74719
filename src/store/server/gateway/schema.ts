/**
 * Etcd's messages by the names they have in JSON (etcd, api/etcdserverpb/rpc.proto and its neighbours), as one table of
 * text, read when the gateway is first used. `*` after a type means a list.
 */

export interface JsonField {
  readonly name: string;
  readonly number: number;
  /** One of `bytes`, `string`, `bool`, `int64`, `uint64` and `uint32`, or the name of an enum or a message. */
  readonly type: string;
  readonly repeated: boolean;
}

export interface Schema {
  readonly messages: ReadonlyMap<string, readonly JsonField[]>;
  readonly enums: ReadonlyMap<string, readonly string[]>;
}

const ENUMS = `
SortOrder NONE ASCEND DESCEND
SortTarget KEY VERSION CREATE MOD VALUE
CompareResult EQUAL GREATER LESS NOT_EQUAL
CompareTarget VERSION CREATE MOD VALUE LEASE
FilterType NOPUT NODELETE
EventType PUT DELETE
AlarmAction GET ACTIVATE DEACTIVATE
AlarmType NONE NOSPACE CORRUPT
PermissionType READ WRITE READWRITE
`;

const MESSAGES = `
Empty
ResponseHeader cluster_id:uint64=1 member_id:uint64=2 revision:int64=3 raft_term:uint64=4
HeaderOnly header:ResponseHeader=1
KeyValue key:bytes=1 create_revision:int64=2 mod_revision:int64=3 version:int64=4 value:bytes=5 lease:int64=6
RangeRequest key:bytes=1 range_end:bytes=2 limit:int64=3 revision:int64=4 sort_order:SortOrder=5 sort_target:SortTarget=6 serializable:bool=7 keys_only:bool=8 count_only:bool=9 min_mod_revision:int64=10 max_mod_revision:int64=11 min_create_revision:int64=12 max_create_revision:int64=13
RangeResponse header:ResponseHeader=1 kvs:KeyValue*=2 more:bool=3 count:int64=4
PutRequest key:bytes=1 value:bytes=2 lease:int64=3 prev_kv:bool=4 ignore_value:bool=5 ignore_lease:bool=6
PutResponse header:ResponseHeader=1 prev_kv:KeyValue=2
DeleteRangeRequest key:bytes=1 range_end:bytes=2 prev_kv:bool=3
DeleteRangeResponse header:ResponseHeader=1 deleted:int64=2 prev_kvs:KeyValue*=3
RequestOp request_range:RangeRequest=1 request_put:PutRequest=2 request_delete_range:DeleteRangeRequest=3 request_txn:TxnRequest=4
ResponseOp response_range:RangeResponse=1 response_put:PutResponse=2 response_delete_range:DeleteRangeResponse=3 response_txn:TxnResponse=4
Compare result:CompareResult=1 target:CompareTarget=2 key:bytes=3 version:int64=4 create_revision:int64=5 mod_revision:int64=6 value:bytes=7 lease:int64=8 range_end:bytes=64
TxnRequest compare:Compare*=1 success:RequestOp*=2 failure:RequestOp*=3
TxnResponse header:ResponseHeader=1 succeeded:bool=2 responses:ResponseOp*=3
CompactionRequest revision:int64=1 physical:bool=2
WatchCreateRequest key:bytes=1 range_end:bytes=2 start_revision:int64=3 progress_notify:bool=4 filters:FilterType*=5 prev_kv:bool=6 watch_id:int64=7 fragment:bool=8
WatchCancelRequest watch_id:int64=1
WatchRequest create_request:WatchCreateRequest=1 cancel_request:WatchCancelRequest=2 progress_request:Empty=3
Event type:EventType=1 kv:KeyValue=2 prev_kv:KeyValue=3
WatchResponse header:ResponseHeader=1 watch_id:int64=2 created:bool=3 canceled:bool=4 compact_revision:int64=5 cancel_reason:string=6 fragment:bool=7 events:Event*=11
LeaseGrantRequest TTL:int64=1 ID:int64=2
LeaseGrantResponse header:ResponseHeader=1 ID:int64=2 TTL:int64=3 error:string=4
LeaseRequest ID:int64=1
LeaseKeepAliveResponse header:ResponseHeader=1 ID:int64=2 TTL:int64=3
LeaseTimeToLiveRequest ID:int64=1 keys:bool=2
LeaseTimeToLiveResponse header:ResponseHeader=1 ID:int64=2 TTL:int64=3 grantedTTL:int64=4 keys:bytes*=5
LeaseLeasesResponse header:ResponseHeader=1 leases:LeaseRequest*=2
Member ID:uint64=1 name:string=2 peerURLs:string*=3 clientURLs:string*=4 isLearner:bool=5
MemberAddRequest peerURLs:string*=1 isLearner:bool=2
MemberRequest ID:uint64=1 peerURLs:string*=2
MembersResponse header:ResponseHeader=1 members:Member*=2
AlarmRequest action:AlarmAction=1 memberID:uint64=2 alarm:AlarmType=3
AlarmMember memberID:uint64=1 alarm:AlarmType=2
AlarmResponse header:ResponseHeader=1 alarms:AlarmMember*=2
StatusResponse header:ResponseHeader=1 version:string=2 dbSize:int64=3 leader:uint64=4 raftIndex:uint64=5 raftTerm:uint64=6 raftAppliedIndex:uint64=7 errors:string*=8 dbSizeInUse:int64=9 isLearner:bool=10
HashResponse header:ResponseHeader=1 hash:uint32=2
HashKVRequest revision:int64=1
HashKVResponse header:ResponseHeader=1 hash:uint32=2 compact_revision:int64=3
SnapshotResponse header:ResponseHeader=1 remaining_bytes:uint64=2 blob:bytes=3
MoveLeaderRequest targetID:uint64=1
Permission permType:PermissionType=1 key:bytes=2 range_end:bytes=3
UserAddOptions no_password:bool=1
AuthenticateRequest name:string=1 password:string=2
AuthenticateResponse header:ResponseHeader=1 token:string=2
AuthUserAddRequest name:string=1 password:string=2 options:UserAddOptions=3
NameRequest name:string=1
AuthUserGrantRoleRequest user:string=1 role:string=2
AuthUserRevokeRoleRequest name:string=1 role:string=2
AuthUserGetResponse header:ResponseHeader=1 roles:string*=2
AuthUserListResponse header:ResponseHeader=1 users:string*=2
RoleRequest role:string=1
AuthRoleGetResponse header:ResponseHeader=1 perm:Permission*=2
AuthRoleGrantPermissionRequest name:string=1 perm:Permission=2
AuthRoleRevokePermissionRequest role:string=1 key:bytes=2 range_end:bytes=3
LockRequest name:bytes=1 lease:int64=2
LockResponse header:ResponseHeader=1 key:bytes=2
UnlockRequest key:bytes=1
LeaderKey name:bytes=1 key:bytes=2 rev:int64=3 lease:int64=4
CampaignRequest name:bytes=1 lease:int64=2 value:bytes=3
CampaignResponse header:ResponseHeader=1 leader:LeaderKey=2
ProclaimRequest leader:LeaderKey=1 value:bytes=2
LeaderRequest name:bytes=1
LeaderResponse header:ResponseHeader=1 kv:KeyValue=2
ResignRequest leader:LeaderKey=1
`;

export function readSchema(): Schema {
  return {
    messages: new Map(
      rows(MESSAGES).map(([name = "", ...fields]) => [name, fields.map((field) => readField(field))]),
    ),
    enums: new Map(rows(ENUMS).map(([name = "", ...values]) => [name, values])),
  };
}

function rows(table: string): string[][] {
  return table
    .trim()
    .split("\n")
    .map((row) => row.split(" "));
}

function readField(text: string): JsonField {
  const [, name = "", type = "", star, number] = /^(\w+):(\w+)(\*?)=(\d+)$/.exec(text) ?? [];
  return { name, type, repeated: star === "*", number: Number(number) };
}
