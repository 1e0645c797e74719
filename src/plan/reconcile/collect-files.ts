/** Unit files that nothing refers to any more. */
import type { ClusterView } from "#model/cluster-state.ts";
import type { ClusterStep } from "#plan/cluster-plan.ts";

/** One step for each file that no unit, no history, no assignment and no state refers to. */
export function collectFiles(view: ClusterView): readonly ClusterStep[] {
  const used = new Set<string>();
  for (const { file, history } of view.units.values()) {
    used.add(file);
    for (const earlier of history) used.add(earlier.file);
  }
  for (const perMachine of [view.assignments, view.states])
    for (const units of perMachine.values()) for (const { file } of units.values()) used.add(file);
  const unused = [...view.files.keys()].filter((file) => !used.has(file)).sort();
  return unused.map((file) => ({ kind: "collect-file", file, reason: "no unit refers to it" }));
}
