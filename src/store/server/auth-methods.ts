/** Etcd's Auth service. All but Authenticate, and a look at oneself, are for root once authentication is on. */
import type { AuthState } from "../auth/auth-state.ts";
import * as manage from "../auth/management.ts";
import type { RecordChange } from "../local-store.ts";
import * as wire from "../wire/admin-messages.ts";
import { emptyRequest, headerResponse } from "../wire/etcd-messages.ts";
import type { Codec } from "../wire/message.ts";
import type { Method } from "./grpc.ts";
import type { Service } from "./method-table.ts";
import type { Auth, ServedStore } from "./served-store.ts";
import { unary } from "./unary.ts";

type Decide = (now: AuthState) => readonly RecordChange[];

export async function authMethods(served: ServedStore): Promise<Service> {
  const auth = await served.loadAuth();
  return new Map<string, Method>([
    ...switchMethods(served, auth),
    ...userMethods(served, auth),
    ...roleMethods(served, auth),
  ]);
}

/** A call of root's that changes something. */
function change<Request>(
  served: ServedStore,
  { authenticator, guard }: Auth,
  request: Codec<Request, never>,
  decide: (request: Request) => Decide | Promise<Decide>,
  afterwards?: (request: Request) => void,
): Method {
  return unary(request, headerResponse, async (asked, caller) => {
    guard.admin(caller);
    await authenticator.change(await decide(asked));
    afterwards?.(asked);
    return { header: served.header() };
  });
}

function switchMethods(served: ServedStore, auth: Auth): [string, Method][] {
  return [
    ["AuthEnable", change(served, auth, emptyRequest, () => manage.enable)],
    ["AuthDisable", change(served, auth, emptyRequest, () => manage.disable)],
    [
      "Authenticate",
      unary(wire.credentials, wire.authenticateResponse, async ({ name, password }) => ({
        header: served.header(),
        token: await auth.authenticator.authenticate(name, password),
      })),
    ],
  ];
}

function userMethods(served: ServedStore, auth: Auth): [string, Method][] {
  const { authenticator, guard } = auth;
  const forget = (name: string): void => authenticator.revokeTokens(name);
  return [
    [
      "UserAdd",
      change(served, auth, wire.userAddRequest, async ({ name, password, options }) => {
        const noPassword = options?.noPassword ?? false;
        const hashed = noPassword ? new Uint8Array(0) : await authenticator.hashPassword(password);
        return (now) => manage.addUser(now, { name, noPassword, password: hashed });
      }),
    ],
    [
      "UserGet",
      unary(wire.nameRequest, wire.namesResponse, async ({ name }, caller) => {
        guard.user(caller, name);
        const { roles } = manage.userOf(authenticator.state, name);
        return { header: served.header(), names: roles };
      }),
    ],
    [
      "UserList",
      unary(emptyRequest, wire.namesResponse, async (_request, caller) => {
        guard.admin(caller);
        return { header: served.header(), names: [...authenticator.state.users.keys()] };
      }),
    ],
    [
      "UserDelete",
      change(
        served,
        auth,
        wire.nameRequest,
        ({ name }) =>
          (now) =>
            manage.removeUser(now, name),
        ({ name }) => forget(name),
      ),
    ],
    [
      "UserChangePassword",
      change(
        served,
        auth,
        wire.credentials,
        async ({ name, password }) => {
          const hashed = await authenticator.hashPassword(password);
          return (now) => manage.changePassword(now, name, hashed);
        },
        ({ name }) => forget(name),
      ),
    ],
    [
      "UserGrantRole",
      change(
        served,
        auth,
        wire.userRoleRequest,
        ({ user, role }) =>
          (now) =>
            manage.grantRole(now, user, role),
      ),
    ],
    [
      "UserRevokeRole",
      change(
        served,
        auth,
        wire.userRoleRequest,
        ({ user, role }) =>
          (now) =>
            manage.revokeRole(now, user, role),
      ),
    ],
  ];
}

function roleMethods(served: ServedStore, auth: Auth): [string, Method][] {
  const { authenticator, guard } = auth;
  return [
    [
      "RoleAdd",
      change(
        served,
        auth,
        wire.nameRequest,
        ({ name }) =>
          (now) =>
            manage.addRole(now, name),
      ),
    ],
    [
      "RoleGet",
      unary(wire.nameRequest, wire.roleGetResponse, async ({ name }, caller) => {
        guard.role(caller, name);
        const { permissions } = manage.roleOf(authenticator.state, name);
        return { header: served.header(), permissions };
      }),
    ],
    [
      "RoleList",
      unary(emptyRequest, wire.namesResponse, async (_request, caller) => {
        guard.admin(caller);
        return { header: served.header(), names: [...authenticator.state.roles.keys()] };
      }),
    ],
    [
      "RoleDelete",
      change(
        served,
        auth,
        wire.nameRequest,
        ({ name }) =>
          (now) =>
            manage.removeRole(now, name),
      ),
    ],
    [
      "RoleGrantPermission",
      change(
        served,
        auth,
        wire.grantPermissionRequest,
        ({ role, permission }) =>
          (now) =>
            manage.grantPermission(now, role, permission),
      ),
    ],
    [
      "RoleRevokePermission",
      change(
        served,
        auth,
        wire.revokePermissionRequest,
        ({ role, ...range }) =>
          (now) =>
            manage.revokePermission(now, role, range),
      ),
    ],
  ];
}
