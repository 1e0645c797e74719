/** fleet's states of units: what systemd says of each, on each machine. `/state` and `/state/NAME`. */
import { createHash } from "node:crypto";
import type { ClusterView } from "#model/cluster-state.ts";
import type { UnitState } from "#model/records.ts";
import { whereUnitIs } from "#model/units.ts";
import { type Answer, answerJson } from "../answer.ts";
import type { ApiDependencies } from "../dependencies.ts";
import { FleetError } from "./answer.ts";
import { homeOf } from "./current-state.ts";
import { optionsOfText, textOfOptions } from "./options.ts";
import { pageOf } from "./page.ts";

interface FleetState {
  readonly hash?: string;
  readonly machineID: string;
  readonly name: string;
  readonly systemdActiveState: string;
  readonly systemdLoadState: string;
  readonly systemdSubState: string;
}

export interface StateQuery {
  readonly machineID?: string | undefined;
  readonly unitName?: string | undefined;
  readonly token: string | readonly string[] | undefined;
}

interface Stated {
  readonly name: string;
  readonly machine: string;
  readonly state: UnitState;
}

export function listStates(
  { machineID = "", unitName = "", token }: StateQuery,
  { mirror }: ApiDependencies,
): Answer {
  const wanted = allStates(mirror.view).filter(
    ({ name, machine }) => [machine, ""].includes(machineID) && [name, ""].includes(unitName),
  );
  const { items, next } = pageOf(wanted, token);
  const states = items.map((one) => fleetState(mirror.view, one));
  return answerJson({
    ...(next === undefined ? {} : { nextPageToken: next }),
    ...(states.length === 0 ? {} : { states }),
  });
}

/**
 * Of a unit on several machines, that of the one where it is; of a global unit, that of the first. fleetctl's start waits
 * for what is said here, and must not take a copy that is about to go for its own.
 */
export function getState(unit: string, { mirror: { view } }: ApiDependencies): Answer {
  const places = whereUnitIs(view, unit);
  const place = [homeOf(places), ...places].find((one) => one?.state !== undefined);
  if (place?.state === undefined) throw new FleetError(404, "unit state does not exist");
  return answerJson(fleetState(view, { name: unit, machine: place.machine, state: place.state }));
}

/** By unit, then by machine. */
function allStates(view: ClusterView): readonly Stated[] {
  const states = [...view.states].flatMap(([machine, units]) =>
    [...units].map(([name, state]) => ({ name, machine, state })),
  );
  return states.sort((a, b) => compare(a.name, b.name) || compare(a.machine, b.machine));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function fleetState(view: ClusterView, { name, machine, state }: Stated): FleetState {
  const text = view.files.get(state.file);
  return {
    ...(text === undefined ? {} : { hash: fleetHash(text) }),
    machineID: machine,
    name,
    systemdActiveState: state.active,
    systemdLoadState: state.load,
    systemdSubState: state.sub,
  };
}

/** SHA-1 of the text that fleet makes of the unit's options, as fleetctl computes it of a file. */
export function fleetHash(text: string): string {
  return createHash("sha1")
    .update(textOfOptions(optionsOfText(text)))
    .digest("hex");
}
