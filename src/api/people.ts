/** Certificates of people: made for whoever an admin names, and refused from then on when they are taken back. */
import { FlotillaError } from "#base/errors.ts";
import { keys, revokedPerson } from "#model/keys.ts";
import type { RevokedRecord } from "#model/trust-records.ts";
import { putJson } from "#store/ops.ts";
import { PERSON_NAME } from "#trust/identity.ts";
import { LIFETIMES, personProfile } from "#trust/profiles.ts";
import { keyOfRequest, signCertificate } from "#trust/signing.ts";
import { readAuthorities } from "./authorities.ts";
import type { ApiDependencies } from "./dependencies.ts";
import type { PersonCreate, PersonCreated } from "./trust-bodies.ts";
import { awaitMirror } from "./unit-commit.ts";

/** So many addresses of APIs are plenty. */
const APIS_MAX = 16;

/** @throws FlotillaError `bad-request`, `conflict` for a name that was taken back, `unsupported` in a cluster without authorities */
export async function createPerson(
  { name, role, request, ttlMs }: PersonCreate,
  { store, mirror, clock }: ApiDependencies,
): Promise<PersonCreated> {
  checkName(name);
  if (mirror.view.revoked.has(revokedPerson(name))) throw takenBack(name);
  const { machines, people } = await readAuthorities(store);
  const { cluster } = mirror.view;
  if (cluster === undefined) throw new FlotillaError("store-unavailable", "the store does not answer");
  const key = keyOfRequest(request);
  const lifetimes = { ...LIFETIMES, personMs: ttlMs ?? LIFETIMES.personMs };
  const profile = personProfile({ clusterId: cluster.id, name, role }, clock.now(), lifetimes);
  return {
    name,
    role,
    clusterName: cluster.name,
    certificate: signCertificate(people, key, profile),
    machinesCa: machines.certificate,
    apis: [...mirror.view.machines.values()].slice(0, APIS_MAX).map(({ api }) => api),
    expiresMs: profile.validity.to.getTime(),
  };
}

/** Every certificate of that name is refused from then on, whichever machine has signed it and whenever. */
export async function revokePerson(name: string, dependencies: ApiDependencies): Promise<void> {
  checkName(name);
  const nowMs = dependencies.clock.now();
  const record: RevokedRecord = { name, revokedMs: nowMs, untilMs: nowMs + LIFETIMES.personMs };
  const success = [putJson(keys.revoked(revokedPerson(name)), record)];
  const { header } = await dependencies.store.txn({ compare: [], success, failure: [] });
  await awaitMirror(header.revision, dependencies);
}

function checkName(name: string): void {
  if (PERSON_NAME.test(name)) return;
  throw new FlotillaError("bad-request", `"${name}" is not a name for a person`, {
    hint: "use letters, digits, '.', '_', '-' and '@', at most 63",
  });
}

function takenBack(name: string): FlotillaError {
  return new FlotillaError(
    "conflict",
    `certificates of ${name} were taken back, and any of that name is refused`,
    {
      hint: "choose another name, such as one with a number behind it",
    },
  );
}
