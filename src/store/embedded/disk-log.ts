/**
 * The log on the disk: the journal of the embedded store, in files of some megabytes.
 *
 * Each group of changes is a frame at the end of the last file, synced before anybody hears of it. A file begins with the
 * leases, records and compaction of that moment, so that of the files before it only versions count. Those are packed when
 * much of them has been forgotten: written anew from memory, without what was forgotten, several into one.
 *
 * Invariants: one write is under way at a time, so that only the last frame can be torn; files are packed from the oldest
 * on, and none is passed over that holds something forgotten, because a deletion may only be dropped when what it
 * deleted is nowhere before it; an error of the disk that leaves unknown what was written ends all writing until the
 * files have been opened and read again.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { syncDirectory } from "#host/files.ts";
import type { StoreIdentity } from "../local-store.ts";
import type { Change, Group } from "../mvcc/change.ts";
import { refusal } from "../mvcc/etcd-errors.ts";
import type { Journal } from "../mvcc/journal.ts";
import type { MvccState } from "../mvcc/state.ts";
import { inTurns, type Turns } from "../mvcc/steps.ts";
import { isFull } from "./damage.ts";
import { frameHead } from "./frame.ts";
import { AppendedFile, logFileName, writeLogFile } from "./log-file.ts";
import { encodeGroup, FORMAT, type LogHeader } from "./log-format.ts";
import { packedFrames } from "./pack.ts";

/** A file that has reached this is followed by another. */
const FILE_BYTES = 4 << 20;
/** Files are packed when this share of all is held in vain, and that makes a quarter of a file at least. */
const PACK_SHARE = 1 / 3;
const PACK_FILE_SHARE = 1 / 4;

/** A file as the log knows it. */
export interface LogPart {
  /** The numbers of the files it holds. */
  readonly first: number;
  readonly last: number;
  /** Its versions are later than this revision. */
  readonly after: number;
  bytes: number;
  /** Of versions that were forgotten. */
  forgottenBytes: number;
}

export interface DiskLogOptions {
  readonly directory: string;
  readonly identity: StoreIdentity;
  readonly state: MvccState;
  readonly clock: Clock;
  readonly random: Random;
  readonly turns?: Turns;
  /** About how long the files are; tests make them short. */
  readonly fileBytes?: number;
  /** Called when the log is closed. */
  readonly closed?: () => void;
}

/** The files of a log as they were read; the last is to be appended to. */
export interface LogEnd {
  /** In order. */
  readonly parts: readonly LogPart[];
  /** Of the last. */
  readonly salt: number;
  /** There is nothing but zeros behind the last frame. */
  readonly isClean: boolean;
}

/** The part that is written to, and what it needs. */
interface Active {
  readonly part: LogPart;
  readonly file: AppendedFile;
  readonly salt: number;
}

export class DiskLog implements Journal {
  readonly #options: DiskLogOptions;
  /** All but the last. */
  readonly #sealed: LogPart[];
  #active: Active;
  #sealIsDue = false;
  #broken: Error | undefined;
  readonly #fileBytes: number;
  #syncCount = 0;
  #syncMs = 0;

  private constructor(options: DiskLogOptions, sealed: readonly LogPart[], active: Active) {
    this.#options = options;
    this.#fileBytes = options.fileBytes ?? FILE_BYTES;
    this.#sealed = [...sealed];
    this.#active = active;
  }

  /** Goes on with files that have been read; the last is appended to. */
  static async open(options: DiskLogOptions, { parts, salt, isClean }: LogEnd): Promise<DiskLog> {
    const part = parts.at(-1);
    if (part === undefined) throw new RangeError("a log has at least one file");
    const file = await openPart(options, part, isClean);
    return new DiskLog(options, parts.slice(0, -1), { part, file, salt });
  }

  /** Begins a log in an empty directory, with what the state says beside versions. */
  static async create(options: DiskLogOptions): Promise<DiskLog> {
    const active = await begin(options, { first: 1, after: 0, previousBytes: 0 });
    return new DiskLog(options, [], active);
  }

  // Each write asks for it.
  get sizeBytes(): number {
    let bytes = this.#active.part.bytes;
    for (const part of this.#sealed) bytes += part.bytes;
    return bytes;
  }

  get sizeInUseBytes(): number {
    return this.sizeBytes - this.#parts.reduce((sum, { forgottenBytes }) => sum + forgottenBytes, 0);
  }

  get syncs(): { readonly count: number; readonly seconds: number } {
    return { count: this.#syncCount, seconds: this.#syncMs / 1000 };
  }

  seal(): void {
    this.#sealIsDue = true;
  }

  get isDue(): boolean {
    const isDue = this.#sealIsDue || this.#active.part.bytes >= this.#fileBytes;
    return isDue && this.#broken === undefined;
  }

  async prepare(): Promise<void> {
    if (!this.isDue) return;
    this.#sealIsDue = false;
    const { part, file } = this.#active;
    try {
      // What is told of a sealed file is its whole length.
      await file.finish();
      this.#active = await begin(this.#options, {
        first: part.last + 1,
        after: this.#options.state.settledRevision,
        previousBytes: file.bytes,
      });
    } catch (error) {
      // A file that could not be written is not there, and the present one goes on; else nobody knows which one counts.
      if (error instanceof UncertainFile) this.#break(error.cause);
      return;
    }
    this.#sealed.push(part);
    // All of it is on the disk, so nothing can be lost by closing.
    await file.close().catch(() => undefined);
  }

  async append(group: Group): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const { file, salt, part } = this.#active;
    const content = encodeGroup(group);
    const startedMs = this.#options.clock.monotonic();
    try {
      await file.append([frameHead(content, salt), ...content]);
    } catch (error) {
      throw await this.#takeBack(error);
    }
    this.#syncCount += 1;
    this.#syncMs += this.#options.clock.monotonic() - startedMs;
    part.bytes = file.bytes;
  }

  forgot(revision: number, bytes: number): void {
    // Each version that is forgotten comes by here, so no list is made of the parts.
    const isIn = ({ after }: LogPart): boolean => after < revision;
    const { part } = this.#active;
    const holder = isIn(part) ? part : this.#sealed.findLast(isIn);
    if (holder !== undefined) holder.forgottenBytes += bytes;
  }

  async tidy(thoroughly: boolean): Promise<void> {
    const inVain = this.#sealed.reduce((sum, { forgottenBytes }) => sum + forgottenBytes, 0);
    const isWorthIt = inVain >= this.#fileBytes * PACK_FILE_SHARE && inVain >= this.sizeBytes * PACK_SHARE;
    if (!isWorthIt && !thoroughly) return;
    for (let at = 0; at < this.#sealed.length; at += 1) await this.#packFrom(at);
  }

  async close(): Promise<void> {
    try {
      await this.#active.file.close();
    } finally {
      this.#options.closed?.();
    }
  }

  get #parts(): readonly LogPart[] {
    return [...this.#sealed, this.#active.part];
  }

  /** Packs a sealed file, and those behind it that fit in with it, where something has been forgotten. */
  async #packFrom(at: number): Promise<void> {
    const run = runFrom(this.#sealed, at, this.#fileBytes);
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined || run.every(({ forgottenBytes }) => forgottenBytes === 0))
      return;
    const { directory, state, identity, random, turns } = this.#options;
    const upTo = (this.#sealed[at + run.length] ?? this.#active.part).after;
    const salt = newSalt(random);
    const body = await inTurns(packedFrames(state, first.after, upTo, salt), turns);
    const header: LogHeader = {
      format: FORMAT,
      identity,
      first: first.first,
      last: last.last,
      after: first.after,
      salt,
      packedBytes: body.reduce((sum, { length }) => sum + length, 0),
      previousBytes: this.#sealed[at - 1]?.bytes ?? 0,
      changes: [],
    };
    const bytes = await writeLogFile(directory, header, body);
    this.#sealed.splice(at, run.length, {
      first: first.first,
      last: last.last,
      after: first.after,
      bytes,
      forgottenBytes: 0,
    });
    await syncDirectory(directory);
    // Until they are gone they are known to be a part of the packed one.
    for (const part of run.slice(1)) await rm(pathOf(directory, part), { force: true });
  }

  /** The disk has refused a group. Where it was only full, nothing of it stays. */
  async #takeBack(error: unknown): Promise<Error> {
    if (!isFull(error)) return this.#break(error);
    try {
      await this.#active.file.cut();
    } catch (restoreError) {
      return this.#break(restoreError);
    }
    const cause = new FlotillaError(
      "disk-full",
      `no space left on the disk for the store in ${this.#options.directory}`,
      {
        hint: "free some space; nothing was changed, and writing works again as soon as there is space",
        retryable: true,
        cause: error,
      },
    );
    return refusal("no-space", cause);
  }

  #break(error: unknown): Error {
    this.#broken = new FlotillaError(
      "internal",
      `the store in ${this.#options.directory} can no longer be written`,
      {
        causes: [error instanceof Error ? error.message : String(error)],
        hint: "look at the disk, then restart the daemon; nothing that was acknowledged is lost",
        cause: error,
      },
    );
    return this.#broken;
  }
}

/** A new file is there under its name, but perhaps not after a crash. */
class UncertainFile extends Error {}

/** Begins a file with what the state says beside versions; all of it is settled. */
async function begin(
  options: DiskLogOptions,
  place: Pick<LogHeader, "first" | "after" | "previousBytes">,
): Promise<Active> {
  const { directory, identity, state, random } = options;
  const salt = newSalt(random);
  const header = { format: FORMAT, identity, ...place, last: place.first, salt, changes: changesOf(state) };
  const bytes = await writeLogFile(directory, header, []);
  try {
    await syncDirectory(directory);
    const part = { first: place.first, last: place.first, after: place.after, bytes, forgottenBytes: 0 };
    return { part, file: await openPart(options, part, true), salt };
  } catch (error) {
    throw new UncertainFile("a file of the log was begun, but may not last", { cause: error });
  }
}

function openPart(options: DiskLogOptions, part: LogPart, isClean: boolean): Promise<AppendedFile> {
  const { directory, fileBytes = FILE_BYTES } = options;
  return AppendedFile.open(pathOf(directory, part), {
    bytes: part.bytes,
    isClean,
    paddedBytesMax: fileBytes,
  });
}

/** What makes the state's leases, records and compaction. */
function changesOf(state: MvccState): Change[] {
  const compaction: Change[] =
    state.compactRevision < 0 ? [] : [{ kind: "compact", revision: state.compactRevision }];
  const grants = [...state.leases.all()].map(({ id, ttlS }): Change => ({ kind: "lease-grant", id, ttlS }));
  const records = [...state.records.all()].map((record): Change => ({ kind: "record", ...record }));
  return [...compaction, ...grants, ...records];
}

/** The parts from `at` on whose needed bytes fit into one file, at least the first. */
function runFrom(parts: readonly LogPart[], at: number, bytesMax: number): readonly LogPart[] {
  let bytes = 0;
  const end = parts.findIndex((part, index) => {
    if (index < at) return false;
    bytes += part.bytes - part.forgottenBytes;
    return index > at && bytes > bytesMax;
  });
  return parts.slice(at, end === -1 ? parts.length : end);
}

function pathOf(directory: string, part: LogPart): string {
  return join(directory, logFileName(part.first));
}

function newSalt(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
