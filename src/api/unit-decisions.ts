/**
 * What a request does to one unit's record: decided from the record as it stands, as data with a reason. Pure.
 *
 * Semantics are fleet's, with its faults mended: a unit file is immutable and replaced only when that is asked for;
 * `stop` takes a unit back to loaded, `unload` to inactive; a start of a unit that has failed or finished runs it
 * again, because it raises `launch` (docs/decisions/0004).
 */
import { FlotillaError } from "#base/errors.ts";
import { LIMITS } from "#model/limits.ts";
import type { DesiredState, EventKind, Outcome, UnitRecord } from "#model/records.ts";
import type { UnitOnMachine } from "#model/units.ts";

/** What is known of a unit when a request for it is decided. */
export interface UnitSituation {
  readonly unit: string;
  readonly isTemplate: boolean;
  /** As it is stored; undefined when no unit of this name has been submitted. */
  readonly record: UnitRecord | undefined;
  readonly places: readonly UnitOnMachine[];
  readonly outcome: Outcome | undefined;
  readonly nowMs: number;
  /** The store's revision: a launch that is at least this high is new even to who knew an earlier unit of this name. */
  readonly revision: bigint;
}

/** A unit file that has been looked at and found good. */
export interface CheckedFile {
  readonly hash: string;
  readonly text: string;
}

export type Decision =
  | {
      readonly kind: "write";
      readonly record: UnitRecord;
      /** To be stored with the record; absent when the record's file is unchanged. */
      readonly file?: CheckedFile;
      readonly event: DecisionEvent;
    }
  | { readonly kind: "delete"; readonly event: DecisionEvent }
  | { readonly kind: "unchanged"; readonly record: UnitRecord }
  | { readonly kind: "refused"; readonly error: FlotillaError };

export interface DecisionEvent {
  readonly kind: EventKind;
  readonly message: string;
}

/** What `submit`, `load` and `start` ask for. */
export interface SubmitWish {
  /** Undefined: leave it as it is. */
  readonly desired: DesiredState | undefined;
  readonly replace: boolean;
  /** Undefined: the file that is stored. */
  readonly file: CheckedFile | undefined;
}

/** The hash of nothing: an empty file masks its unit. */
const MASKED_FILE = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export function decideSubmit(situation: UnitSituation, wish: SubmitWish): Decision {
  const { unit, record } = situation;
  if (situation.isTemplate && wish.desired !== undefined && wish.desired !== "inactive") {
    return refuse(templateNotStartable(unit));
  }
  if (wish.desired === "launched" && (wish.file?.hash ?? record?.file) === MASKED_FILE) {
    return refuse(unitMasked(unit));
  }
  if (record === undefined) return decideFirstSubmit(situation, wish);
  const file = wish.file?.hash === record.file ? undefined : wish.file;
  if (file !== undefined) {
    const refusal = refuseReplacement(situation, record, wish);
    if (refusal !== undefined) return refuse(refusal);
  }
  const desired = wish.desired ?? record.desired;
  const relaunch = wish.desired === "launched" && (file !== undefined || needsLaunch(situation, record));
  if (file === undefined && desired === record.desired && !relaunch) return { kind: "unchanged", record };
  return {
    kind: "write",
    record: {
      ...record,
      desired,
      launch: relaunch ? raiseLaunch(record.launch, situation.revision) : record.launch,
      changedMs: situation.nowMs,
      ...(file === undefined ? {} : withFile(record, file.hash, situation.nowMs)),
    },
    ...(file === undefined ? {} : { file }),
    event: {
      kind: file === undefined ? "unit-desired" : "unit-submitted",
      message: `${unit} ${file === undefined ? "was" : "was replaced by another unit file and"} asked to be ${desired}`,
    },
  };
}

function decideFirstSubmit(situation: UnitSituation, wish: SubmitWish): Decision {
  const { unit, nowMs, revision } = situation;
  if (wish.file === undefined) return refuse(unitNotFound(unit));
  const desired = wish.desired ?? "inactive";
  return {
    kind: "write",
    record: {
      file: wish.file.hash,
      desired,
      launch: desired === "launched" ? raiseLaunch(0, revision) : 0,
      changedMs: nowMs,
      history: [],
    },
    file: wish.file,
    event: {
      kind: "unit-submitted",
      message:
        desired === "inactive" ? `${unit} was submitted` : `${unit} was submitted and asked to be ${desired}`,
    },
  };
}

/** fleet's rule: each verb replaces only what it would itself have brought about. */
function refuseReplacement(
  situation: UnitSituation,
  record: UnitRecord,
  wish: SubmitWish,
): FlotillaError | undefined {
  const { unit } = situation;
  if (!wish.replace) {
    return new FlotillaError("unit-exists", `${unit} is already submitted with another text`, {
      causes: [`stored: ${record.file.slice(0, 7)}, given: ${wish.file?.hash.slice(0, 7)}`],
      hint: `give --replace to replace it; flotilla cat ${unit} shows what is stored`,
    });
  }
  const rank: Readonly<Record<DesiredState, number>> = { inactive: 0, loaded: 1, launched: 2 };
  if (rank[record.desired] <= rank[wish.desired ?? "inactive"]) return undefined;
  return new FlotillaError("conflict", `${unit} is ${record.desired}, so its file is not replaced under it`, {
    hint: `flotilla start --replace ${unit} replaces and restarts it; or unload it first`,
  });
}

function withFile(record: UnitRecord, hash: string, nowMs: number): Pick<UnitRecord, "file" | "history"> {
  const history = [{ file: record.file, replacedMs: nowMs }, ...record.history].slice(0, LIMITS.unitHistory);
  return { file: hash, history };
}

/** `stop` and `unload`: back to `desired`, for a unit that has gone further. */
export function decideRetreat(situation: UnitSituation, desired: "loaded" | "inactive"): Decision {
  const { unit, record } = situation;
  if (record === undefined) return refuse(unitNotFound(unit));
  if (record.desired === "inactive" && desired === "loaded") {
    return refuse(
      new FlotillaError("unit-not-loaded", `${unit} is not loaded, so there is nothing to stop`, {
        hint: `flotilla start ${unit} starts it`,
      }),
    );
  }
  if (record.desired === "loaded" && desired === "loaded" && isStartedByOthers(situation))
    return refuse(startedByOthers(unit));
  if (record.desired === "inactive" || record.desired === desired) return { kind: "unchanged", record };
  return {
    kind: "write",
    record: { ...record, desired, changedMs: situation.nowMs },
    event: { kind: "unit-desired", message: `${unit} was asked to be ${desired}` },
  };
}

/** A unit that nobody has launched runs all the same where a target, timer or socket beside it wants it. */
function isStartedByOthers({ places }: UnitSituation): boolean {
  return places.some(({ state }) => state?.launch === 0 && RUNNING.has(state.active));
}

function startedByOthers(unit: string): FlotillaError {
  return new FlotillaError(
    "conflict",
    `${unit} was not asked to run: another unit on its machine has started it`,
    {
      hint: `stop that one, such as its target or timer; or flotilla unload ${unit}, which takes it off its machine`,
    },
  );
}

/** `restart`: started anew, running or not. */
export function decideRestart(situation: UnitSituation): Decision {
  const { unit, record } = situation;
  if (record === undefined) return refuse(unitNotFound(unit));
  if (situation.isTemplate) return refuse(templateNotStartable(unit));
  if (record.file === MASKED_FILE) return refuse(unitMasked(unit));
  const launch = raiseLaunch(record.launch, situation.revision);
  return {
    kind: "write",
    record: { ...record, desired: "launched", launch, changedMs: situation.nowMs },
    event: { kind: "unit-desired", message: `${unit} was asked to restart` },
  };
}

export function decideDestroy(situation: UnitSituation): Decision {
  const { unit, record } = situation;
  if (record === undefined) return refuse(unitNotFound(unit));
  return { kind: "delete", event: { kind: "unit-destroyed", message: `${unit} was destroyed` } };
}

/**
 * Whether a start has anything to do: not for a unit that runs, comes up, or waits for a machine. Where one copy of
 * a global unit runs and another has failed, nothing is raised: that would restart the good one too.
 */
function needsLaunch(situation: UnitSituation, record: UnitRecord): boolean {
  if (record.desired !== "launched") return true;
  if (situation.outcome?.launch === record.launch) return true;
  const states = situation.places.flatMap((place) => (place.state === undefined ? [] : [place.state]));
  const pending = states.some((state) => state.launch < record.launch);
  const running = states.some((state) => RUNNING.has(state.active));
  return states.length > 0 && !pending && !running;
}

const RUNNING: ReadonlySet<string> = new Set(["active", "activating", "reloading"]);

/** The next launch. It never repeats, not even for a unit that is destroyed and submitted again. */
function raiseLaunch(launch: number, revision: bigint): number {
  return Math.max(launch + 1, Number(revision));
}

function refuse(error: FlotillaError): Decision {
  return { kind: "refused", error };
}

export function unitNotFound(unit: string): FlotillaError {
  return new FlotillaError("unit-not-found", `no unit ${unit} has been submitted`, {
    hint: "flotilla list-unit-files shows what has; to submit one, give the path of its file",
  });
}

/** systemd's words. */
function unitMasked(unit: string): FlotillaError {
  return new FlotillaError("unit-masked", `Unit ${unit} is masked.`, {
    hint: `its file is empty; to unmask it, submit one that is not: flotilla submit --replace ${unit}`,
  });
}

export function templateNotStartable(unit: string): FlotillaError {
  const example = unit.replace("@.", "@1.");
  return new FlotillaError("template-not-startable", `${unit} is a template, which cannot run by itself`, {
    hint: `name an instance of it, such as: flotilla start ${example}`,
  });
}
