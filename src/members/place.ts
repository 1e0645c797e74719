/** What a machine has for being a member of the store's etcd. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FlotillaError } from "#base/errors.ts";
import { toFlotillaError } from "#base/errors.ts";
import type { MemberPlace } from "#model/store-status.ts";
import { findEtcd } from "./etcd-program.ts";

/** Paths of PEM files of the machine. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** Certificates that are not to be believed any more. */
  readonly crlFile?: string | undefined;
}

/** What the daemon's settings say of it. */
export interface PlaceSettings {
  readonly machine: string;
  readonly name: string;
  readonly address: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** The daemon's. */
  readonly directory: string;
  readonly tls: TlsSettings | undefined;
  readonly quotaBytes: number;
  readonly historyMs: number;
}

/** Never fails: what is missing is part of the answer. */
export async function describePlace(
  settings: PlaceSettings,
  environment: NodeJS.ProcessEnv,
): Promise<MemberPlace> {
  const { machine, name, clientPort, peerPort, tls, quotaBytes, historyMs } = settings;
  const host = settings.address.includes(":") ? `[${settings.address}]` : settings.address;
  const scheme = tls === undefined ? "http" : "https";
  const found = await findEtcd(environment, name).catch(toFlotillaError);
  return {
    machine,
    name,
    clientUrl: `${scheme}://${host}:${clientPort}`,
    peerUrl: `${scheme}://${host}:${peerPort}`,
    directory: await freeDirectory(join(settings.directory, "etcd")),
    ...(tls === undefined ? {} : { tls: tlsThere(tls) }),
    quotaBytes,
    historyMs,
    ...("path" in found ? { program: found.path, version: found.version } : { lacks: describe(found) }),
  };
}

/** A list that is not there yet is left out: etcd would let nobody in. */
function tlsThere({ crlFile, ...tls }: TlsSettings): NonNullable<MemberPlace["tls"]> {
  return crlFile !== undefined && existsSync(crlFile) ? { ...tls, crlFile } : tls;
}

/** Data of an earlier membership is of no use to a new one, and is not deleted without being asked. */
async function freeDirectory(parent: string): Promise<string> {
  const taken = new Set(await readdir(parent).catch(() => []));
  for (let number = 1; ; number += 1) {
    const name = String(number);
    if (!taken.has(name)) return join(parent, name);
  }
}

function describe({ message, hint }: FlotillaError): string {
  return hint === undefined ? message : `${message}; ${hint}`;
}
