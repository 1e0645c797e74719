/**
 * The jobs that a job brings along (transaction_add_job_and_dependencies in systemd's transaction.c).
 *
 * As there, what a failed dependency had already added stays, also where the failure is ignored: a unit that is only
 * wanted is started though something that it requires is missing.
 */
import type { Atom } from "./atoms.ts";
import type { Draft, PlannedJob } from "./draft.ts";
import { type AnyType, collapse, isInactiveOrFailed, type QueuedType } from "./job-type.ts";
import { loadRefusal, type Refusal } from "./refusal.ts";
import { activeOf, type MachineView } from "./view.ts";

export interface Pull {
  readonly type: QueuedType;
  readonly unit: string;
  /** What pulls it in; undefined: the anchor itself. */
  readonly by?: PlannedJob;
  readonly matters: boolean;
  readonly conflicts?: boolean;
  /** Jobs on other units are not added. */
  readonly ignoreRequirements?: boolean;
  readonly ignoreOrder: boolean;
}

/** How a pulled-in unit's failure to be added is taken. */
type Weight = "matters" | "ignored";

interface Rule {
  readonly atom: Atom;
  readonly type: AnyType;
  readonly weight: Weight;
  readonly conflicts?: boolean;
}

const ON_START: readonly Rule[] = [
  { atom: "pull-in-start", type: "start", weight: "matters" },
  { atom: "pull-in-start-ignored", type: "start", weight: "ignored" },
  { atom: "pull-in-verify", type: "verify-active", weight: "matters" },
  { atom: "pull-in-stop", type: "stop", weight: "matters", conflicts: true },
  { atom: "pull-in-stop-ignored", type: "stop", weight: "ignored" },
];

/** What each type of job does to other units, in this order. A restart starts nothing that is down. */
const RULES: Readonly<Record<QueuedType, readonly Rule[]>> = {
  start: ON_START,
  restart: [...ON_START, { atom: "propagate-restart", type: "try-restart", weight: "matters" }],
  stop: [{ atom: "propagate-stop", type: "stop", weight: "matters" }],
  reload: [{ atom: "propagates-reload-to", type: "try-reload", weight: "ignored" }],
  "verify-active": [],
  nop: [],
};

/** Adds the job and all it brings along; says why that cannot be. */
export function pullIn(view: MachineView, draft: Draft, pull: Pull): Refusal | undefined {
  const { type, unit, by, matters, conflicts = false, ignoreRequirements = false, ignoreOrder } = pull;
  const refusal = (type === "stop" ? undefined : loadRefusal(view, unit)) ?? inapplicable(view, type, unit);
  if (refusal !== undefined) return refusal;
  const { job, isNew } = draft.add(unit, type);
  job.ignoreOrder ||= ignoreOrder;
  if (by !== undefined) draft.link({ by, job, matters, conflicts });
  if (!isNew || ignoreRequirements) return undefined;
  for (const rule of RULES[type]) {
    const problem = applyRule(view, draft, job, rule, ignoreOrder);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function applyRule(
  view: MachineView,
  draft: Draft,
  by: PlannedJob,
  { atom, type, weight, conflicts = false }: Rule,
  ignoreOrder: boolean,
): Refusal | undefined {
  for (const unit of view.related(by.unit, atom)) {
    const queued = collapse(type, activeOf(view, unit));
    if (queued === "nop") continue;
    const matters = weight === "matters";
    const problem = pullIn(view, draft, { type: queued, unit, by, matters, conflicts, ignoreOrder });
    // A job that does not apply to the other unit is left out, whatever kind of dependency asks for it.
    if (problem !== undefined && matters && problem.error !== "JobTypeNotApplicable") return problem;
  }
  return undefined;
}

function inapplicable(view: MachineView, type: QueuedType, name: string): Refusal | undefined {
  const unit = view.unit(name);
  const applies =
    type === "reload"
      ? unit?.canReload === true
      : !((type === "stop" || type === "restart") && unit?.isPerpetual === true);
  if (applies) return undefined;
  return {
    error: "JobTypeNotApplicable",
    message: `Job type ${type} is not applicable for unit ${name}.`,
  };
}

/** Mode isolate: a stop of every unit that the transaction does not name, unless it is to be left alone. */
export function pullInIsolated(view: MachineView, draft: Draft): void {
  const isKept = (name: string): boolean => view.unit(name)?.ignoreOnIsolate === true || draft.has(name);
  for (const unit of view.names()) {
    if (isInactiveOrFailed(activeOf(view, unit)) && view.job(unit) === undefined) continue;
    if (isKept(unit) || view.related(unit, "triggered-by").some(isKept)) continue;
    pullInStop(view, draft, unit);
  }
}

/** Mode triggering: a stop of what would start the anchor's unit again. */
export function pullInTriggering(view: MachineView, draft: Draft): void {
  for (const unit of view.related(draft.anchor?.unit ?? "", "triggered-by")) {
    if (isInactiveOrFailed(activeOf(view, unit)) && view.job(unit) === undefined) continue;
    if (!draft.has(unit)) pullInStop(view, draft, unit);
  }
}

function pullInStop(view: MachineView, draft: Draft, unit: string): void {
  const { anchor } = draft;
  if (anchor === undefined) return;
  pullIn(view, draft, { type: "stop", unit, by: anchor, matters: true, ignoreOrder: false });
}
