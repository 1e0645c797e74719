/** What planning jobs may know of a machine: a reading of its units and of the jobs that are queued. */
import type { ActiveState, LoadState } from "../../supervisor.ts";
import type { Atom } from "./atoms.ts";
import type { OrderedJob } from "./job-type.ts";

export interface UnitView {
  readonly load: LoadState;
  /** What is wrong with its file. */
  readonly problem?: string | undefined;
  readonly active: ActiveState;
  readonly canReload: boolean;
  /** It is always up: no job stops it. */
  readonly isPerpetual: boolean;
  readonly allowIsolate: boolean;
  readonly ignoreOnIsolate: boolean;
}

/** A job in the queue. A unit has one at most. */
export interface InstalledJob extends OrderedJob {
  /** Queued with replace-irreversibly: no other job takes its place. */
  readonly irreversible: boolean;
}

export interface MachineView {
  /** Names of all units, without aliases. */
  names(): Iterable<string>;
  /** Undefined: there is no such unit. */
  unit(name: string): UnitView | undefined;
  job(unit: string): InstalledJob | undefined;
  related(unit: string, atom: Atom): readonly string[];
}

export function activeOf(view: MachineView, unit: string): ActiveState {
  return view.unit(unit)?.active ?? "inactive";
}
