/**
 * How much of the disk the journal of a machine may take, and what is removed when it takes more. Pure.
 *
 * As in journald, the whole may take a tenth of its file system and 4 GiB at most. No unit may take more than an eighth
 * of that, which its shim sees to by itself; and where the whole is too much, the unit that takes most gives first, so
 * that one that writes much does not push out what the quiet ones have written.
 */

export interface JournalLimits {
  /** All files together. */
  readonly maxBytes: number;
  /** Files that were last written longer ago are removed. */
  readonly maxAgeMs: number;
}

/** A unit's share: so many files of so many bytes, and a new one after so much time. */
export interface UnitShare {
  readonly fileBytes: number;
  readonly files: number;
  readonly fileAgeMs: number;
}

const MAX_BYTES = 4 * 2 ** 30;
const MAX_AGE_MS = 90 * 24 * 3600 * 1000;
const MIN_FILE_BYTES = 64 * 1024;
const MAX_FILE_BYTES = 16 * 2 ** 20;
/** A file's entries are removed together, so this is how much longer than asked the oldest may stay. */
const FILES_AN_AGE = 10;

/** What is not given is as journald has it. @param diskBytes size of the file system */
export function journalLimits(given: Partial<JournalLimits>, diskBytes: number): JournalLimits {
  return {
    maxBytes: given.maxBytes ?? Math.min(Math.floor(diskBytes / 10), MAX_BYTES),
    maxAgeMs: given.maxAgeMs ?? MAX_AGE_MS,
  };
}

export function unitShare({ maxBytes, maxAgeMs }: JournalLimits): UnitShare {
  const unitBytes = maxBytes / 8;
  const fileBytes = Math.min(Math.max(Math.floor(unitBytes / 8), MIN_FILE_BYTES), MAX_FILE_BYTES);
  return {
    fileBytes,
    files: Math.max(2, Math.floor(unitBytes / fileBytes)),
    fileAgeMs: maxAgeMs / FILES_AN_AGE,
  };
}

export interface JournalFile {
  readonly unit: string;
  readonly number: number;
  readonly bytes: number;
  readonly writtenMs: number;
  /** A shim may write to the newest file of a loaded unit, so that one stays. */
  readonly inUse: boolean;
}

/** The files to remove, each with its reason. */
export function filesToRemove(
  files: readonly JournalFile[],
  { maxBytes, maxAgeMs }: JournalLimits,
  nowMs: number,
): readonly (JournalFile & { readonly reason: "age" | "size" })[] {
  const isOld = (file: JournalFile): boolean => !file.inUse && file.writtenMs < nowMs - maxAgeMs;
  const kept = files.filter((file) => !isOld(file));
  const excess = sum(kept) - maxBytes;
  return [
    ...files.filter(isOld).map((file) => ({ ...file, reason: "age" as const })),
    ...largestFirst(kept, excess).map((file) => ({ ...file, reason: "size" as const })),
  ];
}

/** Files whose removal frees so many bytes, always the oldest of the unit that takes most. */
function largestFirst(files: readonly JournalFile[], excess: number): readonly JournalFile[] {
  const units = [...Map.groupBy(files, ({ unit }) => unit).values()].map((own) => ({
    bytes: sum(own),
    removable: own.filter(({ inUse }) => !inUse).sort((a, b) => a.number - b.number),
  }));
  const removed: JournalFile[] = [];
  for (let left = excess; left > 0; ) {
    const candidates = units.filter(({ removable }) => removable.length > 0);
    if (candidates.length === 0) break;
    const largest = candidates.reduce((most, unit) => (unit.bytes > most.bytes ? unit : most));
    const file = largest.removable.shift();
    if (file === undefined) break;
    largest.bytes -= file.bytes;
    left -= file.bytes;
    removed.push(file);
  }
  return removed;
}

function sum(files: readonly JournalFile[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0);
}
