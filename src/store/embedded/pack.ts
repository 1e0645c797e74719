/** The frames of a packed file: what is remembered of some revisions, read from memory. */
import { RecordBytes, type VersionRecord } from "../mvcc/record.ts";
import type { MvccState } from "../mvcc/state.ts";
import { STEP_ENTRIES, type Steps } from "../mvcc/steps.ts";
import { frameHead } from "./frame.ts";
import { encodeGroup } from "./log-format.ts";

const FRAME_BYTES = 1 << 16;

/** Frames with the versions later than `after`, up to `upTo`; nothing is forgotten meanwhile. */
export function* packedFrames(state: MvccState, after: number, upTo: number, salt: number): Steps<Buffer[]> {
  const frames: Buffer[] = [];
  let records: VersionRecord[] = [];
  let bytes = 0;
  let revision = after;
  const finish = (): void => {
    const content = encodeGroup({ changes: [], versions: [joined(records, bytes)], revision });
    frames.push(Buffer.concat([frameHead(content, salt), ...content]));
    records = [];
    bytes = 0;
  };
  for (const version of state.versionsFrom(after + 1)) {
    if (version.modRevision > upTo) break;
    records.push(version);
    bytes += version.length;
    revision = version.modRevision;
    if (bytes >= FRAME_BYTES) finish();
    if (records.length % STEP_ENTRIES === 0) yield;
  }
  if (records.length > 0) finish();
  return frames;
}

/** One after the other, without a buffer for each. */
function joined(records: readonly VersionRecord[], bytes: number): Buffer {
  const target = new RecordBytes(Buffer.allocUnsafe(bytes));
  let at = 0;
  for (const record of records) {
    record.copyTo(target, at);
    at += record.length;
  }
  return target.buffer;
}
