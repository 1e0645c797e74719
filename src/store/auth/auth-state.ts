/**
 * Users, roles and whether authentication is on, as the store's records hold them: the buckets and messages are etcd's
 * own, so that a snapshot carries them from one to the other. Pure.
 */
import { toBytes } from "../keys.ts";
import type { RecordChange, RecordsView } from "../local-store.ts";
import type { Bytes } from "../store.ts";
import { type permission, roleRecord, userRecord } from "../wire/admin-messages.ts";
import { decode, encode } from "../wire/message.ts";

export type Permission = ReturnType<typeof permission.read>;

export interface User {
  readonly name: string;
  /** As passwords.ts makes it; empty for a user who has none. */
  readonly password: Bytes;
  /** Ascending. */
  readonly roles: readonly string[];
  /** Such a user can only show a certificate. */
  readonly noPassword: boolean;
}

export interface Role {
  readonly name: string;
  readonly permissions: readonly Permission[];
}

export interface AuthState {
  readonly enabled: boolean;
  /** Counts the changes of all this. */
  readonly revision: bigint;
  readonly users: ReadonlyMap<string, User>;
  readonly roles: ReadonlyMap<string, Role>;
}

export const ROOT = "root";
const BUCKETS = { auth: "auth", users: "authUsers", roles: "authRoles" } as const;
const ENABLED = "authEnabled";
const REVISION = "authRevision";

export function isEnabled(records: RecordsView): boolean {
  return records.list(BUCKETS.auth).get(ENABLED)?.[0] === 1;
}

export function readAuthState(records: RecordsView): AuthState {
  const revision = records.list(BUCKETS.auth).get(REVISION);
  return {
    enabled: isEnabled(records),
    revision: revision === undefined ? 0n : Buffer.from(revision).readBigUInt64BE(0),
    users: new Map(sorted(records.list(BUCKETS.users)).map(([name, bytes]) => [name, readUser(name, bytes)])),
    roles: new Map(sorted(records.list(BUCKETS.roles)).map(([name, bytes]) => [name, readRole(name, bytes)])),
  };
}

function sorted(records: ReadonlyMap<string, Bytes>): [string, Bytes][] {
  return [...records].sort(([a], [b]) => Buffer.compare(toBytes(a), toBytes(b)));
}

function readUser(name: string, bytes: Bytes): User {
  const { password, roles, options } = decode(userRecord, bytes);
  return { name, password: Buffer.from(password), roles, noPassword: options?.noPassword ?? false };
}

function readRole(name: string, bytes: Bytes): Role {
  const { permissions } = decode(roleRecord, Buffer.from(bytes));
  return { name, permissions };
}

export function putUser({ name, password, roles, noPassword }: User): RecordChange {
  const value = encode(userRecord, { name: toBytes(name), password, roles, options: { noPassword } });
  return { bucket: BUCKETS.users, name, value };
}

export function deleteUser(name: string): RecordChange {
  return { bucket: BUCKETS.users, name, value: undefined };
}

export function putRole({ name, permissions }: Role): RecordChange {
  return { bucket: BUCKETS.roles, name, value: encode(roleRecord, { name: toBytes(name), permissions }) };
}

export function deleteRole(name: string): RecordChange {
  return { bucket: BUCKETS.roles, name, value: undefined };
}

export function setEnabled(enabled: boolean): RecordChange {
  return { bucket: BUCKETS.auth, name: ENABLED, value: Uint8Array.of(enabled ? 1 : 0) };
}

export function setRevision(revision: bigint): RecordChange {
  const value = Buffer.alloc(8);
  value.writeBigUInt64BE(revision);
  return { bucket: BUCKETS.auth, name: REVISION, value };
}
