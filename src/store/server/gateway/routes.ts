/** The gateway's paths: which method each calls, and with what. Each is served under `/v3` and `/v3beta`, as 3.4 does. */

export interface Route {
  /** `package.Service/Method`, of gRPC. */
  readonly method: string;
  readonly request: string;
  readonly answer: string;
}

const ROUTES = `
kv/range etcdserverpb.KV/Range RangeRequest RangeResponse
kv/put etcdserverpb.KV/Put PutRequest PutResponse
kv/deleterange etcdserverpb.KV/DeleteRange DeleteRangeRequest DeleteRangeResponse
kv/txn etcdserverpb.KV/Txn TxnRequest TxnResponse
kv/compaction etcdserverpb.KV/Compact CompactionRequest HeaderOnly
watch etcdserverpb.Watch/Watch WatchRequest WatchResponse
lease/grant etcdserverpb.Lease/LeaseGrant LeaseGrantRequest LeaseGrantResponse
lease/revoke etcdserverpb.Lease/LeaseRevoke LeaseRequest HeaderOnly
kv/lease/revoke etcdserverpb.Lease/LeaseRevoke LeaseRequest HeaderOnly
lease/keepalive etcdserverpb.Lease/LeaseKeepAlive LeaseRequest LeaseKeepAliveResponse
lease/timetolive etcdserverpb.Lease/LeaseTimeToLive LeaseTimeToLiveRequest LeaseTimeToLiveResponse
kv/lease/timetolive etcdserverpb.Lease/LeaseTimeToLive LeaseTimeToLiveRequest LeaseTimeToLiveResponse
lease/leases etcdserverpb.Lease/LeaseLeases Empty LeaseLeasesResponse
kv/lease/leases etcdserverpb.Lease/LeaseLeases Empty LeaseLeasesResponse
cluster/member/add etcdserverpb.Cluster/MemberAdd MemberAddRequest MembersResponse
cluster/member/remove etcdserverpb.Cluster/MemberRemove MemberRequest MembersResponse
cluster/member/update etcdserverpb.Cluster/MemberUpdate MemberRequest MembersResponse
cluster/member/list etcdserverpb.Cluster/MemberList Empty MembersResponse
cluster/member/promote etcdserverpb.Cluster/MemberPromote MemberRequest MembersResponse
maintenance/alarm etcdserverpb.Maintenance/Alarm AlarmRequest AlarmResponse
maintenance/status etcdserverpb.Maintenance/Status Empty StatusResponse
maintenance/defragment etcdserverpb.Maintenance/Defragment Empty HeaderOnly
maintenance/hash etcdserverpb.Maintenance/HashKV HashKVRequest HashKVResponse
maintenance/snapshot etcdserverpb.Maintenance/Snapshot Empty SnapshotResponse
maintenance/transfer-leadership etcdserverpb.Maintenance/MoveLeader MoveLeaderRequest HeaderOnly
auth/enable etcdserverpb.Auth/AuthEnable Empty HeaderOnly
auth/disable etcdserverpb.Auth/AuthDisable Empty HeaderOnly
auth/authenticate etcdserverpb.Auth/Authenticate AuthenticateRequest AuthenticateResponse
auth/user/add etcdserverpb.Auth/UserAdd AuthUserAddRequest HeaderOnly
auth/user/get etcdserverpb.Auth/UserGet NameRequest AuthUserGetResponse
auth/user/list etcdserverpb.Auth/UserList Empty AuthUserListResponse
auth/user/delete etcdserverpb.Auth/UserDelete NameRequest HeaderOnly
auth/user/changepw etcdserverpb.Auth/UserChangePassword AuthenticateRequest HeaderOnly
auth/user/grant etcdserverpb.Auth/UserGrantRole AuthUserGrantRoleRequest HeaderOnly
auth/user/revoke etcdserverpb.Auth/UserRevokeRole AuthUserRevokeRoleRequest HeaderOnly
auth/role/add etcdserverpb.Auth/RoleAdd NameRequest HeaderOnly
auth/role/get etcdserverpb.Auth/RoleGet RoleRequest AuthRoleGetResponse
auth/role/list etcdserverpb.Auth/RoleList Empty AuthUserGetResponse
auth/role/delete etcdserverpb.Auth/RoleDelete RoleRequest HeaderOnly
auth/role/grant etcdserverpb.Auth/RoleGrantPermission AuthRoleGrantPermissionRequest HeaderOnly
auth/role/revoke etcdserverpb.Auth/RoleRevokePermission AuthRoleRevokePermissionRequest HeaderOnly
lock/lock v3lockpb.Lock/Lock LockRequest LockResponse
lock/unlock v3lockpb.Lock/Unlock UnlockRequest HeaderOnly
election/campaign v3electionpb.Election/Campaign CampaignRequest CampaignResponse
election/proclaim v3electionpb.Election/Proclaim ProclaimRequest HeaderOnly
election/leader v3electionpb.Election/Leader LeaderRequest LeaderResponse
election/observe v3electionpb.Election/Observe LeaderRequest LeaderResponse
election/resign v3electionpb.Election/Resign ResignRequest HeaderOnly
`;

export function readRoutes(): ReadonlyMap<string, Route> {
  const rows = ROUTES.trim()
    .split("\n")
    .map((row) => row.split(" "));
  return new Map(
    rows.flatMap(([path = "", method = "", request = "", answer = ""]) =>
      ["/v3/", "/v3beta/"].map((prefix) => [prefix + path, { method, request, answer }] as const),
    ),
  );
}
