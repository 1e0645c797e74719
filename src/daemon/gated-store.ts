/**
 * The embedded store with a gate before its writes, for the moments in which it hands over to another store.
 *
 * While it is shut, whoever writes is told that there is no leader, which etcd's clients take as a reason to try again.
 * Reads and keep-alives go on: nobody loses a lease for it.
 */
import type { LocalStore } from "#store/local-store.ts";
import { type CallOptions, StoreError } from "#store/store.ts";

export interface GatedStore extends LocalStore {
  /** Lets no more writes in; resolves when those under way are done. */
  shut(): Promise<void>;
  open(): void;
}

/** Every method is the store's own, bound to it, but those that change keys or leases. */
export function gateStore(store: LocalStore): GatedStore {
  let isShut = false;
  const underWay = new Set<Promise<unknown>>();
  const enter = <T>(write: () => Promise<T>): Promise<T> => {
    if (isShut) return Promise.reject(new StoreError("unavailable", "etcdserver: no leader"));
    const writing = write();
    underWay.add(writing);
    const leave = (): unknown => underWay.delete(writing);
    writing.then(leave, leave);
    return writing;
  };
  return {
    get identity() {
      return store.identity;
    },
    get revision() {
      return store.revision;
    },
    get sizeBytes() {
      return store.sizeBytes;
    },
    records: {
      list: (bucket) => store.records.list(bucket),
      write: (decide) => enter(() => store.records.write(decide)),
    },
    status: () => store.status(),
    alarms: () => store.alarms(),
    setAlarm: (alarm, raised) => enter(() => store.setAlarm(alarm, raised)),
    defragment: () => enter(() => store.defragment()),
    hash: (revision) => store.hash(revision),
    snapshot: () => store.snapshot(),
    range: (request, options) => store.range(request, options),
    put: (request, options) => enter(() => store.put(request, options)),
    deleteRange: (request, options) => enter(() => store.deleteRange(request, options)),
    txn: (request, options) => enter(() => store.txn(request, options)),
    compact: (revision, options) => enter(() => store.compact(revision, options)),
    watch: (request, options) => store.watch(request, options),
    leaseGrant: (request, options) => enter(() => store.leaseGrant(request, options)),
    leaseRevoke: (id, options?: CallOptions) => enter(() => store.leaseRevoke(id, options)),
    leaseKeepAlive: (id, options) => store.leaseKeepAlive(id, options),
    leaseTimeToLive: (id, withKeys, options) => store.leaseTimeToLive(id, withKeys, options),
    leaseList: (options) => store.leaseList(options),
    close: () => store.close(),
    shut: async () => {
      isShut = true;
      await Promise.allSettled(underWay);
    },
    open: () => {
      isShut = false;
    },
  };
}
