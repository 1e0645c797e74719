/** Taking a machine out of the cluster: its certificates are refused from then on, by every other. */
import { FlotillaError } from "#base/errors.ts";
import { type ClusterView, nameOfMachine } from "#model/cluster-state.ts";
import { keys } from "#model/keys.ts";
import type { RevokedRecord } from "#model/trust-records.ts";
import { deleteKey, putJson } from "#store/ops.ts";
import { LIFETIMES } from "#trust/profiles.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { findMachine } from "./machine-rows.ts";
import type { Removed } from "./trust-bodies.ts";
import { awaitMirror, eventOp } from "./unit-commit.ts";

/**
 * Removes a machine that is gone.
 * @param asked its ID, a beginning of it, or its name; of one that is not known any more, the whole ID
 * @throws FlotillaError `conflict` for one that is present, or that is part of the store
 */
export async function removeMachine(
  asked: string,
  force: boolean,
  dependencies: ApiDependencies,
): Promise<Removed> {
  const { view } = dependencies.mirror;
  const machine = findKnownMachine(asked, view);
  const name = nameOfMachine(view, machine);
  checkNoMember(machine, view);
  if (machine === dependencies.machineId) {
    throw new FlotillaError("conflict", `${name} is the machine that was asked`, {
      hint: "flotilla leave takes the machine it is typed on out of the cluster",
    });
  }
  if (view.machines.has(machine) && !force) {
    throw new FlotillaError("conflict", `${name} is present`, {
      hint: "flotilla leave, typed on that machine, moves its units first; --force removes it at once, and its units run on there",
    });
  }
  await revoke(machine, `${name} was removed from the cluster`, dependencies);
  return { machine, name };
}

/**
 * Takes the machine that was asked out of the cluster.
 * @throws FlotillaError `conflict` where it is part of the store; `unsupported` where nobody is checked
 */
export async function leaveCluster(now: boolean, dependencies: ApiDependencies): Promise<Removed> {
  const { machineId: machine, mirror, leave, access } = dependencies;
  const name = nameOfMachine(mirror.view, machine);
  if (access.kind === "unchecked") {
    throw new FlotillaError(
      "unsupported",
      "this machine is in no cluster that it could leave: nobody is checked",
      {
        hint: "stop its daemon with --on-exit stop",
      },
    );
  }
  if (!mirror.connected) {
    throw new FlotillaError("store-unavailable", "the cluster cannot be told: the store does not answer", {
      hint: "wait until it does; flotilla leave --force, with the daemon stopped, tells nobody",
      retryable: true,
    });
  }
  checkNoMember(machine, mirror.view);
  await leave(now, () => revoke(machine, `${name} left the cluster`, dependencies));
  return { machine, name };
}

/** Refuses its certificates from now on. The units that it has are the engine's, once its lease is gone. */
export async function revoke(machine: string, message: string, dependencies: ApiDependencies): Promise<void> {
  const { store, clock, mirror } = dependencies;
  const nowMs = clock.now();
  const name = nameOfMachine(mirror.view, machine);
  const record: RevokedRecord = { name, revokedMs: nowMs, untilMs: nowMs + LIFETIMES.machineMs };
  const { header } = await store.txn({
    compare: [],
    success: [
      putJson(keys.revoked(machine), record),
      deleteKey(keys.machineConfig(machine)),
      ...outlived(mirror.view, nowMs).map((id) => deleteKey(keys.revoked(id))),
      eventOp({ kind: "machine-removed", machine, message }, dependencies),
    ],
    failure: [],
  });
  await awaitMirror(header.revision, dependencies);
}

/** @throws FlotillaError `conflict` while the machine has the store or a part of it */
export function checkNoMember(
  machine: string,
  view: Pick<ClusterView, "machines" | "store" | "machineNames">,
): void {
  const member = view.store?.members.find((one) => one.machine === machine);
  if (member !== undefined) {
    throw new FlotillaError("conflict", `${member.name} is a member of the store`, {
      hint: `flotilla store remove ${member.name} first, or flotilla store replace ${member.name} OTHER`,
    });
  }
  const record = view.machines.get(machine);
  if (view.store !== undefined || record?.hasStore !== true) return;
  const other = [...view.machines.values()].find(({ id }) => id !== machine)?.name ?? "OTHER";
  throw new FlotillaError("conflict", `${record.name} has the cluster's store`, {
    hint: `flotilla store promote, flotilla store add ${other}, flotilla store remove ${record.name}; or, to end the cluster with it, stop the daemon and its units and: flotilla leave --force`,
  });
}

/** Removed machines whose certificates have all ended by themselves; some at a time. */
function outlived({ revoked }: ClusterView, nowMs: number): readonly string[] {
  return [...revoked]
    .filter(([, { untilMs }]) => untilMs < nowMs)
    .slice(0, 32)
    .map(([id]) => id);
}

function findKnownMachine(asked: string, view: ClusterView): string {
  if (/^[0-9a-f]{32}$/.test(asked)) return asked;
  const named = [...view.machineNames].filter(([, name]) => name === asked).map(([id]) => id);
  const [only, ...others] = named;
  return only !== undefined && others.length === 0 ? only : findMachine(view, asked);
}
