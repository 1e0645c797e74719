/** Unit files that nothing refers to any more. */
import type { ClusterView } from "#model/cluster-state.ts";
import type { ClusterStep } from "#plan/cluster-plan.ts";

/**
 * One step for each file that no unit, no history and no assignment refers to. States do not count: a machine keeps the
 * text of what it runs on its own disk, and a change of state alone draws up no plan.
 */
export function collectFiles(view: ClusterView): readonly ClusterStep[] {
  const used = new Set<string>();
  for (const { file, history } of view.units.values()) {
    used.add(file);
    for (const earlier of history) used.add(earlier.file);
  }
  for (const units of view.assignments.values()) for (const { file } of units.values()) used.add(file);
  const unused = [...view.files.keys()].filter((file) => !used.has(file)).sort();
  return unused.map((file) => ({ kind: "collect-file", file, reason: "no unit refers to it" }));
}
