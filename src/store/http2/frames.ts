/** Frames of HTTP/2 (RFC 9113, sections 4 and 6): their numbers, and how those that carry no content are written. */

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

export const SETTING = {
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const FRAME_HEADER_BYTES = 9;
/** The largest frame either side sends unless it is told otherwise. */
export const FRAME_BYTES = 16_384;
/** What a stream or connection may receive before it says otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const WINDOW_BYTES_MAX = 0x7fff_ffff;
/** What a client sends first. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export interface FrameHeader {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
}

export function readFrameHeader(bytes: Buffer, at: number): FrameHeader {
  return {
    length: bytes.readUIntBE(at, 3),
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
  };
}

/** Writes the header of a frame and returns where its content begins. */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  { length, type, flags, stream }: FrameHeader,
): number {
  into.writeUIntBE(length, at, 3);
  into[at + 3] = type;
  into[at + 4] = flags;
  into.writeUInt32BE(stream, at + 5);
  return at + FRAME_HEADER_BYTES;
}

export function frameOf(type: number, flags: number, stream: number, content: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + content.length);
  frame.set(content, writeFrameHeader(frame, 0, { length: content.length, type, flags, stream }));
  return frame;
}

export function settingsFrame(settings: ReadonlyMap<number, number>): Buffer {
  const content = Buffer.alloc(settings.size * 6);
  let at = 0;
  for (const [id, value] of settings) {
    content.writeUInt16BE(id, at);
    content.writeUInt32BE(value, at + 2);
    at += 6;
  }
  return frameOf(FRAME.settings, 0, 0, content);
}

export function windowUpdateFrame(stream: number, bytes: number): Buffer {
  return frameOf(FRAME.windowUpdate, 0, stream, uint32(bytes));
}

export function resetFrame(stream: number, code: number): Buffer {
  return frameOf(FRAME.resetStream, 0, stream, uint32(code));
}

export function goAwayFrame(lastStream: number, code: number, reason: string): Buffer {
  return frameOf(FRAME.goAway, 0, 0, Buffer.concat([uint32(lastStream), uint32(code), Buffer.from(reason)]));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
