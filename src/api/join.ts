/**
 * Letting a machine into the cluster: whoever has a good token gets a certificate for the machine it says it is, as long
 * as no other is that machine.
 */
import { FlotillaError } from "#base/errors.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import type { StoreAccess } from "#model/records.ts";
import { machineRemoved } from "#trust/identity.ts";
import { machineProfile } from "#trust/profiles.ts";
import { keyOfRequest, signCertificate } from "#trust/signing.ts";
import { readAuthorities } from "./authorities.ts";
import type { ApiDependencies } from "./dependencies.ts";
import { checkJoinToken, useJoinToken } from "./tokens.ts";
import type { Joined, JoinRequest } from "./trust-bodies.ts";

/** As much as a certificate begins before it is made. */
const CLOCKS_MAX_MS = 5 * 60_000;
/** So many addresses of APIs are plenty to begin with. */
const APIS_MAX = 16;

/** @throws FlotillaError `not-authenticated`, `not-permitted`, `conflict`; the token is used only where all else is right */
export async function admitMachine(asked: JoinRequest, dependencies: ApiDependencies): Promise<Joined> {
  const { store, mirror, clock, log } = dependencies;
  // Nothing is told of the cluster to whoever has no token.
  await checkJoinToken(asked.token, dependencies);
  checkClocks(asked.nowMs, clock.now());
  checkMachine(asked.machine, mirror.view);
  const { machines, people } = await readAuthorities(store);
  const key = keyOfRequest(asked.request);
  const { cluster } = mirror.view;
  if (cluster === undefined) throw new FlotillaError("store-unavailable", "the store does not answer");
  const { id, name, address, hosts } = asked.machine;
  const profile = machineProfile({ clusterId: cluster.id, id, name }, [address, ...hosts], clock.now());
  await useJoinToken(asked.token, dependencies);
  const certificate = signCertificate(machines, key, profile);
  log.info({ machine: id, name, address, token: asked.token.id }, "let a machine into the cluster");
  return {
    clusterId: cluster.id,
    clusterName: cluster.name,
    certificate,
    machinesCa: machines.certificate,
    peopleCa: people.certificate,
    store: accessFor(dependencies),
    apis: [...mirror.view.machines.values()].slice(0, APIS_MAX).map(({ api }) => api),
  };
}

/** To a store of the cluster's own the machine shows its own certificate; paths of this machine's mean nothing there. */
function accessFor({ mirror, storeAccess }: ApiDependencies): StoreAccess {
  const access = storeAccess();
  const isForeign = mirror.view.store !== undefined && mirror.view.store.members.length === 0;
  return isForeign ? access : { endpoints: access.endpoints };
}

/** Pure. @throws FlotillaError `not-authenticated` */
export function checkClocks(theirsMs: number, oursMs: number): void {
  if (Math.abs(theirsMs - oursMs) <= CLOCKS_MAX_MS) return;
  const [theirs, ours] = [theirsMs, oursMs].map((ms) => new Date(ms).toISOString());
  throw new FlotillaError(
    "not-authenticated",
    `the clocks differ: it is ${theirs} on the machine that joins, ${ours} on the one that was asked`,
    { hint: "certificates are good for a time, so clocks must agree: set them, best by NTP, and try again" },
  );
}

/** Pure: whether the machine may be who it says. @throws FlotillaError `conflict`, `not-permitted` */
export function checkMachine(
  { id, name, address }: Pick<JoinRequest["machine"], "id" | "name" | "address">,
  view: Pick<ClusterView, "machines" | "machineNames" | "revoked">,
): void {
  const revoked = view.revoked.get(id);
  if (revoked !== undefined) throw machineRemoved(revoked.name);
  const same = view.machines.get(id);
  if (same !== undefined) throw clonedMachine(id, { name, address }, same);
  const named = [...view.machines.values()].find((one) => one.name === name);
  if (named === undefined) return;
  throw new FlotillaError("conflict", `there is a machine ${name} already, at ${named.address}`, {
    hint: "give this one another name: flotilla join … --machine-name NAME",
  });
}

interface Shown {
  readonly name: string;
  readonly address: string;
}

/** Two machines with one machine ID. */
export function clonedMachine(id: string, here: Shown, there: Shown): FlotillaError {
  return new FlotillaError(
    "conflict",
    `${here.name} at ${here.address} has the machine ID of ${there.name} at ${there.address}, which is present: ${id}`,
    {
      causes: ["one was probably copied from the other, with its state directory"],
      hint: "on the copy: remove the file machine-id in the state directory (/var/lib/flotilla unless --dir says otherwise), and join it",
    },
  );
}
