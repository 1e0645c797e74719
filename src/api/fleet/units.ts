/** fleet's units: `/units` and `/units/NAME`. */
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import { type DesiredState, desiredStateSchema, type UnitRecord } from "#model/records.ts";
import { whereUnitIs } from "#model/units.ts";
import { parseUnitName } from "#unit/name.ts";
import { type Answer, answerJson } from "../answer.ts";
import type { UnitResult } from "../bodies.ts";
import { type CheckedUnit, checkUnitFile } from "../check-unit.ts";
import type { ApiDependencies } from "../dependencies.ts";
import {
  type Decision,
  decideDestroy,
  decideRetreat,
  decideSubmit,
  type UnitSituation,
} from "../unit-decisions.ts";
import { changeUnits, submitUnits } from "../unit-requests.ts";
import { isGlobal } from "../unit-rows.ts";
import { answerEmpty, FleetError } from "./answer.ts";
import { currentState, homeOf } from "./current-state.ts";
import { optionsOfText, textOfOptions, type UnitOption } from "./options.ts";
import { pageOf } from "./page.ts";

/** What fleet shows of a unit; fields without a value are left out. */
interface FleetUnit {
  readonly currentState?: DesiredState;
  readonly desiredState: DesiredState;
  readonly machineID?: string;
  readonly name: string;
  readonly options: readonly UnitOption[];
}

const text = z.string().default("");
const wishSchema = z.object({
  name: text,
  desiredState: z.union([desiredStateSchema, z.literal("")]).default(""),
  options: z.array(z.object({ section: text, name: text, value: text })).nullish(),
});

export function listUnits(
  token: string | readonly string[] | undefined,
  dependencies: ApiDependencies,
): Answer {
  const { view } = dependencies.mirror;
  const names = [...view.units.keys()].sort();
  const { items, next } = pageOf(names, token);
  const units = items.flatMap((name) => fleetUnit(name, dependencies) ?? []);
  return answerJson({
    ...(next === undefined ? {} : { nextPageToken: next }),
    ...(units.length === 0 ? {} : { units }),
  });
}

export function getUnit(name: string, dependencies: ApiDependencies): Answer {
  const unit = fleetUnit(name, dependencies);
  if (unit === undefined) throw noUnit();
  return answerJson(unit);
}

function noUnit(): FleetError {
  return new FleetError(404, "unit does not exist");
}

function fleetUnit(name: string, { mirror, planContext, clock }: ApiDependencies): FleetUnit | undefined {
  const { view } = mirror;
  const record = view.units.get(name);
  if (record === undefined) return undefined;
  const options = optionsOfText(view.files.get(record.file) ?? "");
  const shown = { desiredState: record.desired, name, options };
  // Each machine decides on a global unit by itself, so fleet says of it neither where nor how far it is.
  if (isGlobal(name, record, planContext().placementOf)) return shown;
  return { ...shown, ...placeOf(view, name, record, clock.now()) };
}

function placeOf(
  view: ClusterView,
  name: string,
  record: UnitRecord,
  nowMs: number,
): Pick<FleetUnit, "currentState" | "machineID"> {
  const place = homeOf(whereUnitIs(view, name));
  const machineID = place === undefined ? {} : { machineID: place.machine };
  return { currentState: currentState(record, place, nowMs), ...machineID };
}

/** `PUT /units/NAME`: 201 where a unit was made or replaced, 204 where its desired state was set. */
export async function setUnit(name: string, body: unknown, dependencies: ApiDependencies): Promise<Answer> {
  const wish = readWish(name, body);
  const { view } = dependencies.mirror;
  const desired = wish.desiredState === "" ? undefined : wish.desiredState;
  const record = view.units.get(name);
  const given = wish.options ?? [];
  if (given.length === 0) return setDesired(name, desired, record, dependencies);
  const file = textOfOptions(given);
  const stored = record && textOfOptions(optionsOfText(view.files.get(record.file) ?? ""));
  if (stored === file) return setDesired(name, desired, record, dependencies);
  if (record === undefined)
    refuseFailed(await submitUnits([{ unit: name, text: file }], { desired, replace: false }, dependencies));
  else await replaceUnit(name, checkUnitFile(name, file), desired, dependencies);
  return answerEmpty(201);
}

function readWish(name: string, body: unknown): z.infer<typeof wishSchema> {
  parseUnitName(name);
  const read = wishSchema.safeParse(body);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new FleetError(400, `unable to decode body: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  if (read.data.name === "" || read.data.name === name) return read.data;
  throw new FleetError(
    400,
    `name in URL "${name}" differs from unit name in request body "${read.data.name}"`,
  );
}

async function setDesired(
  unit: string,
  desired: DesiredState | undefined,
  record: UnitRecord | undefined,
  dependencies: ApiDependencies,
): Promise<Answer> {
  if (record === undefined) throw new FleetError(409, "unit does not exist and options field empty");
  if (desired === undefined) throw new FleetError(409, "must provide DesiredState to update existing unit");
  refuseFailed(await submitUnits([{ unit }], { desired, replace: false }, dependencies));
  return answerEmpty(204);
}

/** fleet takes a unit that it replaces off its machine first, and fleetctl waits until it is. */
async function replaceUnit(
  unit: string,
  { file }: CheckedUnit,
  desired: DesiredState = "inactive",
  dependencies: ApiDependencies,
): Promise<void> {
  const decide = (situation: UnitSituation): Decision => {
    const retreated = decideRetreat(situation, "inactive");
    const record = "record" in retreated ? retreated.record : situation.record;
    return decideSubmit({ ...situation, record }, { desired, replace: true, file });
  };
  refuseFailed(await changeUnits([unit], decide, dependencies));
}

export async function destroyUnit(name: string, dependencies: ApiDependencies): Promise<Answer> {
  if (!dependencies.mirror.view.units.has(name)) throw noUnit();
  refuseFailed(await changeUnits([name], decideDestroy, dependencies));
  return answerEmpty(204);
}

function refuseFailed(results: readonly UnitResult[]): void {
  const error = results[0]?.error;
  if (error != null) throw new FlotillaError(error.code, error.message, error);
}
