/**
 * Etcd's Cluster service, for a cluster that has one member and cannot have more. A change of the members is refused in
 * etcd's own words for what cannot be done. Etcd itself takes a second member here, and then stands still until that one
 * has come; from this store `flotilla store promote` leads to more members, which is said to who asks for one.
 */
import { StoreError } from "../store.ts";
import { memberAddRequest, memberRequest } from "../wire/admin-messages.ts";
import { emptyRequest, memberListResponse } from "../wire/etcd-messages.ts";
import type { Method } from "./grpc.ts";
import type { Service } from "./method-table.ts";
import { MEMBER_NAME, type ServedStore } from "./served-store.ts";
import { unary } from "./unary.ts";

/** Behind etcd's own words: what leads to what was asked for. */
const HOW_TO_GROW =
  " (this store has one member only: flotilla store promote makes an etcd of it, flotilla store add adds members)";

export function clusterMethods(served: ServedStore): Service {
  const { memberId } = served.store.identity;
  const isOurs = (id: bigint): boolean => id === memberId;
  return new Map([
    [
      "MemberList",
      unary(emptyRequest, memberListResponse, async (_request, caller) => {
        served.checkAnyUser(caller);
        // Etcd gives no revision here.
        const header = served.header({ revision: 0n });
        return { header, members: [{ id: memberId, name: MEMBER_NAME, clientUrls: [served.clientUrl()] }] };
      }),
    ],
    ["MemberAdd", refused(served, memberAddRequest, () => tooFewMembers(HOW_TO_GROW))],
    ["MemberRemove", refused(served, memberRequest, ({ id }) => (isOurs(id) ? tooFewMembers() : notFound()))],
    ["MemberUpdate", refused(served, memberRequest, ({ id }) => (isOurs(id) ? tooFewMembers() : notFound()))],
    ["MemberPromote", refused(served, memberRequest, ({ id }) => (isOurs(id) ? noLearner() : notFound()))],
  ]);
}

function refused<Request>(
  served: ServedStore,
  request: Parameters<typeof unary<Request, never>>[0],
  refusal: (request: Request) => StoreError,
): Method {
  return unary(request, memberListResponse, async (asked, caller) => {
    served.checkAdmin(caller);
    throw refusal(asked);
  });
}

function notFound(): StoreError {
  return new StoreError("not-found", "etcdserver: member not found");
}

function noLearner(): StoreError {
  return new StoreError("failed-precondition", "etcdserver: can only promote a learner member");
}

function tooFewMembers(hint = ""): StoreError {
  const message = "etcdserver: re-configuration failed due to not enough started members";
  return new StoreError("unknown", `${message}${hint}`);
}
