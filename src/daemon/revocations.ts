/**
 * The list of removed machines' certificates beside the machine's own, for etcd: its members ask nobody who is a machine
 * still, but read such a list at each connection (`--client-crl-file`).
 */
import { writeFileAtomic } from "#host/files.ts";
import type { Authority, RevokedRecord } from "#model/trust-records.ts";
import { machineSerials } from "#trust/serials.ts";
import { signRevocations } from "#trust/signing.ts";
import type { Trust } from "#trust/trust-directory.ts";

/** @param removed by machine ID; what is no machine's ID is left out, since people do not get to the store */
export async function writeRevocations(
  trust: Trust,
  removed: ReadonlyMap<string, RevokedRecord>,
  authority: Authority,
  nowMs: number,
): Promise<void> {
  const serials = [...removed].flatMap(([id, { revokedMs, untilMs }]) =>
    // The oldest that is good yet was made as long before as the newest is good after.
    /^[0-9a-f]{32}$/.test(id) ? machineSerials(id, 2 * revokedMs - untilMs, revokedMs) : [],
  );
  await writeFileAtomic(trust.revocationsFile, signRevocations(authority, serials, nowMs));
}
