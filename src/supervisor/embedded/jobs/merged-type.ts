/** The one type that does what all jobs of a unit do. Pure. */
import type { ActiveState } from "../../supervisor.ts";
import { mergeFor, type QueuedType } from "./job-type.ts";

/** Undefined: they contradict each other, or there are none. */
export function mergedType(
  jobs: readonly { readonly type: QueuedType }[],
  active: ActiveState,
): QueuedType | undefined {
  const [first, ...others] = jobs;
  return others.reduce<QueuedType | undefined>(
    (type, other) => (type === undefined ? undefined : mergeFor(active, type, other.type)),
    first?.type,
  );
}
