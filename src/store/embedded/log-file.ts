/**
 * Files of the log: their names, beginning one so that it is there whole or not at all, and writing to it so that what
 * has been written is on the disk.
 *
 * A file that is appended to is kept longer than what it holds, with zeros behind: a write into it changes nothing of the
 * file but its bytes, and the disk has less to make durable. More zeros are written beside the appends, before there are
 * none left.
 */
import { constants, writev } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { frameHead } from "./frame.ts";
import { encodeHeader, type LogHeader } from "./log-format.ts";

const NAME = /^(\d{16})\.log$/;
/** What a file is called until it is whole. */
export const UNFINISHED = ".new";
/** Each write returns when it is on the disk: one call of the thread pool instead of two. */
const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC;

/** A file grows by so much at a time, when less than half of it is left. */
const GROWTH_BYTES = 512 * 1024;
/** Larger writes are few, and pay for their own growth. */
const PADDED_BYTES_MAX = 64 * 1024;
const ZEROS = Buffer.alloc(GROWTH_BYTES);
const NOTHING = Buffer.alloc(0);

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

export interface AppendedFileOptions {
  /** Where its whole frames end. */
  readonly bytes: number;
  /** There is nothing but zeros behind them. */
  readonly isClean: boolean;
  /** It is not made longer than this with zeros. */
  readonly paddedBytesMax: number;
}

/** A file that is appended to. */
export class AppendedFile {
  readonly #file: FileHandle;
  readonly #paddedBytesMax: number;
  #bytes: number;
  /** Of the file, zeros included. */
  #length: number;
  /** Zeros that are on their way behind {@link #length}. */
  #growth: Promise<void> | undefined;

  private constructor(file: FileHandle, bytes: number, length: number, paddedBytesMax: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#length = length;
    this.#paddedBytesMax = paddedBytesMax;
  }

  /** Opens a file and cuts off what is behind its whole frames, unless it is clean. */
  static async open(path: string, options: AppendedFileOptions): Promise<AppendedFile> {
    const { bytes, isClean, paddedBytesMax } = options;
    const file = await open(path, FLAGS);
    try {
      const { size } = await file.stat();
      const opened = new AppendedFile(file, bytes, size, paddedBytesMax);
      if (!isClean || size < bytes) await opened.cut();
      return opened;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when all of it is on the disk. After an error there may be some of it: {@link cut} it or give up. */
  async append(buffers: readonly Buffer[]): Promise<void> {
    const end = this.#bytes + buffers.reduce((sum, { length }) => sum + length, 0);
    // Zeros must never come to lie on what was appended.
    if (end > this.#length) await this.#growth;
    const isSmall = end - this.#bytes <= PADDED_BYTES_MAX;
    const padding = isSmall && end > this.#length ? this.#zerosBehind(end) : NOTHING;
    let left = padding.length === 0 ? buffers : [...buffers, padding];
    let at = this.#bytes;
    // Where the disk has no room for the zeros it does without.
    while (at < end) {
      const bytesWritten = await writeAt(this.#file, left, at);
      at += bytesWritten;
      left = withoutFirst(left, bytesWritten);
    }
    this.#bytes = end;
    this.#length = Math.max(this.#length, at);
    if (isSmall) this.#growAhead();
  }

  /** Takes away whatever is behind what was appended, so that nothing of it can ever be found. */
  async cut(): Promise<void> {
    await this.#growth;
    await this.#file.truncate(this.#bytes);
    await this.#file.datasync();
    this.#length = this.#bytes;
  }

  /** Ends the file where what was appended ends. */
  async finish(): Promise<void> {
    if (this.#length > this.#bytes) await this.cut();
  }

  /** What lengthens a file that ends there to its next step. */
  #zerosBehind(end: number): Buffer {
    const padded = Math.min((Math.floor(end / GROWTH_BYTES) + 1) * GROWTH_BYTES, this.#paddedBytesMax);
    return ZEROS.subarray(0, Math.max(0, padded - end));
  }

  /** Appends that find no zeros write them themselves, so an error here is none. */
  #growAhead(): void {
    if (this.#growth !== undefined || this.#length - this.#bytes > GROWTH_BYTES / 2) return;
    const zeros = this.#zerosBehind(this.#length);
    if (zeros.length === 0) return;
    this.#growth = this.#file
      .write(zeros, 0, zeros.length, this.#length)
      .then(
        ({ bytesWritten }) => {
          this.#length += bytesWritten;
        },
        () => undefined,
      )
      .finally(() => {
        this.#growth = undefined;
      });
  }

  async close(): Promise<void> {
    await this.#growth;
    await this.#file.close();
  }
}

/** The handle's own method takes the processor several times as long, which each group of writes would pay. */
function writeAt(file: FileHandle, buffers: readonly Buffer[], at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(file.fd, buffers, at, (error, bytesWritten) => {
      if (error === null) resolve(bytesWritten);
      else reject(error);
    });
  });
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
