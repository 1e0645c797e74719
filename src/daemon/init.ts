/**
 * `flotilla init`: a directory becomes that of a new cluster's first machine.
 *
 * Nothing is started and nobody is asked. What it makes is there whole or not at all, so that it may be interrupted
 * anywhere and run again.
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomId } from "#base/random.ts";
import { describeFileError, makeDirectories } from "#host/files.ts";
import type { Authority, TrustRecord } from "#model/trust-records.ts";
import { machineProfile, personProfile } from "#trust/profiles.ts";
import { newAuthority, newKey, signCertificate } from "#trust/signing.ts";
import { readTrust, writeTrust } from "#trust/trust-directory.ts";
import { readMachineId } from "./identity.ts";
import { lockDirectory } from "./lock.ts";

export interface Founding {
  /** The daemon's. */
  readonly directory: string;
  readonly clusterName: string;
  /** What the machine is called. */
  readonly name: string;
  /** IP address that other machines reach it by. */
  readonly address: string;
  readonly apiPort: number;
  /** Who founds the cluster and is its first admin. */
  readonly person: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** The first admin's way in, as PEM. */
export interface AdminCredentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface Founded {
  readonly clusterId: string;
  readonly machine: string;
  /** Where its API will be. */
  readonly api: string;
  readonly admin: AdminCredentials;
}

/** @throws FlotillaError `conflict`, `state-dir-in-use`, `not-permitted`, `disk-full`; nothing has changed then */
export async function foundDirectory(founding: Founding): Promise<Founded> {
  const { directory, clock, random } = founding;
  // Told first: of a machine of a cluster the daemon runs, and holds the directory.
  await checkFree(directory);
  await makeDirectories(directory).catch((error: unknown) => {
    throw describeFileError(error, directory);
  });
  const lock = await lockDirectory(directory);
  try {
    await checkFree(directory);
    const clusterId = randomId(random);
    const machine = await readMachineId(directory, random);
    const authorities: TrustRecord = {
      machines: newAuthority(`Flotilla machines ${clusterId}`, clock.now()),
      people: newAuthority(`Flotilla people ${clusterId}`, clock.now()),
    };
    const admin = await adminOf(founding, clusterId, authorities);
    await writeFiles(founding, clusterId, machine, authorities);
    return { clusterId, machine, admin, api: apiUrl(founding.address, founding.apiPort) };
  } finally {
    lock.release();
  }
}

/** @throws FlotillaError `conflict` where the directory is of a cluster already */
async function checkFree(directory: string): Promise<void> {
  const trust = await readTrust(directory);
  if (trust !== undefined) {
    const { clusterId, clusterName } = trust.cluster;
    throw new FlotillaError(
      "conflict",
      `this machine belongs to cluster ${clusterName} (${clusterId}) already`,
      {
        hint: "flotilla leave takes it out of that cluster first",
      },
    );
  }
  const found = ["store", "store.json"].find((name) => existsSync(join(directory, name)));
  if (found === undefined) return;
  throw new FlotillaError("conflict", `there is a store of a cluster without certificates in ${directory}`, {
    hint: `move ${join(directory, found)} elsewhere, or choose another directory with --dir`,
  });
}

async function writeFiles(
  { directory, clusterName, name, address, apiPort, clock }: Founding,
  clusterId: string,
  machine: string,
  authorities: TrustRecord,
): Promise<void> {
  const key = newKey();
  const profile = machineProfile({ clusterId, id: machine, name }, [address, hostname()], clock.now());
  await writeTrust(directory, {
    machinesCa: authorities.machines.certificate,
    peopleCa: authorities.people.certificate,
    certificate: signCertificate(authorities.machines, key, profile),
    key,
    cluster: {
      format: 1,
      clusterId,
      clusterName,
      name,
      address,
      store: [],
      apis: [apiUrl(address, apiPort)],
    },
    authorities: JSON.stringify(authorities),
  });
}

async function adminOf(
  { person: name, clock }: Founding,
  clusterId: string,
  { machines, people }: { readonly machines: Authority; readonly people: Authority },
): Promise<AdminCredentials> {
  const key = newKey();
  const profile = personProfile({ clusterId, name, role: "admin" }, clock.now());
  return { ca: machines.certificate, certificate: signCertificate(people, key, profile), key };
}

function apiUrl(address: string, port: number): string {
  return `https://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
