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

/** What a request changes, with the hash of the password in it where it has one. */
type Decide<Request> = (now: AuthState, request: Request, hash: Uint8Array) => readonly RecordChange[];

interface PasswordRequest {
  readonly name: string;
  readonly password: string;
}

const NO_PASSWORD = new Uint8Array(0);

export async function authMethods(served: ServedStore): Promise<Service> {
  const auth = await served.loadAuth();
  const { authenticator } = auth;
  return new Map<string, Method>([
    ["AuthEnable", change(served, auth, emptyRequest, manage.enable)],
    ["AuthDisable", change(served, auth, emptyRequest, manage.disable)],
    [
      "Authenticate",
      unary(wire.credentials, wire.authenticateResponse, async ({ name, password }) => ({
        header: served.header(),
        token: await authenticator.authenticate(name, password),
      })),
    ],
    ...userChanges(served, auth),
    ...roleChanges(served, auth),
    ...looks(served, auth),
  ]);
}

/** A call of root's that changes something. */
function change<Request>(
  served: ServedStore,
  { authenticator, guard }: Auth,
  request: Codec<Request, never>,
  decide: Decide<Request>,
  passwordOf: (request: Request) => string | undefined = () => undefined,
): Method {
  return unary(request, headerResponse, async (asked, caller) => {
    guard.admin(caller);
    const password = passwordOf(asked);
    const hash = password === undefined ? NO_PASSWORD : await authenticator.hashPassword(password);
    await authenticator.change((now) => decide(now, asked, hash));
    return { header: served.header() };
  });
}

function userChanges(served: ServedStore, auth: Auth): [string, Method][] {
  const on = <Request>(request: Codec<Request, never>, decide: Decide<Request>) =>
    change(served, auth, request, decide);
  const withPassword = <Request extends PasswordRequest>(
    request: Codec<Request, never>,
    decide: Decide<Request>,
  ) => change(served, auth, request, decide, ({ password }) => password);
  return [
    [
      "UserAdd",
      withPassword(wire.userAddRequest, (now, { name, options }, hash) => {
        const noPassword = options?.noPassword ?? false;
        return manage.addUser(now, { name, noPassword, password: noPassword ? NO_PASSWORD : hash });
      }),
    ],
    [
      "UserChangePassword",
      withPassword(wire.credentials, (now, { name }, hash) => manage.changePassword(now, name, hash)),
    ],
    ["UserDelete", on(wire.nameRequest, (now, { name }) => manage.removeUser(now, name))],
    ["UserGrantRole", on(wire.userRoleRequest, (now, { user, role }) => manage.grantRole(now, user, role))],
    ["UserRevokeRole", on(wire.userRoleRequest, (now, { user, role }) => manage.revokeRole(now, user, role))],
  ];
}

function roleChanges(served: ServedStore, auth: Auth): [string, Method][] {
  const on = <Request>(request: Codec<Request, never>, decide: Decide<Request>) =>
    change(served, auth, request, decide);
  return [
    ["RoleAdd", on(wire.nameRequest, (now, { name }) => manage.addRole(now, name))],
    ["RoleDelete", on(wire.nameRequest, (now, { name }) => manage.removeRole(now, name))],
    [
      "RoleGrantPermission",
      on(wire.grantPermissionRequest, (now, { role, permission }) =>
        manage.grantPermission(now, role, permission),
      ),
    ],
    [
      "RoleRevokePermission",
      on(wire.revokePermissionRequest, (now, { role, ...range }) =>
        manage.revokePermission(now, role, range),
      ),
    ],
  ];
}

/** The calls that change nothing. */
function looks(served: ServedStore, { authenticator, guard }: Auth): [string, Method][] {
  const names = (list: (state: AuthState) => Iterable<string>): Method =>
    unary(emptyRequest, wire.namesResponse, async (_request, caller) => {
      guard.admin(caller);
      return { header: served.header(), names: [...list(authenticator.state)] };
    });
  return [
    ["UserList", names(({ users }) => users.keys())],
    ["RoleList", names(({ roles }) => roles.keys())],
    [
      "UserGet",
      unary(wire.nameRequest, wire.namesResponse, async ({ name }, caller) => {
        guard.user(caller, name);
        return { header: served.header(), names: manage.userOf(authenticator.state, name).roles };
      }),
    ],
    [
      "RoleGet",
      unary(wire.nameRequest, wire.roleGetResponse, async ({ name }, caller) => {
        guard.role(caller, name);
        const { permissions } = manage.roleOf(authenticator.state, name);
        return { header: served.header(), permissions };
      }),
    ],
  ];
}
