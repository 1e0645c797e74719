/** Cuts what a socket gives into frames. */

import { FRAME_BYTES, FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from "./frames.ts";
import { FRAME_SIZE_ERROR, Http2Error } from "./http2-error.ts";

export class FrameReader {
  readonly #take: (header: FrameHeader, content: Buffer) => void;
  #rest: Buffer | undefined;

  /** @param take gets each frame; its content is a view of what was read. */
  constructor(take: (header: FrameHeader, content: Buffer) => void) {
    this.#take = take;
  }

  /** @throws Http2Error for a frame that is too large, and whatever `take` throws. */
  push(piece: Buffer): void {
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    this.#rest = undefined;
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const header = readFrameHeader(bytes, at);
      if (header.length > FRAME_BYTES) throw new Http2Error(FRAME_SIZE_ERROR, "a frame that is too large");
      const start = at + FRAME_HEADER_BYTES;
      const end = start + header.length;
      if (end > bytes.length) break;
      at = end;
      this.#take(header, bytes.subarray(start, end));
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}
