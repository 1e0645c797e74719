/**
 * The file descriptor store: what a service leaves with its supervisor for its next run (sd_notify(3), FDSTORE=1).
 *
 * The descriptors themselves are held by the shim, each under a number; which of them are kept is decided here.
 */
import { isDescriptorName } from "#unit/exec-values.ts";
import type { SentDescriptor } from "../shim/protocol.ts";
import type { Draft } from "./draft.ts";

/** A file descriptor in the store. */
export interface StoredDescriptor {
  /** The shim's number of it. */
  readonly fd: number;
  /** For LISTEN_FDNAMES=. */
  readonly name: string;
}

const DEFAULT_NAME = "stored";

/** The last stored comes first, as with systemd. `isPolled`: one that hangs up is dropped. */
export function storeDescriptors(
  draft: Draft,
  sent: readonly SentDescriptor[],
  { name, isPolled }: { readonly name: string | undefined; readonly isPolled: boolean },
): void {
  const { state, settings } = draft;
  const max = settings.fileDescriptorStoreMax;
  const isNamed = name !== undefined && isDescriptorName(name);
  if (name !== undefined && !isNamed) draft.warn("Passed FDNAME= name is invalid, ignoring.");
  for (const [index, { fd, same }] of sent.entries()) {
    if (state.stored.length >= max) {
      draft.warn(`Cannot store more fds than ${max} (FileDescriptorStoreMax=), closing remaining.`);
      closeDescriptors(draft, sent.slice(index));
      return;
    }
    if (same.some((one) => isStored(draft, one))) {
      closeDescriptors(draft, [{ fd }]);
      continue;
    }
    state.stored = [{ fd, name: isNamed ? name : DEFAULT_NAME }, ...state.stored];
    if (isPolled) draft.do({ kind: "poll-descriptor", fd });
  }
}

/** FDSTOREREMOVE=1: all of that name. */
export function removeStored(draft: Draft, name: string | undefined): void {
  if (name === undefined || !isDescriptorName(name)) {
    draft.warn("FDSTOREREMOVE=1 requested, but no file descriptor name passed, ignoring.");
    return;
  }
  drop(draft, (one) => one.name === name);
}

/** The other end is gone. */
export function hangup(draft: Draft, { fd }: { readonly fd: number }): void {
  if (!isStored(draft, fd)) return;
  drop(draft, (one) => one.fd === fd);
  if (isAtRest(draft)) releaseIfEmpty(draft);
}

export function emptyStore(draft: Draft): void {
  drop(draft, () => true);
}

function drop(draft: Draft, isDropped: (one: StoredDescriptor) => boolean): void {
  const dropped = draft.state.stored.filter(isDropped);
  draft.state.stored = draft.state.stored.filter((one) => !isDropped(one));
  closeDescriptors(draft, dropped);
}

export function closeDescriptors(draft: Draft, closed: readonly { readonly fd: number }[]): void {
  if (closed.length > 0) draft.do({ kind: "close-descriptors", fds: closed.map(({ fd }) => fd) });
}

function isStored({ state }: Draft, fd: number): boolean {
  return state.stored.some((one) => one.fd === fd);
}

/**
 * The unit is at rest and no job of it is queued: what it has stored goes, and with it the shim, unless
 * FileDescriptorStorePreserve=yes.
 */
export function unneeded(draft: Draft): void {
  if (draft.settings.fileDescriptorStorePreserve !== "yes") unloaded(draft);
}

export function unloaded(draft: Draft): void {
  if (!isAtRest(draft) || draft.state.stored.length === 0) return;
  emptyStore(draft);
  releaseIfEmpty(draft);
}

function isAtRest({ state }: Draft): boolean {
  return state.sub === "dead" || state.sub === "failed";
}

/** A shim is needed no more for a unit at rest that has left nothing behind, neither processes nor descriptors. */
export function releaseIfEmpty(draft: Draft): void {
  if (draft.state.empty && draft.state.stored.length === 0) draft.do({ kind: "release" });
}
