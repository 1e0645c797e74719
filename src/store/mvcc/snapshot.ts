/** All that a state holds at one moment, read piece by piece while it goes on being written. */
import type { SnapshotItem, StoreIdentity } from "../local-store.ts";
import type { MvccState } from "./state.ts";
import { STEP_ENTRIES, type Steps, type Turns } from "./steps.ts";
import { StoredKeyValue } from "./stored-key-value.ts";

/** A piece ends with the key that reaches one of them. */
const PIECE_KEYS = 64;
const PIECE_BYTES = 256 * 1024;

export class Snapshot {
  readonly #state: MvccState;
  readonly #revision: number;
  readonly #head: readonly SnapshotItem[];
  /** Call it when the snapshot is needed no longer. */
  readonly release: () => void;

  private constructor(state: MvccState, head: readonly SnapshotItem[]) {
    this.#state = state;
    this.#revision = state.revision;
    this.#head = head;
    this.release = state.pin(state.revision);
  }

  /** Taken within a write, it shows what the writes before it have left; read it when that is settled. */
  static *take(state: MvccState, identity: StoreIdentity): Steps<Snapshot> {
    const head: SnapshotItem[] = [{ kind: "head", revision: BigInt(state.revision), identity }];
    for (const item of smallOf(state)) {
      head.push(item);
      if (head.length % STEP_ENTRIES === 0) yield;
    }
    return new Snapshot(state, head);
  }

  async *pieces(turns: Turns | undefined): AsyncGenerator<readonly SnapshotItem[], void, undefined> {
    for (let at = 0; at < this.#head.length; at += PIECE_KEYS) {
      yield this.#head.slice(at, at + PIECE_KEYS);
    }
    let piece: SnapshotItem[] = [];
    let bytes = 0;
    for (const version of this.#state.versionsFrom(0)) {
      if (version.modRevision > this.#revision) break;
      const current = this.#state.get(version.key, this.#revision);
      if (current?.modRevision === version.modRevision) {
        piece.push({ kind: "key", kv: new StoredKeyValue(version) });
        bytes += version.length;
      }
      if (piece.length >= PIECE_KEYS || bytes >= PIECE_BYTES) {
        yield piece;
        piece = [];
        bytes = 0;
      }
      if (turns?.isOver()) await turns.next();
    }
    if (piece.length > 0) yield piece;
  }
}

/** What has no history, and is taken at once therefore. */
function* smallOf(state: MvccState): Generator<SnapshotItem, void, undefined> {
  for (const { id, ttlS } of state.leases.all()) yield { kind: "lease", id, ttlS };
  for (const { bucket, name, value } of state.records.all()) yield { kind: "record", bucket, name, value };
}
