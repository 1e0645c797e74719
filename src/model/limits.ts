/** Every limit of the cluster in one place; units are in the names. Reaching one is a clear error, never a surprise. */
export const LIMITS = {
  /** A unit file must leave room for the rest of a request of the store (1.5 MiB). */
  unitFileBytes: 512 * 1024,
  unitNameBytes: 255,
  units: 100_000,
  unitsPerRequest: 1_000,
  unitHistory: 10,
  /** More are proposed when these are done. */
  rebalanceMoves: 1_000,
  metadataKeys: 64,
  metadataValueBytes: 256,
  /** Older events are deleted. */
  events: 2_000,
  /** etcd refuses transactions with more operations. */
  txnOps: 128,
  /** A watcher of the API that falls further behind is cut off and must list again. */
  watchBacklogEvents: 10_000,
  journalLinesPerRequest: 100_000,
  /** Keys of the users' own configuration, without the prefix they lie under. */
  kvKeyBytes: 1_024,
  /** Leaves room for the rest of a request of the store (1.5 MiB), whatever the value is written in. */
  kvValueBytes: 1024 * 1024,
  kvKeysPerPage: 1_000,
} as const;
