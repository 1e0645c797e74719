/**
 * What the store remembers of one key: where its versions are in the log, in order of their revisions. Nearly every key
 * has one, so one is just its position.
 */
import type { Position, VersionLog } from "./log.ts";
import type { VersionRecord } from "./record.ts";

export type History = Position | Position[];

export function newestOf(history: History): Position | undefined {
  return typeof history === "number" ? history : history.at(-1);
}

/** With one more version, the newest. */
export function withVersion(history: History | undefined, position: Position): History {
  if (history === undefined) return position;
  if (typeof history === "number") return [history, position];
  history.push(position);
  return history;
}

/** Without the newest version; undefined when none is left. */
export function withoutNewest(history: History): History | undefined {
  if (typeof history === "number") return undefined;
  history.pop();
  return normalized(history);
}

/** Index of the last version that is not after `revision`; -1 when there is none. */
export function lastUpTo(log: VersionLog, positions: readonly Position[], revision: number): number {
  // The newest is what is nearly always asked for.
  let low = 0;
  let high = positions.length;
  if (high > 0 && revisionAt(log, positions, high - 1) <= revision) return high - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (revisionAt(log, positions, middle) <= revision) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function revisionAt(log: VersionLog, positions: readonly Position[], index: number): number {
  const position = positions[index];
  return position === undefined ? 0 : log.modRevisionAt(position);
}

/** The key's version as of `revision`; undefined where the key did not exist. */
export function versionAt(log: VersionLog, history: History, revision: number): VersionRecord | undefined {
  const position = typeof history === "number" ? history : history[lastUpTo(log, history, revision)];
  if (position === undefined) return undefined;
  const record = log.read(position);
  return record.modRevision > revision || record.deleted ? undefined : record;
}

/** The key's newest version; undefined where the key does not exist. */
export function newestVersion(log: VersionLog, history: History): VersionRecord | undefined {
  const position = newestOf(history);
  const record = position === undefined ? undefined : log.read(position);
  return record?.deleted === true ? undefined : record;
}

/** The history with one version somewhere else. */
export function withMoved(log: VersionLog, history: History, from: Position, to: Position): History {
  if (typeof history === "number") return to;
  const index = lastUpTo(log, history, log.modRevisionAt(from));
  history[index] = to;
  return history;
}

/**
 * Cuts off what no read at `revision` or later, and no watch from `revision` on, can ask for.
 * @param gone is told of each version that goes.
 * @returns what is left; undefined for nothing.
 */
export function cutBefore(
  log: VersionLog,
  history: History,
  revision: number,
  gone: (position: Position) => void,
): History | undefined {
  const positions = typeof history === "number" ? [history] : history;
  const last = lastUpTo(log, positions, revision);
  const newest = positions[last];
  if (newest === undefined) return history;
  const record = log.read(newest);
  const count = record.deleted && record.modRevision < revision ? last + 1 : last;
  if (count === 0) return history;
  for (const position of positions.splice(0, count)) gone(position);
  return normalized(positions);
}

function normalized(positions: Position[]): History | undefined {
  return positions.length > 1 ? positions : positions[0];
}
