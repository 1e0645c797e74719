/** Commands that have another outcome on the embedded store than on etcd, each with the reason. */
export const knownDifferences: ReadonlyMap<string, string> = new Map([]);
