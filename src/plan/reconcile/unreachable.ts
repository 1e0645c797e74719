/**
 * Machines that are still present, since their leases live, and that nobody reaches. Their units are placed elsewhere
 * without waiting for the lease where two copies do no harm for a while, as the machine may only be cut off. When many
 * are silent at once it is more likely that a network is broken: then all wait for the leases.
 */
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";

/** Those that count as lost before their leases have ended. */
export function readUnreachable(
  view: ClusterView,
  { unreachable = new Set(), lostSince, returned = new Map(), settings }: PlanContext,
): ReadonlySet<string> {
  const silent = [...unreachable].filter((machine) => view.machines.has(machine));
  const gone = [...view.assignments.keys()].filter((machine) => !view.machines.has(machine));
  const recent = [...lostSince.keys(), ...returned.keys()].filter((machine) => !gone.includes(machine));
  const count = silent.length + gone.length + recent.length;
  const known = view.machines.size + gone.length;
  const many = count > 1 && count >= settings.stampedeShare * known;
  return new Set(many ? [] : silent);
}

/** Why a unit leaves a machine that is lost, or as good as lost. */
export function lossReason(view: ClusterView, machine: string): string {
  const name = nameOfMachine(view, machine);
  return view.machines.has(machine) ? `machine ${name} does not answer anybody` : `machine ${name} is gone`;
}
