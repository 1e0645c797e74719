/** Requests that change units, from names and texts to a result for each unit. */
import { FlotillaError } from "#base/errors.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import { LIMITS } from "#model/limits.ts";
import { whereUnitIs } from "#model/units.ts";
import { parseUnitName, type UnitName } from "#unit/name.ts";
import type { UnitResult } from "./bodies.ts";
import { type CheckedUnit, checkUnitFile } from "./check-unit.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { type Committed, commitUnits, type Intent, type StoredUnit } from "./unit-commit.ts";
import {
  type Decision,
  decideSubmit,
  type SubmitWish,
  type UnitSituation,
  unitNotFound,
} from "./unit-decisions.ts";

/** A unit as a submit request names it. */
export interface SubmittedUnit {
  readonly unit: string;
  readonly text?: string | undefined;
  readonly templateText?: string | undefined;
}

/** A unit of the request after it was looked at: what to commit, or why not. */
interface Prepared {
  readonly unit: string;
  readonly intent?: Intent;
  readonly error?: FlotillaError;
  readonly warnings: UnitResult["warnings"];
}

/** `submit`, `load` and `start`: stores what is new and asks for `desired`. */
export async function submitUnits(
  units: readonly SubmittedUnit[],
  wish: Pick<SubmitWish, "desired" | "replace">,
  dependencies: ApiDependencies,
): Promise<UnitResult[]> {
  checkCount(units, dependencies.mirror.view);
  const prepared = units.map((submitted) =>
    prepare(
      submitted.unit,
      () => {
        const name = parseUnitName(submitted.unit);
        const checked = readFile(name, submitted, dependencies.mirror.view);
        return {
          warnings: checked?.warnings ?? [],
          decide: (situation) => decideSubmit(situation, { ...wish, file: checked?.file }),
        };
      },
      dependencies,
    ),
  );
  return finish(prepared, dependencies);
}

/** `stop`, `unload`, `restart` and `destroy`. */
export async function changeUnits(
  names: readonly string[],
  decide: (situation: UnitSituation) => Decision,
  dependencies: ApiDependencies,
): Promise<UnitResult[]> {
  const units = [...new Set(names)];
  checkCount(
    units.map((unit) => ({ unit })),
    undefined,
  );
  const prepared = units.map((unit) => prepare(unit, () => ({ warnings: [], decide }), dependencies));
  return finish(prepared, dependencies);
}

/** @throws FlotillaError `limit-exceeded` or, for a unit that is named twice, `bad-request` */
function checkCount(units: readonly SubmittedUnit[], view: ClusterView | undefined): void {
  if (units.length > LIMITS.unitsPerRequest) {
    throw new FlotillaError("limit-exceeded", `a request has at most ${LIMITS.unitsPerRequest} units`, {
      hint: "send several requests",
    });
  }
  const names = new Set<string>();
  for (const { unit } of units) {
    if (names.has(unit)) throw new FlotillaError("bad-request", `${unit} is named twice in one request`);
    names.add(unit);
  }
  if (view !== undefined && view.units.size + names.size > LIMITS.units) {
    const added = [...names].filter((name) => !view.units.has(name)).length;
    if (view.units.size + added <= LIMITS.units) return;
    throw new FlotillaError("limit-exceeded", `the cluster has at most ${LIMITS.units} units`);
  }
}

function prepare(
  unit: string,
  look: () => { warnings: UnitResult["warnings"]; decide: (situation: UnitSituation) => Decision },
  dependencies: ApiDependencies,
): Prepared {
  try {
    const name = parseUnitName(unit);
    const { warnings, decide } = look();
    return {
      unit,
      warnings,
      intent: { unit, decide: (stored) => decide(situate(name, stored, dependencies)) },
    };
  } catch (error) {
    if (error instanceof FlotillaError) return { unit, error, warnings: [] };
    throw error;
  }
}

function situate(name: UnitName, stored: StoredUnit, { mirror, clock }: ApiDependencies): UnitSituation {
  return {
    unit: name.full,
    isTemplate: name.isTemplate,
    record: stored.record,
    places: whereUnitIs(mirror.view, name.full),
    outcome: mirror.view.outcomes.get(name.full),
    nowMs: clock.now(),
    revision: stored.revision,
  };
}

/** fleet's order: the text that is given, the unit that is stored, its stored template, the template that is given. */
function readFile(name: UnitName, submitted: SubmittedUnit, view: ClusterView): CheckedUnit | undefined {
  if (submitted.text !== undefined) return checkUnitFile(name.full, submitted.text);
  if (view.units.has(name.full)) return undefined;
  const template = name.template === undefined ? undefined : view.units.get(name.template);
  const text = (template && view.files.get(template.file)) ?? submitted.templateText;
  if (text === undefined) throw unitNotFound(name.full);
  return checkUnitFile(name.full, text);
}

async function finish(prepared: readonly Prepared[], dependencies: ApiDependencies): Promise<UnitResult[]> {
  const intents = prepared.flatMap(({ intent }) => (intent === undefined ? [] : [intent]));
  const committed = await commitUnits(intents, dependencies);
  const byUnit = new Map(committed.map((one) => [one.unit, one]));
  return prepared.map((one) => toResult(one, byUnit.get(one.unit)));
}

function toResult({ unit, error, warnings }: Prepared, committed: Committed | undefined): UnitResult {
  const decision: Decision | undefined =
    error === undefined ? committed?.decision : { kind: "refused", error };
  const nothing = { unit, desired: null, launch: 0, hash: null, warnings, error: null };
  if (decision === undefined || decision.kind === "delete") return { ...nothing, status: "changed" };
  if (decision.kind === "refused") {
    return { ...nothing, status: "refused", error: decision.error.toJSON() };
  }
  const { desired, launch, file } = decision.record;
  const status = decision.kind === "write" ? "changed" : "unchanged";
  return { ...nothing, status, desired, launch, hash: file };
}
