/**
 * What authentication refuses, with etcd's status codes and texts, byte for byte, because etcd's clients match on the
 * text (etcd, api/v3rpc/rpctypes/error.go).
 */
import { StoreError, type StoreStatus } from "../store.ts";

const REFUSALS = {
  "no-root-user": ["failed-precondition", "etcdserver: root user does not exist"],
  "root-without-role": ["failed-precondition", "etcdserver: root user does not have root role"],
  "user-exists": ["failed-precondition", "etcdserver: user name already exists"],
  "user-empty": ["invalid-argument", "etcdserver: user name is empty"],
  "user-not-found": ["failed-precondition", "etcdserver: user name not found"],
  "role-exists": ["failed-precondition", "etcdserver: role name already exists"],
  "role-not-found": ["failed-precondition", "etcdserver: role name not found"],
  "role-empty": ["invalid-argument", "etcdserver: role name is empty"],
  "wrong-credentials": ["invalid-argument", "etcdserver: authentication failed, invalid user ID or password"],
  "permission-denied": ["permission-denied", "etcdserver: permission denied"],
  "role-not-granted": ["failed-precondition", "etcdserver: role is not granted to the user"],
  "permission-not-granted": ["failed-precondition", "etcdserver: permission is not granted to the role"],
  "permission-not-given": ["invalid-argument", "etcdserver: permission not given"],
  "not-enabled": ["failed-precondition", "etcdserver: authentication is not enabled"],
  "invalid-token": ["unauthenticated", "etcdserver: invalid auth token"],
  "too-many-requests": ["resource-exhausted", "etcdserver: too many requests"],
  "invalid-management": ["invalid-argument", "etcdserver: invalid auth management"],
} as const satisfies Record<string, readonly [StoreStatus, string]>;

export type AuthRefusal = keyof typeof REFUSALS;

export function authRefusal(name: AuthRefusal): StoreError {
  const [status, message] = REFUSALS[name];
  return new StoreError(status, message);
}
