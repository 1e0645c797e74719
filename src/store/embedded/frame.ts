/**
 * Frames: how a file of the log is cut into pieces that are there whole or not at all.
 *
 *     0  u32  a mark, by which frames are found behind a damaged one
 *     4  u32  length of the content
 *     8  u32  CRC-32 of length and content, begun with the file's salt
 *    12       content
 *
 * The salt is random, so that nobody can store a value that would pass for a frame of the file.
 */
import { crc32 } from "node:zlib";

export const FRAME_HEAD_BYTES = 12;
const MARK = Buffer.from([0xf1, 0x07, 0x11, 0xa5]);

/** The head of a frame whose content is these buffers, one after the other. */
export function frameHead(content: readonly Uint8Array[], salt: number): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  MARK.copy(head);
  head.writeUInt32LE(
    content.reduce((sum, bytes) => sum + bytes.length, 0),
    4,
  );
  head.writeUInt32LE(
    content.reduce((sum, bytes) => crc32(bytes, sum), crc32(head.subarray(4, 8), salt)),
    8,
  );
  return head;
}

/** How long the content of the frame is that this head, which may be cut off, belongs to. */
export function frameLength(head: Buffer): number {
  return head.length < FRAME_HEAD_BYTES ? 0 : head.readUInt32LE(4);
}

/** The content of the frame at `at`; undefined when no whole and undamaged frame is there. */
export function frameAt(file: Buffer, at: number, salt: number): Buffer | undefined {
  if (at + FRAME_HEAD_BYTES > file.length || file.compare(MARK, 0, 4, at, at + 4) !== 0) return undefined;
  const end = at + FRAME_HEAD_BYTES + file.readUInt32LE(at + 4);
  if (end > file.length) return undefined;
  const content = file.subarray(at + FRAME_HEAD_BYTES, end);
  const sum = crc32(content, crc32(file.subarray(at + 4, at + 8), salt));
  return sum === file.readUInt32LE(at + 8) ? content : undefined;
}

/** True when there is a whole frame anywhere behind `at`. */
export function hasFrameBehind(file: Buffer, at: number, salt: number): boolean {
  for (let next = file.indexOf(MARK, at + 1); next !== -1; next = file.indexOf(MARK, next + 1)) {
    if (frameAt(file, next, salt) !== undefined) return true;
  }
  return false;
}
