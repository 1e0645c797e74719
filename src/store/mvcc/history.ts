/** What the store remembers of a key: its versions in order of their revisions, up to what compaction forgot. */
import type { Bytes, KeyValue, LeaseId, Revision } from "../store.ts";

/** One write of one key. */
export interface Version {
  /** The key as the index holds it. */
  readonly key: string;
  /** For a deletion only key and modRevision mean anything; the rest is empty. */
  readonly kv: KeyValue;
  readonly deleted: boolean;
  /** Place in the order of all writes; also orders the writes of one revision. */
  readonly sequence: number;
}

/** A change that must be on disk before anybody hears of it. */
export type Change =
  | { readonly kind: "version"; readonly version: Version }
  | { readonly kind: "lease-grant"; readonly id: LeaseId; readonly ttlS: number }
  | { readonly kind: "lease-revoke"; readonly id: LeaseId }
  | { readonly kind: "compact"; readonly revision: Revision };

const NOTHING: Bytes = new Uint8Array(0);

export function deletion(key: Bytes, modRevision: Revision): KeyValue {
  return { key, value: NOTHING, createRevision: 0n, modRevision, version: 0n, lease: 0n };
}

export class KeyHistory {
  readonly key: string;
  readonly bytes: Bytes;
  /** Ascending; at most one version a revision. */
  readonly versions: Version[] = [];

  constructor(key: string, bytes: Bytes) {
    this.key = key;
    this.bytes = bytes;
  }

  /** The key's value as of `revision`; undefined where it did not exist. */
  at(revision: Revision): KeyValue | undefined {
    const version = this.versions[this.#lastUpTo(revision)];
    return version === undefined || version.deleted ? undefined : version.kv;
  }

  /** Forgets what no read at `revision` or later, and no watch from `revision` on, can ask for. */
  forgetBefore(revision: Revision): readonly Version[] {
    const last = this.#lastUpTo(revision);
    const newest = this.versions[last];
    if (newest === undefined) return [];
    const newestIsGone = newest.deleted && newest.kv.modRevision < revision;
    return this.versions.splice(0, newestIsGone ? last + 1 : last);
  }

  /** Index of the last version not after `revision`, searched from the newest, which is what is nearly always asked. */
  #lastUpTo(revision: Revision): number {
    for (let at = this.versions.length - 1; at >= 0; at -= 1) {
      const version = this.versions[at];
      if (version !== undefined && version.kv.modRevision <= revision) return at;
    }
    return -1;
  }
}
