/**
 * A machine ID belongs to one machine: before a machine takes its place in the cluster it looks whether another has it.
 *
 * A record of this machine that is there may be what its last daemon has left, which is gone with its lease. One that
 * was written elsewhere, and outlives its lease, is kept alive: this machine is a copy of that one, or that one of this.
 */
import { backoffDelayMs } from "#base/backoff.ts";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { keys } from "#model/keys.ts";
import { type MachineRecord, machineRecordSchema } from "#model/records.ts";
import { toBytes, toText } from "#store/keys.ts";
import { type Store, StoreError } from "#store/store.ts";

export interface OwnPlace {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly machine: MachineRecord;
  readonly signal: AbortSignal;
  /** The store is this very daemon's, which has just opened it: whoever kept this place alive there has gone with it. */
  readonly ownsStore: boolean;
  /** Told when the place is taken for now: nothing may be done in its name meanwhile. */
  readonly onTaken: () => void;
}

/** Leases end a little after their time. */
const MARGIN_MS = 2_000;

/**
 * Resolves when no other machine has this one's place; a store that does not answer is waited for.
 * @throws FlotillaError `conflict` when one has, and stays
 */
export async function awaitOwnPlace(place: OwnPlace): Promise<void> {
  const { clock, random, signal } = place;
  if (place.ownsStore) return;
  for (let failures = 1; ; failures += 1) {
    try {
      return await look(place);
    } catch (error) {
      if (!(error instanceof StoreError) || signal.aborted) throw error;
    }
    await sleep(clock, backoffDelayMs(failures, random, { firstMs: 50, maxMs: 1_000 }), signal);
  }
}

async function look(place: OwnPlace): Promise<void> {
  const { store, clock, machine, signal } = place;
  const found = await readRecord(place);
  if (found === undefined || isOwn(found.record, machine)) return;
  place.onTaken();
  const patience = new AbortController();
  const timer = clock.setTimer(found.record.leaseTtlS * 1_000 + MARGIN_MS, () => patience.abort());
  try {
    const watched = { key: toBytes(keys.machine(machine.id)), startRevision: found.revision + 1n };
    const ended = AbortSignal.any([signal, patience.signal]);
    for await (const response of store.watch(watched, { signal: ended }))
      if (response.kind === "events") return await look(place);
  } catch (error) {
    if (!patience.signal.aborted) throw error;
  } finally {
    timer.cancel();
  }
  signal.throwIfAborted();
  const now = await readRecord(place);
  if (now?.record.instance === found.record.instance) throw cloned(machine, now.record);
}

/** What the daemon before has written, on this same host. Pure. */
export function isOwn(record: MachineRecord, machine: MachineRecord): boolean {
  if (record.instance === machine.instance) return true;
  return record.bootId === machine.bootId && record.address === machine.address;
}

async function readRecord({
  store,
  machine,
  signal,
}: OwnPlace): Promise<{ readonly record: MachineRecord; readonly revision: bigint } | undefined> {
  const { kvs, header } = await store.range({ key: toBytes(keys.machine(machine.id)) }, { signal });
  const [kv] = kvs;
  if (kv === undefined) return undefined;
  return { record: machineRecordSchema.parse(JSON.parse(toText(kv.value))), revision: header.revision };
}

function cloned(here: MachineRecord, there: MachineRecord): FlotillaError {
  return new FlotillaError(
    "conflict",
    `${there.name} at ${there.address} has the machine ID of this machine, ${here.name} at ${here.address}: ${here.id}`,
    {
      causes: ["one was probably copied from the other, with its state directory"],
      hint: "on the copy, with its daemon stopped: flotilla leave --force, then flotilla join",
    },
  );
}
