/**
 * What each call that manages users and roles changes, decided from what there is. Pure: a decision is the list of
 * changed records, a refusal is thrown. The rules are etcd's (auth/store.go), root's among them: while authentication is
 * on, root and its role cannot be taken away.
 */
import type { RecordChange } from "../local-store.ts";
import type { Bytes } from "../store.ts";
import {
  type AuthState,
  deleteRole,
  deleteUser,
  type Permission,
  putRole,
  putUser,
  ROOT,
  type Role,
  setEnabled,
  setRevision,
  type User,
} from "./auth-state.ts";
import { authRefusal } from "./refusals.ts";

/** Everything but turning authentication on raises the revision. */
function changed(now: AuthState, ...changes: readonly RecordChange[]): readonly RecordChange[] {
  return [...changes, setRevision(now.revision + 1n)];
}

export function enable(now: AuthState): readonly RecordChange[] {
  if (now.enabled) return [];
  const root = now.users.get(ROOT);
  if (root === undefined) throw authRefusal("no-root-user");
  if (!root.roles.includes(ROOT)) throw authRefusal("root-without-role");
  return [setEnabled(true)];
}

export function disable(now: AuthState): readonly RecordChange[] {
  return now.enabled ? changed(now, setEnabled(false)) : [];
}

/** @param user with its password already hashed. */
export function addUser(now: AuthState, user: Omit<User, "roles">): readonly RecordChange[] {
  if (user.name === "") throw authRefusal("user-empty");
  if (now.users.has(user.name)) throw authRefusal("user-exists");
  return changed(now, putUser({ ...user, roles: [] }));
}

export function removeUser(now: AuthState, name: string): readonly RecordChange[] {
  if (now.enabled && name === ROOT) throw authRefusal("invalid-management");
  userOf(now, name);
  return changed(now, deleteUser(name));
}

/** @param password already hashed. */
export function changePassword(now: AuthState, name: string, password: Bytes): readonly RecordChange[] {
  return changed(now, putUser({ ...userOf(now, name), password }));
}

export function grantRole(now: AuthState, userName: string, roleName: string): readonly RecordChange[] {
  const user = userOf(now, userName);
  // The role of root need not be there: it permits everything.
  if (roleName !== ROOT) roleOf(now, roleName);
  if (user.roles.includes(roleName)) return [];
  return changed(now, putUser({ ...user, roles: [...user.roles, roleName].sort() }));
}

export function revokeRole(now: AuthState, userName: string, roleName: string): readonly RecordChange[] {
  if (now.enabled && userName === ROOT && roleName === ROOT) throw authRefusal("invalid-management");
  const user = userOf(now, userName);
  if (!user.roles.includes(roleName)) throw authRefusal("role-not-granted");
  return changed(now, putUser({ ...user, roles: user.roles.filter((role) => role !== roleName) }));
}

export function addRole(now: AuthState, name: string): readonly RecordChange[] {
  if (name === "") throw authRefusal("role-empty");
  if (now.roles.has(name)) throw authRefusal("role-exists");
  return changed(now, putRole({ name, permissions: [] }));
}

/** Whoever had the role has it no longer. */
export function removeRole(now: AuthState, name: string): readonly RecordChange[] {
  if (now.enabled && name === ROOT) throw authRefusal("invalid-management");
  roleOf(now, name);
  const holders = [...now.users.values()].filter((user) => user.roles.includes(name));
  const without = holders.map((user) =>
    putUser({ ...user, roles: user.roles.filter((role) => role !== name) }),
  );
  return changed(now, deleteRole(name), ...without);
}

export function grantPermission(
  now: AuthState,
  roleName: string,
  granted: Permission | undefined,
): readonly RecordChange[] {
  const role = roleOf(now, roleName);
  if (granted === undefined) throw authRefusal("permission-not-given");
  const others = role.permissions.filter((held) => !isSameRange(held, granted));
  const permissions =
    others.length < role.permissions.length
      ? role.permissions.map((held) => (isSameRange(held, granted) ? granted : held))
      : [...role.permissions, granted].sort((a, b) => Buffer.compare(a.key, b.key));
  return changed(now, putRole({ ...role, permissions }));
}

export function revokePermission(
  now: AuthState,
  roleName: string,
  range: Pick<Permission, "key" | "rangeEnd">,
): readonly RecordChange[] {
  const role = roleOf(now, roleName);
  const permissions = role.permissions.filter((held) => !isSameRange(held, range));
  if (permissions.length === role.permissions.length) throw authRefusal("permission-not-granted");
  return changed(now, putRole({ ...role, permissions }));
}

export function userOf(now: AuthState, name: string): User {
  const user = now.users.get(name);
  if (user === undefined) throw authRefusal("user-not-found");
  return user;
}

export function roleOf(now: AuthState, name: string): Role {
  const role = now.roles.get(name);
  if (role === undefined) throw authRefusal("role-not-found");
  return role;
}

function isSameRange(
  a: Pick<Permission, "key" | "rangeEnd">,
  b: Pick<Permission, "key" | "rangeEnd">,
): boolean {
  return Buffer.compare(a.key, b.key) === 0 && Buffer.compare(a.rangeEnd, b.rangeEnd) === 0;
}
