/**
 * `flotilla join`: a directory becomes that of a machine of a cluster that there is.
 *
 * Nothing is sent to a machine that is not of the token's cluster, and nothing is left half: until the directory of its
 * trust is there the machine belongs to nobody, and the command may be run again.
 */
import { hostname } from "node:os";
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import type { Random } from "#base/random.ts";
import { fetchAuthority } from "#client/authority.ts";
import { FlotillaClient } from "#client/client.ts";
import { parseEndpoint } from "#client/endpoint.ts";
import { describeFileError, makeDirectories } from "#host/files.ts";
import { newKey, newRequest } from "#trust/signing.ts";
import { parseToken } from "#trust/token.ts";
import { readTrust, writeTrust } from "#trust/trust-directory.ts";
import { readMachineId } from "./identity.ts";
import { lockDirectory } from "./lock.ts";
import { removeStoreChoice, saveStoreChoice } from "./store-file.ts";

export interface Joining {
  /** Of a machine's API: `https://HOST:PORT`. */
  readonly url: string;
  /** The token's text. */
  readonly token: string;
  /** The daemon's. */
  readonly directory: string;
  /** What the machine is called. */
  readonly name: string;
  /** IP address that other machines reach it by; undefined: that by which it reaches the cluster. */
  readonly address: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export interface JoinedCluster {
  readonly clusterId: string;
  readonly clusterName: string;
  readonly machine: string;
  readonly address: string;
}

/** @throws FlotillaError `conflict`, `not-authenticated`, `unreachable`, …; the machine belongs to no cluster then */
export async function joinDirectory(joining: Joining): Promise<JoinedCluster> {
  const { directory, random } = joining;
  // A slip in the token is told before anything is made.
  parseToken(joining.token);
  // Told first: of a machine of a cluster the daemon runs, and holds the directory.
  await checkFree(directory, joining.url);
  await makeDirectories(directory).catch((error: unknown) => {
    throw describeFileError(error, directory);
  });
  const lock = await lockDirectory(directory);
  try {
    await checkFree(directory, joining.url);
    return await ask(joining, await readMachineId(directory, random));
  } finally {
    lock.release();
  }
}

async function ask(joining: Joining, machine: string): Promise<JoinedCluster> {
  const { url, clock, name, signal, directory } = joining;
  const token = parseToken(joining.token);
  const endpoint = parseEndpoint(url);
  const { authority: ca, localAddress } = await fetchAuthority(endpoint, token.fingerprint, clock.now());
  const address = joining.address ?? localAddress;
  const key = newKey();
  const client = new FlotillaClient({ endpoint: url, credentials: { ca } });
  const request = {
    token: { id: token.id, secret: token.secret },
    request: newRequest(key),
    machine: { id: machine, name, address, hosts: [hostname()] },
    nowMs: clock.now(),
  };
  const joined = await client.join(request, signal).catch((error: unknown) => {
    throw notAnswered(error, url);
  });
  const { clusterId, clusterName, certificate, machinesCa, peopleCa, store, apis } = joined;
  // A store that wants other certificates than the machine's own, or a password, is remembered with them.
  const isForeign = store.tls !== undefined || store.user !== undefined;
  if (isForeign) await saveStoreChoice(directory, { format: 1, access: store });
  else await removeStoreChoice(directory);
  await writeTrust(directory, {
    ...{ machinesCa, peopleCa, certificate, key },
    cluster: { format: 1, clusterId, clusterName, name, address, store: [...store.endpoints], apis },
  });
  return { clusterId, clusterName, machine, address };
}

/** A machine of the cluster listens there, but perhaps with its store. */
function notAnswered(error: unknown, url: string): unknown {
  if (!(error instanceof FlotillaError) || error.code !== "unreachable") return error;
  return new FlotillaError("unreachable", `a machine of the cluster listens at ${url}, and does not answer`, {
    causes: error.causes,
    hint: "give its API's port, which is 7400 unless it is set otherwise; its daemon must run",
    retryable: true,
    cause: error,
  });
}

/** @throws FlotillaError `conflict` where the directory is of a cluster already */
async function checkFree(directory: string, url: string): Promise<void> {
  const trust = await readTrust(directory);
  if (trust === undefined) return;
  const { clusterId, clusterName } = trust.cluster;
  throw new FlotillaError(
    "conflict",
    `this machine belongs to cluster ${clusterName} (${clusterId}) already`,
    {
      causes: ["a machine belongs to one cluster at a time"],
      hint: `flotilla leave takes it out of that one; then flotilla join ${url} again`,
    },
  );
}
