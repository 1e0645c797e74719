/** A database on its way into a file: pages as they come, and the first ones last. */
import { closeSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SnapshotItem } from "../local-store.ts";
import { PAGE_BYTES } from "./bolt-format.ts";
import { BoltReader, type ReadBytes } from "./bolt-reader.ts";
import { FIRST_PAGE, type Pages } from "./bolt-writer.ts";
import { EtcdDatabaseWriter, type OwnEntry, readOwnEntries } from "./etcd-database.ts";

/** How many pages are made and written at a time where there are many. */
const WRITE_PAGES = 4;
/** How many parts of a snapshot are taken in one turn of the event loop. */
const ADD_ITEMS = 64;

export class DatabaseFile {
  readonly writer = new EtcdDatabaseWriter();
  readonly #file: FileHandle;
  #at = FIRST_PAGE * PAGE_BYTES;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param path must not be there yet. */
  static async create(path: string): Promise<DatabaseFile> {
    return new DatabaseFile(await open(path, "wx", 0o600));
  }

  /** Writes pages that the writer has given. */
  async write(pages: readonly Buffer[]): Promise<void> {
    if (pages.length === 0) return;
    this.#at = await this.#writeAt(pages, this.#at);
  }

  /** Takes parts of a snapshot; all of a store's leases may come at once. */
  async add(items: readonly SnapshotItem[]): Promise<void> {
    for (let at = 0; at < items.length; at += ADD_ITEMS) {
      await nextTurn();
      await this.write(items.slice(at, at + ADD_ITEMS).flatMap((item) => this.writer.add(item)));
    }
  }

  /** @param own of the member whose database it is to be. */
  async end(own?: readonly OwnEntry[]): Promise<void> {
    const pages = this.writer.end(own);
    for (;;) {
      const { last, first } = take(pages);
      await this.write(last);
      if (first !== undefined) {
        await this.#writeAt(first, 0);
        return;
      }
    }
  }

  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #writeAt(pages: readonly Buffer[], position: number): Promise<number> {
    const bytes = Buffer.concat(pages);
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, position + at);
      at += bytesWritten;
    }
    return position + bytes.length;
  }
}

/** The next pages, and with the last of them the first ones of the file. */
function take(pages: Pages<readonly Buffer[]>): {
  readonly last: readonly Buffer[];
  readonly first?: readonly Buffer[];
} {
  const last: Buffer[] = [];
  while (last.length < WRITE_PAGES) {
    const page = pages.next();
    if (page.done === true) return { last, first: page.value };
    last.push(page.value);
  }
  return { last };
}

/** What belongs to the member in its database. @throws DamagedBolt when it is none. */
export function ownEntriesOf(path: string): readonly OwnEntry[] {
  const descriptor = openSync(path, "r");
  try {
    return readOwnEntries(new BoltReader(bytesOf(descriptor)));
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of an open file. */
export function bytesOf(descriptor: number): ReadBytes {
  return (offset, length) => {
    const bytes = Buffer.allocUnsafe(length);
    return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
  };
}
