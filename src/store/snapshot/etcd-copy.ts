/**
 * The database of an etcd that takes a store's place, written while the store works on: first all there is at one
 * revision, then what has changed since, as history. Only the last of it is written when nothing changes any more.
 */
import { TO_THE_END } from "../keys.ts";
import type { LocalStore } from "../local-store.ts";
import { type Revision, StoreError, type WatchResponse } from "../store.ts";
import { DatabaseFile } from "./database-file.ts";
import type { OwnEntry } from "./etcd-database.ts";

export type CopiedStore = Pick<LocalStore, "revision" | "snapshot" | "watch">;

/** So few changes are copied in a moment. */
const FEW_REVISIONS = 100n;
/** A store that is written faster than it is copied has to wait for the rest. */
const BATCHES_MAX = 1_000;

export class EtcdCopy {
  readonly #store: CopiedStore;
  readonly #file: DatabaseFile;
  readonly #end = new AbortController();
  #changes: AsyncIterator<WatchResponse> | undefined;
  /** Up to here everything is in the file. */
  #revision: Revision = 0n;

  private constructor(store: CopiedStore, file: DatabaseFile) {
    this.#store = store;
    this.#file = file;
  }

  /**
   * Writes all there is, and nearly all that changes meanwhile.
   * @param path must not be there yet.
   * @throws CompactedError when somebody has compacted what changed meanwhile.
   */
  static async begin(store: CopiedStore, path: string): Promise<EtcdCopy> {
    const copy = new EtcdCopy(store, await DatabaseFile.create(path));
    try {
      await copy.#writeKeys();
      await copy.#catchUp();
      // Most of it is on the disk then when the store has to wait for the rest.
      await copy.#file.sync();
      await copy.#catchUp();
      return copy;
    } catch (error) {
      await copy.close();
      throw error;
    }
  }

  /** Writes the rest of a store that takes no more writes. Resolves with its revision when all is on the disk. */
  async finish(own: readonly OwnEntry[]): Promise<Revision> {
    const revision = await this.#writeSmall();
    // Leases may end meanwhile: of one that is there the copy may lack keys, but it has no keys of one that is not.
    while (this.#revision < revision) await this.#takeChanges();
    await this.#file.end(own);
    await this.#file.sync();
    return this.#revision;
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#changes?.return?.();
    await this.#file.close();
  }

  async #writeKeys(): Promise<void> {
    for await (const items of this.#store.snapshot()) {
      for (const item of items) if (item.kind === "head") this.#revision = item.revision;
      await this.#file.add(items.filter(({ kind }) => kind === "head" || kind === "key"));
    }
    const range = { key: TO_THE_END, rangeEnd: TO_THE_END };
    const changes = this.#store.watch(
      { ...range, startRevision: this.#revision + 1n },
      { signal: this.#end.signal },
    );
    this.#changes = changes[Symbol.asyncIterator]();
  }

  async #catchUp(): Promise<void> {
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      if (this.#store.revision - this.#revision <= FEW_REVISIONS) return;
      await this.#takeChanges();
    }
  }

  /** The next changes there are. */
  async #takeChanges(): Promise<void> {
    const next = await this.#changes?.next();
    if (next === undefined || next.done === true) throw new StoreError("cancelled", "the copy was closed");
    if (next.value.kind !== "events") return;
    const { events } = next.value;
    await this.#file.write(events.flatMap((event) => this.#file.writer.addEvent(event)));
    this.#revision = events.at(-1)?.kv.modRevision ?? this.#revision;
  }

  /** Leases and records, which have no history: those at the end. Resolves with the revision that they belong to. */
  async #writeSmall(): Promise<Revision> {
    let revision: Revision = 0n;
    for await (const items of this.#store.snapshot()) {
      for (const item of items) if (item.kind === "head") revision = item.revision;
      await this.#file.add(items.filter(({ kind }) => kind === "lease" || kind === "record"));
      if (items.some(({ kind }) => kind === "key")) break;
    }
    return revision;
  }
}
