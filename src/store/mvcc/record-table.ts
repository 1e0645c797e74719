/** The records beside the key space, by bucket and name. Data only. */
import type { RecordChange, RecordsView } from "../local-store.ts";
import type { Bytes } from "../store.ts";

const EMPTY: ReadonlyMap<string, Bytes> = new Map();

export class RecordTable implements RecordsView {
  readonly #buckets = new Map<string, ReadonlyMap<string, Bytes>>();

  list(bucket: string): ReadonlyMap<string, Bytes> {
    return this.#buckets.get(bucket) ?? EMPTY;
  }

  /** Everything there is, as the changes that make it. */
  *all(): Generator<RecordChange & { readonly value: Bytes }, void, undefined> {
    for (const [bucket, records] of this.#buckets) {
      for (const [name, value] of records) yield { bucket, name, value };
    }
  }

  /** Returns the change that takes this one back. A bucket that was listed before stays as it was. */
  apply({ bucket, name, value }: RecordChange): RecordChange {
    const records = new Map(this.list(bucket));
    const undo = { bucket, name, value: records.get(name) };
    if (value === undefined) records.delete(name);
    else records.set(name, value);
    if (records.size === 0) this.#buckets.delete(bucket);
    else this.#buckets.set(bucket, records);
    return undo;
  }
}
