/** A rebalance proposed, and one asked for: the moves are stored, and the engine carries them out. */
import { FlotillaError } from "#base/errors.ts";
import { nameOfMachine } from "#model/cluster-state.ts";
import { keys } from "#model/keys.ts";
import type { RebalanceRecord } from "#model/records.ts";
import { planRebalance } from "#plan/rebalance/plan-rebalance.ts";
import { ifMissing, putJson } from "#store/ops.ts";
import type { RebalanceBody, RebalanceRequest } from "./bodies.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { awaitMirror, eventOp } from "./unit-commit.ts";

export function rebalanceNow(strict: boolean, { mirror, planContext }: ApiDependencies): RebalanceBody {
  const { view } = mirror;
  const { moves, machines } = planRebalance(view, planContext(), { strict });
  const name = (id: string): string => nameOfMachine(view, id);
  return {
    revision: String(mirror.revision),
    underWay: view.rebalance !== undefined,
    moves: moves.map((move) => ({ ...move, fromName: name(move.from), toName: name(move.to) })),
    machines: [...machines],
  };
}

/**
 * Asks for the moves of a plan, if they are still those that would be planned; resolves to the store's revision.
 * @throws FlotillaError `conflict` when the cluster has changed since, or a rebalance is under way
 */
export async function askRebalance(
  { moves, revision, strict }: RebalanceRequest,
  dependencies: ApiDependencies,
): Promise<{ readonly revision: string }> {
  const now = rebalanceNow(strict ?? false, dependencies);
  if (now.underWay) throw underWay();
  const changed = changesBetween(moves, now.moves);
  if (changed.length > 0) {
    throw new FlotillaError("conflict", `the cluster has changed since revision ${revision}`, {
      causes: changed.slice(0, 20),
      hint: "look at what it would be now: flotilla rebalance --plan",
    });
  }
  const { clock, store } = dependencies;
  const record: RebalanceRecord = {
    moves: now.moves.map(({ unit, from, to, reason }) => ({ unit, from, to, reason })),
    revision,
    askedMs: clock.now(),
  };
  const count = record.moves.length;
  const message = `the operator asked for a rebalance: ${count === 1 ? "1 unit moves" : `${count} units move`}`;
  const answer = await store.txn({
    compare: [ifMissing(keys.rebalance())],
    success: [putJson(keys.rebalance(), record), eventOp({ kind: "rebalance", message }, dependencies)],
    failure: [],
  });
  if (!answer.succeeded) throw underWay();
  await awaitMirror(answer.header.revision, dependencies);
  return { revision: String(answer.header.revision) };
}

function underWay(): FlotillaError {
  return new FlotillaError("conflict", "a rebalance is under way", {
    hint: "wait for its end: flotilla events -f",
    retryable: true,
  });
}

/** What differs between the moves that were planned and those that would be now, a line each. */
function changesBetween(planned: RebalanceRequest["moves"], now: RebalanceBody["moves"]): string[] {
  const asked = new Map(planned.map(({ unit, from, to }) => [unit, `${from} ${to}`]));
  const due = new Map(now.map(({ unit, from, to }) => [unit, `${from} ${to}`]));
  const gone = [...asked.keys()].filter((unit) => asked.get(unit) !== due.get(unit));
  const fresh = [...due.keys()].filter((unit) => !asked.has(unit));
  return [
    ...gone.map((unit) => `${unit} would ${due.has(unit) ? "now move otherwise" : "no longer move"}`),
    ...fresh.map((unit) => `${unit} would move, too`),
  ];
}
