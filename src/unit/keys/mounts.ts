/** Keys of [Mount], [Automount], [Swap], [Slice] and [Scope]; [Target] has none. */
import { parseInteger } from "#base/number.ts";
import { Complaint } from "../diagnostic.ts";
import type { Grammar } from "../grammar.ts";
import { last } from "../key.ts";
import { absolutePath, boolean, expandedText, mode, stopTimeout, timeSpan } from "../values.ts";
import { CGROUP_KEYS } from "./cgroup.ts";
import { EXEC_KEYS } from "./exec.ts";
import { KILL_KEYS, oomPolicy } from "./kill.ts";

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
  TimeoutSec: last(stopTimeout),
  ...EXEC_KEYS,
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;

export const AUTOMOUNT_KEYS = {
  Where: last(absolutePath),
  ExtraOptions: last(expandedText, "ignored", { since: 250 }),
  DirectoryMode: last(mode),
  TimeoutIdleSec: last(stopTimeout),
} as const;

const swapPriority: Grammar<number> = {
  name: "a whole number from -1 to 32767",
  parse: (value) => {
    const priority = parseInteger(value, -(2 ** 31), 2 ** 31 - 1);
    if (typeof priority !== "number") return new Complaint(`Invalid swap priority '${value}', ignoring.`);
    if (priority >= -1 && priority <= 32_767) return priority;
    return new Complaint(
      priority < 0
        ? `Sorry, swap priorities smaller than -1 may only be assigned by the kernel itself, ignoring: ${value}`
        : `Swap priority out of range, ignoring: ${value}`,
    );
  },
};

export const SWAP_KEYS = {
  What: last(absolutePath),
  Priority: last(swapPriority),
  Options: last(expandedText),
  TimeoutSec: last(stopTimeout),
  ...EXEC_KEYS,
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;

export const SLICE_KEYS = { ...CGROUP_KEYS } as const;

export const SCOPE_KEYS = {
  RuntimeMaxSec: last(timeSpan, "ignored", { since: 244 }),
  RuntimeRandomizedExtraSec: last(timeSpan, "ignored", { since: 250 }),
  TimeoutStopSec: last(timeSpan),
  OOMPolicy: last(oomPolicy, "ignored", { since: 252 }),
  ...KILL_KEYS,
  ...CGROUP_KEYS,
} as const;
