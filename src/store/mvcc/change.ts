/** What the journal is told of, beside the versions of keys. */
import type { RecordChange } from "../local-store.ts";
import type { LeaseId } from "../store.ts";

/** A change that must be on disk before anybody hears of it. Making one twice is the same as once. */
export type Change =
  | { readonly kind: "lease-grant"; readonly id: LeaseId; readonly ttlS: number }
  | { readonly kind: "lease-revoke"; readonly id: LeaseId }
  | { readonly kind: "compact"; readonly revision: number }
  | ({ readonly kind: "record" } & RecordChange);

/** What was changed since the group before: all of it goes to the disk together. */
export interface Group {
  readonly changes: readonly Change[];
  /** Whole records of versions, in order. */
  readonly versions: readonly Buffer[];
  /** Of the last version, or of the state where there is none. */
  readonly revision: number;
}
