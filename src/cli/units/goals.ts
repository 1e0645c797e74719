/**
 * Whether a unit has come to what was asked for, from its rows. Pure.
 *
 * A row counts only when its machine reports the launch that was asked for: before that it shows the state of an
 * earlier one.
 */
import type { UnitRow } from "#api/bodies.ts";
import { messageOf, stateText } from "./state-text.ts";

/** What `flotilla wait --for` takes: states, whoever brought them about. */
export const AWAITED_STATES = ["active", "inactive", "failed", "finished", "gone"] as const;
export type AwaitedState = (typeof AWAITED_STATES)[number];

/** What a command has asked for, or a state that is waited for. */
export type Goal = "launched" | "loaded" | "stopped" | "unloaded" | AwaitedState;

export type Verdict =
  /** Not yet. */
  | { readonly kind: "waiting"; readonly text: string }
  | ({ readonly kind: "reached"; readonly text: string } & Settled)
  /** It ended otherwise. */
  | ({ readonly kind: "failed"; readonly text: string; readonly row: UnitRow } & Settled)
  /** It fits on no machine. */
  | ({ readonly kind: "unplaced"; readonly text: string; readonly row: UnitRow } & Settled);

/** `settled` is false while the end that is reported may still be that of an earlier launch. */
interface Settled {
  readonly settled: boolean;
}

/** @param rows every row of one unit */
export function judgeUnit(goal: Goal, rows: readonly UnitRow[]): Verdict {
  if (goal === "gone" || goal === "unloaded") {
    return rows.length === 0 ? reached(goal === "gone" ? "destroyed" : "unloaded") : waiting(rows);
  }
  if (rows.length === 0) {
    return goal === "inactive" ? reached("inactive") : { kind: "waiting", text: "on no machine" };
  }
  const judge = JUDGES[goal];
  const verdicts = rows.map(judge);
  const bad = verdicts.find((verdict) => verdict.kind === "failed" || verdict.kind === "unplaced");
  const late = verdicts.find((verdict) => verdict.kind === "waiting");
  const [first] = verdicts;
  const worst = bad ?? late ?? first ?? waiting(rows);
  if (worst.kind !== "reached" || verdicts.length === 1) return worst;
  const settled = verdicts.every((verdict) => verdict.kind === "reached" && verdict.settled);
  return reached(`${worst.text.split(" on ")[0]} on ${verdicts.length} machines`, settled);
}

const JUDGES: Readonly<Record<Exclude<Goal, "gone" | "unloaded">, (row: UnitRow) => Verdict>> = {
  launched: judgeLaunched,
  loaded: judgeLoaded,
  stopped: judgeStopped,
  active: (row) => isIn(row, row.active === "active", "active"),
  inactive: (row) => isIn(row, row.machine === null || row.active === "inactive", "inactive"),
  failed: (row) => isIn(row, row.active === "failed", "failed"),
  finished: (row) => isIn(row, row.finishedMs !== null, "finished"),
};

/** Whoever waits for a state does not ask how it comes about, so only time ends the waiting. */
function isIn(row: UnitRow, met: boolean, state: AwaitedState): Verdict {
  return met ? reached(`${state}${onMachine(row)}`) : waiting([row]);
}

function judgeLaunched(row: UnitRow): Verdict {
  if (row.finishedMs !== null) return reached(`finished${onMachine(row)}`);
  const nowhere = judgePlace(row);
  if (nowhere !== undefined) return nowhere;
  if (isUnloadable(row)) return failed(row, true);
  if (row.stateLaunch !== row.launch) return waiting([row]);
  if (row.active === "active") return reached(`active (${row.sub})${onMachine(row)}`);
  if (row.active === "failed") return failed(row, false);
  if (row.active === "inactive" && hasEnded(row)) {
    return row.result === "success" ? reached(`ended${onMachine(row)}`, false) : failed(row, false);
  }
  // Its machine has tried, and says why nothing was started.
  if (row.active === "inactive" && row.message !== null) return failed(row, false);
  return waiting([row]);
}

function judgeLoaded(row: UnitRow): Verdict {
  const nowhere = judgePlace(row);
  if (nowhere !== undefined) return nowhere;
  if (isUnloadable(row)) return failed(row, true);
  return row.load === null ? waiting([row]) : reached(`loaded${onMachine(row)}`);
}

/** A unit that is on no machine does not run. */
function judgeStopped(row: UnitRow): Verdict {
  const stopped = row.machine === null || row.active === "inactive" || row.active === "failed";
  return stopped ? reached(`stopped${onMachine(row)}`) : waiting([row]);
}

function judgePlace(row: UnitRow): Verdict | undefined {
  if (row.machine !== null) return undefined;
  if (row.unplaced === null) return { kind: "waiting", text: "waiting for a machine" };
  const { summary, final } = row.unplaced;
  return final ? { kind: "unplaced", text: summary, row, settled: true } : { kind: "waiting", text: summary };
}

function isUnloadable({ load }: UnitRow): boolean {
  return load === "bad-setting" || load === "error" || load === "not-found";
}

/** A unit that has never run is inactive as well: while it waits for others that it is ordered after. */
function hasEnded({ exitCode, exitSignal }: UnitRow): boolean {
  return exitCode !== null || exitSignal !== null;
}

function reached(text: string, settled = true): Verdict {
  return { kind: "reached", text, settled };
}

function waiting(rows: readonly UnitRow[]): Verdict {
  const [row] = rows;
  if (row === undefined) return { kind: "waiting", text: "" };
  const state = row.active === null ? "not reported yet" : stateText(row);
  return { kind: "waiting", text: `${state}${onMachine(row)}` };
}

function failed(row: UnitRow, settled: boolean): Verdict {
  return { kind: "failed", text: `${describeEnd(row)}${onMachine(row)}`, row, settled };
}

/** `failed (exit-code: exited with 3)`, in one phrase. */
export function describeEnd(row: UnitRow): string {
  const how =
    row.exitSignal !== null
      ? `ended by signal ${row.exitSignal}`
      : row.exitCode !== null
        ? `exited with ${row.exitCode}`
        : messageOf(row);
  const result = row.result === null || row.result === "success" ? isUnloadable(row) && row.load : row.result;
  const why = [result, how].filter(Boolean).join(": ");
  return `${row.active === "inactive" ? "inactive" : "failed"}${why === "" ? "" : ` (${why})`}`;
}

function onMachine(row: UnitRow): string {
  return row.machineName === null ? "" : ` on ${row.machineName}`;
}
