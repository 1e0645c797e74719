/**
 * Reading the log into memory. What is not as it was written is refused, never served: only the last frame of the last
 * file may be torn, since one write is under way at a time, and is cut off. Behind it are zeros, or nothing. Whatever
 * else is damaged, missing or another store's is an error.
 */
import { type FileHandle, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { StoreIdentity } from "../local-store.ts";
import { RecordBytes } from "../mvcc/record.ts";
import { MvccState } from "../mvcc/state.ts";
import { inTurns, STEP_ENTRIES, type Steps, type Turns } from "../mvcc/steps.ts";
import { damaged, foreign, tooNew } from "./damage.ts";
import type { LogEnd, LogPart } from "./disk-log.ts";
import { FRAME_HEAD_BYTES, frameAt, frameLength, hasFrameBehind } from "./frame.ts";
import { isLogFile, UNFINISHED } from "./log-file.ts";
import {
  DamagedContent,
  type DecodedGroup,
  decodeGroup,
  decodeHeader,
  FORMAT,
  type LogHeader,
} from "./log-format.ts";

export interface ReadLog extends LogEnd {
  readonly state: MvccState;
  readonly identity: StoreIdentity;
}

interface FileFound {
  readonly path: string;
  readonly bytes: number;
  readonly headerBytes: number;
  readonly header: LogHeader;
}

/** @throws FlotillaError `store-corrupt` or `store-too-new`. */
export async function readLog(directory: string, turns?: Turns): Promise<ReadLog> {
  const files = await arrange(directory, await findFiles(directory));
  const [last] = files.slice(-1);
  if (last === undefined) throw damaged(directory, "there is no file of the log");
  const state = new MvccState();
  for (const change of last.header.changes) state.repeat(change);
  const parts: LogPart[] = [];
  let revision = 0;
  let isClean = true;
  for (const [at, file] of files.entries()) {
    const reading = { file, next: files[at + 1], state, revision };
    const read = await inTurns(readOne(reading, await readFile(file.path)), turns);
    ({ revision, isClean } = read);
    const { first, last: lastNumber, after } = file.header;
    parts.push({ first, last: lastNumber, after, bytes: read.bytes, forgottenBytes: 0 });
  }
  await inTurns(state.finishLoad(revision), turns);
  return { state, identity: last.header.identity, parts, salt: last.header.salt, isClean };
}

async function findFiles(directory: string): Promise<FileFound[]> {
  const names = (await readdir(directory)).sort();
  for (const name of names) {
    if (name.endsWith(UNFINISHED)) await rm(join(directory, name), { force: true });
  }
  const files: FileFound[] = [];
  for (const name of names.filter(isLogFile)) files.push(await readHeader(join(directory, name)));
  return files;
}

async function readHeader(path: string): Promise<FileFound> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const head = await readFrom(file, FRAME_HEAD_BYTES);
    const length = FRAME_HEAD_BYTES + Math.min(frameLength(head), size);
    const content = frameAt(await readFrom(file, length), 0, 0);
    if (content === undefined) throw damaged(path, "its header is cut off or changed");
    const header = inFile(path, () => decodeHeader(content));
    if (header.format > FORMAT) throw tooNew(path, header.format, FORMAT);
    return { path, bytes: size, headerBytes: length, header };
  } finally {
    await file.close();
  }
}

/** The first bytes of a file, as many as there are. */
async function readFrom(file: FileHandle, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}

/** The files that count, in order. Those that were packed into one before them are removed. */
async function arrange(directory: string, found: readonly FileFound[]): Promise<readonly FileFound[]> {
  const files: FileFound[] = [];
  for (const file of found) {
    const { header, path } = file;
    const before = files.at(-1)?.header;
    if (before !== undefined && header.last <= before.last) {
      await rm(path);
      continue;
    }
    if (header.first !== (before?.last ?? 0) + 1)
      throw damaged(directory, `a file before ${path} is missing`);
    if (before !== undefined && !isSame(before.identity, header.identity)) {
      throw foreign(path, "it is not of the same store as the files before it");
    }
    files.push(file);
  }
  const last = files.at(-1);
  if (last?.header.packedBytes !== undefined)
    throw damaged(directory, `the file after ${last.path} is missing`);
  return files;
}

function isSame(a: StoreIdentity, b: StoreIdentity): boolean {
  return a.clusterId === b.clusterId && a.memberId === b.memberId;
}

interface Reading {
  readonly file: FileFound;
  /** Undefined for the last file, the only one that may end in a torn frame, and whose changes count. */
  readonly next: FileFound | undefined;
  readonly state: MvccState;
  /** The revision before it. */
  readonly revision: number;
}

interface FileRead {
  /** How many bytes of it are whole frames. */
  readonly bytes: number;
  /** The revision after it. */
  readonly revision: number;
  /** There is nothing but zeros behind the frames. */
  readonly isClean: boolean;
}

/** Reads the frames of a file. */
function* readOne({ file, next, state, revision: before }: Reading, content: Buffer): Steps<FileRead> {
  const { path, header, headerBytes } = file;
  checkLength(file, next);
  const bytes = new RecordBytes(content);
  let revision = before;
  let at = headerBytes;
  while (at < content.length) {
    const frame = frameAt(content, at, header.salt);
    if (frame === undefined) {
      if (next !== undefined || hasFrameBehind(content, at, header.salt)) {
        throw damaged(path, `the frame at byte ${at} is changed`);
      }
      break;
    }
    const from = at + FRAME_HEAD_BYTES;
    at = from + frame.length;
    try {
      const group = decodeGroup(bytes, from, at);
      yield* takeGroup(group, state, next === undefined, revision);
      revision = group.revision;
    } catch (error) {
      throw asDamage(path, error);
    }
    yield;
  }
  return { bytes: at, revision, isClean: isZero(content.subarray(at)) };
}

function isZero(bytes: Buffer): boolean {
  const zeros = Buffer.alloc(Math.min(bytes.length, 64 * 1024));
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const length = Math.min(zeros.length, bytes.length - at);
    if (bytes.compare(zeros, 0, length, at, at + length) !== 0) return false;
  }
  return true;
}

function checkLength({ path, header, bytes, headerBytes }: FileFound, next: FileFound | undefined): void {
  if (next === undefined) return;
  // A packed file says itself how long it is, any other is told of by the next, unless that has been packed since.
  const expected =
    header.packedBytes !== undefined ? headerBytes + header.packedBytes : next.header.previousBytes;
  if (bytes !== expected) throw damaged(path, `it has ${bytes} bytes and was written with ${expected}`);
}

function* takeGroup(
  group: DecodedGroup,
  state: MvccState,
  changesCount: boolean,
  before: number,
): Steps<void> {
  if (group.revision < before) throw new DamagedContent(`revision ${group.revision} comes after ${before}`);
  let count = 0;
  for (const version of group.versions) {
    const { modRevision } = version;
    if (modRevision < state.revision || modRevision > group.revision) {
      throw new DamagedContent(`revision ${modRevision} is out of order`);
    }
    state.load(version);
    count += 1;
    if (count % STEP_ENTRIES === 0) yield;
  }
  if (changesCount) for (const change of group.changes) state.repeat(change);
}

function inFile<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asDamage(path, error);
  }
}

function asDamage(path: string, error: unknown): unknown {
  return error instanceof DamagedContent ? damaged(path, error.message, error) : error;
}
