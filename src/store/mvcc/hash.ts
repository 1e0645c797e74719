/** A checksum of the remembered history, to compare two stores by. */
import { crc32 } from "node:zlib";
import type { MvccState } from "./state.ts";
import { STEP_ENTRIES, type Steps } from "./steps.ts";

/** CRC-32 over every version up to `revision` that a read since the last compaction could see, in order. */
export function* hashOf(state: MvccState, revision: number): Steps<number> {
  const compacted = state.compactRevision;
  const unpin = state.pin(Math.min(revision, Math.max(compacted, 0)));
  try {
    let hash = 0;
    let count = 0;
    for (const version of state.versionsFrom(0)) {
      if (version.modRevision > revision) break;
      if (state.isReadableFrom(compacted, version)) hash = crc32(version.content, hash);
      count += 1;
      if (count % STEP_ENTRIES === 0) yield;
    }
    return hash;
  } finally {
    unpin();
  }
}
