/**
 * Whether roles permit something on a range of keys. Pure. Permissions on ranges that overlap or touch add up, so what
 * is asked for may lie across several of them.
 */
import { type KeyRange, keyRange } from "../mvcc/key-range.ts";
import type { Bytes } from "../store.ts";
import { type AuthState, type Permission, ROOT, type User } from "./auth-state.ts";

export type Access = "read" | "write";

/** What a request asks for; a key without an end is that key alone. */
export interface Wanted {
  readonly key: Bytes;
  readonly rangeEnd?: Bytes | undefined;
}

export function hasRootRole(user: User): boolean {
  return user.roles.includes(ROOT);
}

/** True when the user's roles together permit `access` to every key of the range. */
export function permits(state: AuthState, user: User, access: Access, wanted: Wanted): boolean {
  if (hasRootRole(user)) return true;
  const { key, rangeEnd } = wanted;
  return covers(
    grantedRanges(state, user, access),
    keyRange(rangeEnd === undefined ? { key } : { key, rangeEnd }),
  );
}

function grantedRanges(state: AuthState, user: User, access: Access): KeyRange[] {
  const permissions = user.roles.flatMap((name) => state.roles.get(name)?.permissions ?? []);
  return permissions.filter((permission) => allows(permission, access)).map(keyRange);
}

function allows({ kind }: Permission, access: Access): boolean {
  return kind === "readwrite" || kind === access;
}

/** True when the ranges leave no gap in `wanted`. */
export function covers(ranges: readonly KeyRange[], wanted: KeyRange): boolean {
  if (wanted.to !== undefined && wanted.to <= wanted.from) return false;
  let reached = wanted.from;
  for (const { from, to } of ranges.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    if (from > reached) return false;
    if (to === undefined) return true;
    if (to > reached) reached = to;
    if (wanted.to !== undefined && reached >= wanted.to) return true;
  }
  return false;
}
