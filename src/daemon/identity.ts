/** Who this machine is: an ID that stays with its directory, and one that is new for each start of the daemon. */
import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { type Random, randomId } from "#base/random.ts";
import { writeFileAtomic } from "#host/files.ts";
import type { MachineRecord } from "#model/records.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import type { DaemonConfig } from "./config.ts";

/** The machine ID kept in `directory`; a directory that has none is given one. */
export async function readMachineId(directory: string, random: Random): Promise<string> {
  const path = join(directory, "machine-id");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return makeMachineId(path, random);
  const id = text.trim();
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw new FlotillaError("bad-config", `${path} holds no machine ID: "${id.slice(0, 40)}"`, {
    hint: "it must be 32 hex digits on one line; remove the file to let the machine take a new identity",
  });
}

async function makeMachineId(path: string, random: Random): Promise<string> {
  const id = randomId(random);
  await writeFileAtomic(path, `${id}\n`, 0o644);
  return id;
}

/** Ids that belong to this start of this machine. */
export interface Identity {
  readonly machine: string;
  readonly instance: string;
  readonly bootId: string;
  readonly version: string;
  readonly startedMs: number;
}

/** The record by which the machine presents itself. */
export function describeMachine(
  config: DaemonConfig,
  identity: Identity,
  supervisor: Supervisor,
  apiPort: number,
): MachineRecord {
  return {
    id: identity.machine,
    instance: identity.instance,
    name: config.name,
    address: config.address,
    api: `${config.trust === undefined ? "http" : "https"}://${hostInUrl(config.address)}:${apiPort}`,
    metadata: config.metadata,
    capacity: {
      cpuMillis: config.cpuMillis ?? availableParallelism() * 1000,
      memoryBytes: config.memoryBytes ?? totalmem(),
    },
    version: identity.version,
    supervisor: supervisor.kind,
    notEnforced: [...supervisor.enforcement.notes],
    hasStore: config.store.kind === "embedded",
    startedMs: identity.startedMs,
    bootId: identity.bootId,
    leaseTtlS: config.leaseTtlS,
  };
}

function hostInUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** The kernel's ID of this boot, 32 hex digits. */
export async function readBootId(): Promise<string> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return text.trim().replaceAll("-", "");
}
