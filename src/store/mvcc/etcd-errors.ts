/**
 * Every refusal of the store: etcd's status code and text, byte for byte, because etcd's clients match on the text
 * (etcd, api/v3rpc/rpctypes/error.go). A new refusal is a new row.
 */
import { StoreError, type StoreStatus } from "../store.ts";

const REFUSALS = {
  "empty-key": ["invalid-argument", "etcdserver: key is not provided"],
  "key-not-found": ["invalid-argument", "etcdserver: key not found"],
  "value-provided": ["invalid-argument", "etcdserver: value is provided"],
  "lease-provided": ["invalid-argument", "etcdserver: lease is provided"],
  "too-many-operations": ["invalid-argument", "etcdserver: too many operations in txn request"],
  "duplicate-key": ["invalid-argument", "etcdserver: duplicate key given in txn request"],
  "request-too-large": ["invalid-argument", "etcdserver: request is too large"],
  "future-revision": ["out-of-range", "etcdserver: mvcc: required revision is a future revision"],
  "no-space": ["resource-exhausted", "etcdserver: mvcc: database space exceeded"],
  corrupt: ["data-loss", "etcdserver: corrupt cluster"],
  "lease-not-found": ["not-found", "etcdserver: requested lease not found"],
  "lease-exists": ["failed-precondition", "etcdserver: lease already exists"],
  "lease-ttl-too-large": ["out-of-range", "etcdserver: too large lease TTL"],
  stopped: ["unavailable", "etcdserver: server stopped"],
} as const satisfies Record<string, readonly [StoreStatus, string]>;

/** The error for a refusal; compacted revisions have their own class, CompactedError. */
export function refusal(name: keyof typeof REFUSALS, cause?: unknown): StoreError {
  const [status, message] = REFUSALS[name];
  return new StoreError(status, message, cause);
}
