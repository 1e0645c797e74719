/** What clients asked of one key and what they were answered, with when: the input of the checker. */

/** The value of the register under a key and the revision of its last write; absent as `undefined`. */
export type Register = { readonly value: string; readonly modRevision: bigint } | undefined;

export type Operation =
  | { readonly kind: "put"; readonly value: string }
  | { readonly kind: "delete" }
  | { readonly kind: "get" }
  /** Writes `value` if the key was last written at `expected`; 0 means: if there is no such key. */
  | { readonly kind: "swap"; readonly expected: bigint; readonly value: string };

/** What the store answered. */
export type Answer =
  | { readonly kind: "put"; readonly revision: bigint }
  | { readonly kind: "delete"; readonly revision: bigint; readonly deleted: boolean }
  | { readonly kind: "get"; readonly register: Register }
  | { readonly kind: "swap"; readonly revision: bigint; readonly swapped: boolean };

export interface Call {
  readonly key: string;
  readonly operation: Operation;
  readonly startMs: number;
  /** Infinity when no answer came: the operation may take effect at any time, or never. */
  readonly endMs: number;
  readonly answer: Answer | undefined;
}

/** The calls of each key. Keys are independent of each other, so each may be checked alone. */
export function byKey(calls: readonly Call[]): ReadonlyMap<string, readonly Call[]> {
  return Map.groupBy(calls, ({ key }) => key);
}
