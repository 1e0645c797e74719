/**
 * Turns the steps of a cluster plan into transactions.
 *
 * Invariants: every transaction is guarded by the engine's seat; what is decided about one unit goes in one
 * transaction, so that a move is never seen half; a unit's decision is guarded by the record it was made from, an
 * assignment by its machine's presence, a move off a lost machine by its absence; the event that tells of a decision is written with it.
 */

import { keys } from "#model/keys.ts";
import type { ClusterEvent } from "#model/records.ts";
import type { ClusterStep } from "#plan/cluster-plan.ts";
import { deleteKey, ifExists, ifMissing, ifModRevision, putJson } from "#store/ops.ts";
import type { Compare, RequestOp, Revision, TxnRequest } from "#store/store.ts";

/** Room below the store's limit of operations (and of guards) in one transaction. */
const MAX_PER_TXN = 120;

export interface CommitContext {
  readonly seatGuard: Compare;
  /** Revision of a key's last change as the plan's view has it; undefined when there was no such key. */
  readonly modRevision: (key: string) => Revision | undefined;
  readonly machineName: (machine: string) => string;
  /** Whether the unit is on the machine already: then a new assignment only carries on what the operator asked for. */
  readonly isAssigned: (unit: string, machine: string) => boolean;
  readonly nowMs: number;
  readonly eventId: () => string;
}

interface Change {
  readonly guards: readonly Compare[];
  readonly operations: readonly RequestOp[];
}

/** The transactions that carry out the steps, in order. */
export function toTransactions(steps: readonly ClusterStep[], context: CommitContext): readonly TxnRequest[] {
  const changes = [...groupByUnit(steps).values()].map((group) => toChange(group, context));
  const transactions: TxnRequest[] = [];
  let compare: Compare[] = [context.seatGuard];
  let success: RequestOp[] = [];
  for (const change of changes) {
    const full = success.length + change.operations.length > MAX_PER_TXN;
    if ((full || compare.length + change.guards.length > MAX_PER_TXN) && success.length > 0) {
      transactions.push({ compare, success, failure: [] });
      compare = [context.seatGuard];
      success = [];
    }
    compare.push(...change.guards);
    success.push(...change.operations);
  }
  if (success.length > 0) transactions.push({ compare, success, failure: [] });
  return transactions;
}

/** A global unit's steps may be many; they are independent of each other and so are grouped by machine as well. */
function groupByUnit(steps: readonly ClusterStep[]): Map<string, ClusterStep[]> {
  const moving = new Set(steps.flatMap((step) => (isOfMove(step) ? [step.unit] : [])));
  const groups = new Map<string, ClusterStep[]>();
  for (const step of steps) {
    const key = groupOf(step, moving);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [step]);
    else group.push(step);
  }
  return groups;
}

/** What is noted of a move that failed goes with what is done about it. */
function isOfMove(step: ClusterStep): step is Extract<ClusterStep, { kind: "assign" }> {
  return step.kind === "assign" && (step.from !== undefined || step.assignment.failedMoves !== undefined);
}

function groupOf(step: ClusterStep, moving: ReadonlySet<string>): string {
  if (step.kind === "collect-file") return `file ${step.file}`;
  if (step.kind === "close-rebalance") return step.kind;
  return moving.has(step.unit) ? `unit ${step.unit}` : `unit ${step.unit} on ${step.machine}`;
}

function toChange(steps: readonly ClusterStep[], context: CommitContext): Change {
  const guards = new Map<string, Compare>();
  const operations: RequestOp[] = [];
  const left = new Set(
    steps.flatMap((step) => (step.kind === "assign" && step.from !== undefined ? [step.from] : [])),
  );
  for (const step of steps) {
    for (const [name, guard] of guardsOf(step, context)) guards.set(name, guard);
    operations.push(operationOf(step));
    const event = eventOf(step, left, context);
    if (event !== undefined) operations.push(putJson(keys.event(event.timeMs, context.eventId()), event));
    if (step.kind === "assign" && step.from !== undefined && !takenAway(steps, step.from)) {
      operations.push(deleteKey(keys.assignment(step.from, step.unit)));
    }
  }
  return { guards: [...guards.values()], operations };
}

function takenAway(steps: readonly ClusterStep[], machine: string): boolean {
  return steps.some((step) => step.kind === "unassign" && step.machine === machine);
}

function guardsOf(step: ClusterStep, context: CommitContext): readonly (readonly [string, Compare])[] {
  // A file that nothing referred to may just have been submitted again, which writes it anew.
  if (step.kind === "collect-file") return [unchanged(keys.file(step.file), context)];
  if (step.kind === "close-rebalance") return [unchanged(keys.rebalance(), context)];
  const guards = [unchanged(keys.unit(step.unit), context)];
  if (step.kind === "assign") {
    const machine = keys.machine(step.machine);
    guards.push([machine, ifExists(machine)]);
    if (step.from !== undefined) guards.push(...stillGone(step.from, context));
  }
  return guards;
}

/** A unit leaves a lost machine only if that has not come back meanwhile: it may have started the unit again. */
function stillGone(machine: string, context: CommitContext): readonly (readonly [string, Compare])[] {
  const key = keys.machine(machine);
  return context.modRevision(key) === undefined ? [[key, ifMissing(key)]] : [];
}

function unchanged(key: string, context: CommitContext): readonly [string, Compare] {
  const revision = context.modRevision(key);
  return [key, revision === undefined ? ifMissing(key) : ifModRevision(key, revision)];
}

function operationOf(step: ClusterStep): RequestOp {
  switch (step.kind) {
    case "assign":
      return putJson(keys.assignment(step.machine, step.unit), step.assignment);
    case "unassign":
      return deleteKey(keys.assignment(step.machine, step.unit));
    case "collect-file":
      return deleteKey(keys.file(step.file));
    case "close-rebalance":
      return deleteKey(keys.rebalance());
  }
}

function eventOf(
  step: ClusterStep,
  left: ReadonlySet<string>,
  context: CommitContext,
): ClusterEvent | undefined {
  const timeMs = context.nowMs;
  if (step.kind === "close-rebalance")
    return { timeMs, kind: "rebalance", message: `the rebalance is over: ${step.reason}` };
  if (step.kind === "assign") {
    const { unit, machine, from, reason, assignment } = step;
    if (from === undefined && context.isAssigned(unit, machine)) return undefined;
    const to = context.machineName(machine);
    const first = assignment.movesFrom;
    const until = first === undefined ? "" : ` before it leaves ${context.machineName(first)}`;
    return from === undefined
      ? { timeMs, kind: "unit-placed", unit, machine, message: `${unit} placed on ${to}${until}: ${reason}` }
      : {
          timeMs,
          kind: "unit-moved",
          unit,
          machine,
          message: `${unit} moved from ${context.machineName(from)} to ${to}: ${reason}`,
        };
  }
  if (step.kind === "unassign" && !left.has(step.machine)) {
    const { unit, machine, reason } = step;
    const message = `${unit} taken off ${context.machineName(machine)}: ${reason}`;
    return { timeMs, kind: "unit-unplaced", unit, machine, message };
  }
  return undefined;
}
