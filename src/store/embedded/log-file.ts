/**
 * Files of the log: their names, beginning one so that it is there whole or not at all, and writing to it so that what
 * has been written is on the disk.
 */
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { frameHead } from "./frame.ts";
import { encodeHeader, type LogHeader } from "./log-format.ts";

const NAME = /^(\d{16})\.log$/;
/** What a file is called until it is whole. */
export const UNFINISHED = ".new";
/** Each write returns when it is on the disk: one call of the thread pool instead of two. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC;

export function logFileName(first: number): string {
  return `${String(first).padStart(16, "0")}.log`;
}

export function isLogFile(name: string): boolean {
  return NAME.test(name);
}

/**
 * Writes a file under another name and renames it, replacing what was there. The directory is not synced yet.
 * @param body the frames behind the header.
 * @returns its length.
 */
export async function writeLogFile(
  directory: string,
  header: LogHeader,
  body: readonly Buffer[],
): Promise<number> {
  const path = join(directory, logFileName(header.first));
  const content = encodeHeader(header);
  // The header is read before the salt is known.
  const buffers = [frameHead([content], 0), content, ...body];
  const file = await open(
    `${path}${UNFINISHED}`,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
    0o600,
  );
  try {
    for (const piece of buffers) await file.writeFile(piece);
    await file.datasync();
  } catch (error) {
    await rm(`${path}${UNFINISHED}`, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(`${path}${UNFINISHED}`, path);
  return buffers.reduce((sum, { length }) => sum + length, 0);
}

/** A file that is appended to. */
export class AppendedFile {
  readonly #file: FileHandle;
  #bytes: number;

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Opens a file and cuts it to its whole frames. */
  static async open(path: string, bytes: number): Promise<AppendedFile> {
    const file = await open(path, FLAGS);
    try {
      if ((await file.stat()).size !== bytes) {
        await file.truncate(bytes);
        await file.datasync();
      }
      return new AppendedFile(file, bytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when all of it is on the disk. After an error there may be some of it: {@link restore} or give up. */
  async append(buffers: readonly Buffer[]): Promise<void> {
    let left = buffers;
    let at = this.#bytes;
    while (left.length > 0) {
      const { bytesWritten } = await this.#file.writev(left, at);
      at += bytesWritten;
      left = withoutFirst(left, bytesWritten);
    }
    this.#bytes = at;
  }

  /** Takes back what a failed append has left, so that nothing of it can ever be found. */
  async restore(): Promise<void> {
    await this.#file.truncate(this.#bytes);
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function withoutFirst(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let skip = bytes;
  const at = buffers.findIndex(({ length }) => {
    if (skip < length) return true;
    skip -= length;
    return false;
  });
  const first = buffers[at];
  return first === undefined ? [] : [first.subarray(skip), ...buffers.slice(at + 1)];
}
