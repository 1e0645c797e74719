/** The frames of a packed file: what is remembered of some revisions, read from memory. */
import type { MvccState } from "../mvcc/state.ts";
import type { Steps } from "../mvcc/steps.ts";
import { frameHead } from "./frame.ts";
import { encodeGroup } from "./log-format.ts";

const FRAME_BYTES = 1 << 16;

/** Frames with the versions later than `after`, up to `upTo`; nothing is forgotten meanwhile. */
export function* packedFrames(state: MvccState, after: number, upTo: number, salt: number): Steps<Buffer[]> {
  const frames: Buffer[] = [];
  let records: Buffer[] = [];
  let bytes = 0;
  let revision = after;
  const finish = (): void => {
    const content = Buffer.concat(encodeGroup({ changes: [], versions: records, revision }));
    frames.push(Buffer.concat([frameHead([content], salt), content]));
    records = [];
    bytes = 0;
  };
  for (const version of state.versionsFrom(after + 1)) {
    if (version.modRevision > upTo) break;
    records.push(version.content);
    bytes += version.length;
    revision = version.modRevision;
    if (bytes < FRAME_BYTES) continue;
    finish();
    yield;
  }
  if (records.length > 0) finish();
  return frames;
}
