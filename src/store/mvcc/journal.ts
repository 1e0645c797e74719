/** Where the store's changes are made durable; embedded/ has the one that writes to a disk. */
import type { Group } from "./change.ts";

export interface Journal {
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;
  /** Writes to the disk so far, and the seconds they took. */
  readonly syncs: { readonly count: number; readonly seconds: number };
  /** True when {@link prepare} has something to do, for which the writes under way have to end. */
  readonly isDue: boolean;
  /** Called before a group is carried out, while the state is what is on the disk. Must not fail. */
  prepare(): Promise<void>;
  /**
   * Resolves when all of the group is on the disk.
   * @throws when it is not: StoreError `resource-exhausted` when the disk is full, and then none of it will be found
   *   after a restart; any other error ends all writing, and a restart finds all of it or nothing.
   */
  append(group: Group): Promise<void>;
  /** Lets the next group begin a new file, so that all of the present ones can be tidied. */
  seal(): void;
  /** Tells of a version that has been forgotten, so that the journal knows what it holds in vain. */
  forgot(revision: number, bytes: number): void;
  /**
   * Frees what is held in vain; nothing is forgotten meanwhile. An error of the disk leaves all as it was.
   * @param thoroughly also where little is to be gained.
   */
  tidy(thoroughly: boolean): Promise<void>;
  /** Called when nothing else is under way. */
  close(): Promise<void>;
}
