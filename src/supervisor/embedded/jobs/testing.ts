/** Machines on paper, for tests of planning: units by the lines of their [Unit], and the jobs that are queued. */
import { readDependencies } from "#unit/read-dependencies.ts";
import { specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import type { ActiveState } from "../../supervisor.ts";
import { DependencyGraph, type GraphUnit } from "./graph.ts";
import type { QueuedType } from "./job-type.ts";
import { planTransaction, type Transaction } from "./plan.ts";
import type { InstalledJob, MachineView, UnitView } from "./view.ts";

/** Names are followed by their state where that is not inactive: `a.service*` is active, `a.service!` failed, `~` activating. */
const STATES: Readonly<Record<string, ActiveState>> = { "*": "active", "!": "failed", "~": "activating" };

export type Paper = Readonly<Record<string, string>>;

/** The machine. `jobs` are those in the queue, by unit; a type with `!` is irreversible. */
export function paperMachine(units: Paper, jobs: Readonly<Record<string, string>> = {}): MachineView {
  const views = new Map<string, UnitView>();
  const graph = new Map<string, GraphUnit>();
  for (const [key, lines] of Object.entries(units)) {
    const name = key.replace(/[*!~]$/, "");
    const dependencies = readDependencies(
      parseUnitFile(`[Unit]\n${lines.replaceAll("; ", "\n")}\n`),
      specifierContext(name),
    );
    graph.set(name, {
      relations: { ...dependencies, wantedBy: [], requiredBy: [], triggers: [], triggeredBy: [] },
      defaultDependencies: dependencies.defaultDependencies,
      slices: [],
    });
    views.set(name, {
      load: lines.includes("Bad") ? "bad-setting" : lines.includes("Masked") ? "masked" : "loaded",
      active: STATES[key.slice(name.length)] ?? "inactive",
      canReload: lines.includes("CanReload"),
      isPerpetual: lines.includes("Perpetual"),
      allowIsolate: dependencies.allowIsolate,
      ignoreOnIsolate: dependencies.ignoreOnIsolate,
    });
  }
  const edges = new DependencyGraph(graph);
  return {
    names: () => views.keys(),
    unit: (name) => views.get(name),
    job: (name) => installed(jobs[name]),
    related: (name, atom) => edges.related(name, atom),
  };
}

const TYPES: readonly QueuedType[] = ["start", "verify-active", "stop", "reload", "restart", "nop"];

function installed(text: string | undefined): InstalledJob | undefined {
  const type = TYPES.find((known) => known === text?.replace("!", ""));
  if (type === undefined) return undefined;
  return { type, ignoreOrder: false, irreversible: text?.endsWith("!") === true };
}

/** Jobs as `a.service/start`, sorted; or the error's name. */
export function show(transaction: Transaction): readonly string[] | string {
  if (transaction.kind === "refused") return transaction.error;
  return transaction.jobs.map(({ unit, type }) => `${unit.replace(".service", "")}/${type}`).sort();
}

/** What a request of the form `start a` means for the machine. */
export function plan(
  view: MachineView,
  request: string,
  mode: Parameters<typeof planTransaction>[1]["mode"] = "replace",
): Transaction {
  const [wanted, name = ""] = request.split(" ");
  const type = ([...TYPES, "try-restart", "try-reload", "reload-or-start"] as const).find(
    (known) => known === wanted,
  );
  if (type === undefined) throw new Error(`there is no job type ${wanted}`);
  return planTransaction(view, { type, unit: name.includes(".") ? name : `${name}.service`, mode });
}
