/** What this machine gives the commands of its units, beside what their unit files say. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Accounts } from "./accounts.ts";
import type { MissingFeatures } from "./features.ts";
import { sweepPrivateTmp } from "./private-tmp.ts";

export interface ExecHost {
  /** Whether the daemon may become other users. */
  readonly isRoot: boolean;
  /** The daemon's own environment, for PassEnvironment=. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly boot: string;
  readonly accounts: Accounts;
  /** Tried out when the supervisor started. */
  missing: MissingFeatures;
  /** Directories that stand behind mounts: made on first use. */
  sandboxDirectories(): { readonly staging: string; readonly inaccessible: string };
}

export function createExecHost(
  host: Pick<ExecHost, "isRoot" | "environment" | "boot"> & { readonly runDirectory: string },
): ExecHost {
  const { runDirectory, ...rest } = host;
  if (host.isRoot) sweepPrivateTmp(host.boot, ["/tmp", "/var/tmp"].filter(existsSync));
  return {
    ...rest,
    accounts: new Accounts(),
    missing: new Map(),
    sandboxDirectories: () => provideSandboxDirectories(join(runDirectory, "sandbox")),
  };
}

function provideSandboxDirectories(directory: string): { staging: string; inaccessible: string } {
  const staging = join(directory, "staging");
  const inaccessible = join(directory, "inaccessible");
  for (const path of [staging, inaccessible]) mkdirSync(path, { recursive: true, mode: 0o755 });
  for (const name of ["root", "dev"]) mkdirSync(join(staging, name), { recursive: true });
  mkdirSync(join(inaccessible, "directory"), { recursive: true });
  writeFileSync(join(inaccessible, "file"), "");
  for (const name of ["directory", "file"]) chmodSync(join(inaccessible, name), 0);
  return { staging, inaccessible };
}
