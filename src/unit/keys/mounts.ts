/** Keys of [Mount], [Automount], [Swap], [Slice] and [Scope]; [Target] has none. */
import { last } from "../key.ts";
import { absolutePath, boolean, expandedText, integer, mode, text, timeout, timeSpan } from "../values.ts";
import { CGROUP_KEYS } from "./cgroup.ts";
import { EXEC_KEYS } from "./exec.ts";
import { KILL_KEYS } from "./kill.ts";

export const MOUNT_KEYS = {
  What: last(expandedText),
  Where: last(absolutePath),
  Type: last(expandedText),
  Options: last(expandedText),
  SloppyOptions: last(boolean),
  LazyUnmount: last(boolean),
  ForceUnmount: last(boolean),
  ReadWriteOnly: last(boolean, "ignored", { since: 246 }),
  DirectoryMode: last(mode),
  TimeoutSec: last(timeout),
  ...EXEC_KEYS,
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;

export const AUTOMOUNT_KEYS = {
  Where: last(absolutePath),
  ExtraOptions: last(expandedText, "ignored", { since: 250 }),
  DirectoryMode: last(mode),
  TimeoutIdleSec: last(timeSpan),
} as const;

export const SWAP_KEYS = {
  What: last(expandedText),
  Priority: last(integer(-1, 32_767)),
  Options: last(text),
  TimeoutSec: last(timeout),
  ...EXEC_KEYS,
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;

export const SLICE_KEYS = { ...CGROUP_KEYS } as const;

export const SCOPE_KEYS = {
  RuntimeMaxSec: last(timeout, "ignored", { since: 244 }),
  RuntimeRandomizedExtraSec: last(timeSpan, "ignored", { since: 250 }),
  TimeoutStopSec: last(timeout),
  OOMPolicy: last(text, "ignored", { since: 253 }),
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;
