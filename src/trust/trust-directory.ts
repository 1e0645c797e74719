/**
 * `DIR/trust`: what a machine is known by and what it believes, on its disk.
 *
 * trust/ owns certificates, tokens and this directory. Invariants: the directory is there whole or not at all (made
 * aside and renamed); keys are readable by their owner only. It must not listen, reach other machines, or know the store.
 */
import { X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { FlotillaError } from "#base/errors.ts";
import { describeFileError, makeDirectories, syncDirectory, writeFileAtomic } from "#host/files.ts";

const NAMES = {
  machinesCa: "machines-ca.crt",
  peopleCa: "people-ca.crt",
  certificate: "machine.crt",
  certificateBefore: "machine-before.crt",
  key: "machine.key",
  cluster: "cluster.json",
  authorities: "authorities.json",
  revocations: "revoked.crl",
} as const;

export const clusterFileSchema = z.object({
  format: z.literal(1),
  clusterId: z.string(),
  clusterName: z.string(),
  /** What others know this machine by. */
  name: z.string(),
  address: z.string(),
  /** Where the store was when the machine joined; empty on the machine that has it. */
  store: z.array(z.string()),
  /** Where APIs of the cluster are, to begin with. */
  apis: z.array(z.string()),
});
export type ClusterFile = Readonly<z.infer<typeof clusterFileSchema>>;

/** A machine's place in its cluster, as PEM. */
export interface TrustFiles {
  readonly machinesCa: string;
  readonly peopleCa: string;
  readonly certificate: string;
  readonly key: string;
  readonly cluster: ClusterFile;
  /** TrustRecord as JSON, for the store that is yet to be made; only on the machine that founds the cluster. */
  readonly authorities?: string;
}

export interface Trust extends TrustFiles {
  /** `DIR/trust`. */
  readonly directory: string;
  /** Paths for programs that read the files themselves, as etcd does, and for the store's client. */
  readonly paths: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  /** The certificate that the present one was renewed from, on a machine that has had one. */
  readonly certificateBefore?: string;
  /** Where the list of certificates is, or comes to be, that etcd is not to believe any more. */
  readonly revocationsFile: string;
}

export function trustDirectory(directory: string): string {
  return join(directory, "trust");
}

/**
 * What is in `DIR/trust`; undefined where the machine belongs to no cluster.
 * @param directory the daemon's
 * @throws FlotillaError `bad-config` for files that are damaged, `not-permitted` for those that may not be read
 */
export async function readTrust(directory: string): Promise<Trust | undefined> {
  const path = trustDirectory(directory);
  if (!(await isDirectory(path))) return undefined;
  const read = (name: string): Promise<string> => readPart(join(path, name));
  const [machinesCa, peopleCa, certificate, key, cluster] = await Promise.all(
    [NAMES.machinesCa, NAMES.peopleCa, NAMES.certificate, NAMES.key, NAMES.cluster].map(read),
  );
  const optional = (name: string): Promise<string | undefined> =>
    readFile(join(path, name), "utf8").catch(() => undefined);
  const authorities = await optional(NAMES.authorities);
  const certificateBefore = await optional(NAMES.certificateBefore);
  return {
    directory: path,
    machinesCa: checkCertificate(machinesCa, join(path, NAMES.machinesCa)),
    peopleCa: checkCertificate(peopleCa, join(path, NAMES.peopleCa)),
    certificate: checkCertificate(certificate, join(path, NAMES.certificate)),
    key: key ?? "",
    cluster: parseCluster(cluster ?? "", join(path, NAMES.cluster)),
    ...(authorities === undefined ? {} : { authorities }),
    ...(certificateBefore === undefined ? {} : { certificateBefore }),
    paths: {
      certFile: join(path, NAMES.certificate),
      keyFile: join(path, NAMES.key),
      caFile: join(path, NAMES.machinesCa),
    },
    revocationsFile: join(path, NAMES.revocations),
  };
}

/**
 * Makes `DIR/trust`, whole or not at all.
 * @throws FlotillaError `conflict` where there is one, `disk-full`, `not-permitted`
 */
export async function writeTrust(directory: string, files: TrustFiles): Promise<void> {
  const path = trustDirectory(directory);
  const fresh = `${path}.new`;
  try {
    await makeDirectories(directory);
    // What an interrupted one has left is of no use: its key was shown to nobody who counts.
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { mode: 0o700 });
    const write = (name: string, text: string): Promise<void> => writeFileAtomic(join(fresh, name), text);
    await write(NAMES.machinesCa, files.machinesCa);
    await write(NAMES.peopleCa, files.peopleCa);
    await write(NAMES.certificate, files.certificate);
    await write(NAMES.key, files.key);
    await write(NAMES.cluster, `${JSON.stringify(files.cluster, undefined, 2)}\n`);
    if (files.authorities !== undefined) await write(NAMES.authorities, files.authorities);
    await rename(fresh, path);
    await syncDirectory(directory);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true }).catch(() => undefined);
    throw isInTheWay(error) ? thereAlready(path) : describeFileError(error, path);
  }
}

/** rename(2) onto a directory that is not empty says either. */
function isInTheWay(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOTEMPTY" || code === "EEXIST";
}

function thereAlready(path: string): FlotillaError {
  return new FlotillaError("conflict", `this machine belongs to a cluster already, as ${path} says`, {
    hint: "to take it out of that cluster, run: flotilla leave",
  });
}

/** Puts a renewed certificate in the place of the one before, which is kept beside it; the key stays. */
export async function writeCertificate(trust: Trust, certificate: string): Promise<void> {
  await writeFileAtomic(join(trust.directory, NAMES.certificateBefore), trust.certificate);
  await writeFileAtomic(trust.paths.certFile, certificate);
}

/** Forgets the authorities' keys here, once they are in the store. */
export async function removeAuthorities(trust: Trust): Promise<void> {
  await rm(join(trust.directory, NAMES.authorities), { force: true });
  await syncDirectory(trust.directory);
}

async function readPart(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw unreadable(path, error);
  });
}

function unreadable(path: string, error: unknown): FlotillaError {
  const code = codeOf(error);
  const isDenied = code === "EACCES" || code === "EPERM";
  return new FlotillaError(isDenied ? "not-permitted" : "bad-config", `${path} cannot be read`, {
    causes: [error instanceof Error ? error.message : String(error)],
    hint: isDenied ? "run as root" : "restore the directory from a backup, or flotilla leave and join again",
    cause: error,
  });
}

function checkCertificate(pem: string | undefined, path: string): string {
  try {
    new X509Certificate(pem ?? "");
    return pem ?? "";
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function parseCluster(text: string, path: string): ClusterFile {
  try {
    return clusterFileSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function damaged(path: string, cause: unknown): FlotillaError {
  return new FlotillaError("bad-config", `${path} is damaged`, {
    causes: [cause instanceof Error ? cause.message : String(cause)],
    hint: "restore the directory from a backup, or flotilla leave and join again",
    cause,
  });
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const code = codeOf(error);
    // Who may not look does not know that there is none.
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw unreadable(path, error);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
