/** The cluster in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */
import type { ApiDependencies } from "./dependencies.ts";

interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function metricsText({ mirror, machineId, version }: ApiDependencies): string {
  const { view } = mirror;
  const isEngine = view.engine?.machine === machineId;
  return [
    gauge("flotilla_build_info", "The version that runs.", [{ labels: { version }, value: 1 }]),
    gauge("flotilla_machines", "Machines that are present.", [{ value: view.machines.size }]),
    gauge("flotilla_units", "Units by what is asked for.", count(desiredStates(mirror), "desired")),
    gauge(
      "flotilla_unit_states",
      "Units on machines by active state.",
      count(activeStates(mirror), "active"),
    ),
    gauge("flotilla_assignments", "Units assigned to machines.", [{ value: assignments(mirror) }]),
    gauge("flotilla_engine", "1 where the elected engine is.", [{ value: isEngine ? 1 : 0 }]),
    gauge("flotilla_store_connected", "1 while the store answers.", [{ value: mirror.connected ? 1 : 0 }]),
    gauge("flotilla_store_revision", "Revision of the store that is known here.", [
      { value: Number(mirror.revision) },
    ]),
  ].join("");
}

type Mirror = ApiDependencies["mirror"];

function desiredStates({ view }: Mirror): string[] {
  return [...view.units.values()].map((record) => record.desired);
}

function activeStates({ view }: Mirror): string[] {
  return [...view.states.values()].flatMap((units) => [...units.values()].map((state) => state.active));
}

function assignments({ view }: Mirror): number {
  return view.assignments.values().reduce((sum, units) => sum + units.size, 0);
}

function count(values: readonly string[], label: string): Sample[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort().map(([value, number]) => ({ labels: { [label]: value }, value: number }));
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels, value }) => `${name}${formatLabels(labels)} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines, ""].join("\n");
}

function formatLabels(labels: Sample["labels"]): string {
  if (labels === undefined) return "";
  // The format escapes backslashes, quotes and line ends as JSON does.
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${pairs.join(",")}}`;
}
