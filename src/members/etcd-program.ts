/** The etcd programs of a machine: where they are and which version. */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { FlotillaError } from "#base/errors.ts";

/** The oldest version with learners that this was tried with. */
const MIN_VERSION = [3, 4] as const;
const VERSION_TIMEOUT_MS = 10_000;
/** For what works on whole stores, of gigabytes on a slow disk. */
const WORK_TIMEOUT_MS = 600_000;
/** Looked at beside PATH, which services often have a short one of. */
const FOLDERS = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/usr/local/sbin", "/opt/etcd"];

export interface EtcdProgram {
  readonly path: string;
  /** `3.4.23` */
  readonly version: string;
}

/** @throws FlotillaError `unsupported`, with the package to install. */
export async function findEtcd(environment: NodeJS.ProcessEnv, machine: string): Promise<EtcdProgram> {
  const path = await findProgram("etcd", environment);
  if (path === undefined) throw notInstalled("etcd", machine);
  const version = parseEtcdVersion(await run(path, ["--version"], process.env, VERSION_TIMEOUT_MS));
  if (version === undefined || !isSupported(version)) {
    throw new FlotillaError(
      "unsupported",
      `${path} on ${machine} is etcd ${version ?? "of an unknown version"}`,
      {
        hint: "etcd 3.4 or newer is needed: apt-get install etcd-server (Debian 12 or newer)",
      },
    );
  }
  return { path, version };
}

/** What makes a data directory out of a snapshot: `etcdutl` from 3.5 on, `etcdctl` before. @throws FlotillaError `unsupported` */
export async function findRestorer(environment: NodeJS.ProcessEnv, machine: string): Promise<string> {
  const found = (await findProgram("etcdutl", environment)) ?? (await findProgram("etcdctl", environment));
  if (found === undefined) throw notInstalled("etcdctl", machine);
  return found;
}

/** `3.4.23` from `etcd Version: 3.4.23`. Pure. */
export function parseEtcdVersion(text: string): string | undefined {
  return /etcd Version: (\d+\.\d+\.\d+\S*)/.exec(text)?.[1];
}

/** Pure. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]);
}

async function findProgram(name: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = [...(environment.PATH ?? "").split(delimiter).filter(Boolean), ...FOLDERS];
  for (const folder of folders) {
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** The output of a command. @throws FlotillaError `unsupported` when it fails. */
export function run(
  program: string,
  args: readonly string[],
  environment = process.env,
  timeoutMs = WORK_TIMEOUT_MS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, env: environment };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else {
        const said = (stderr.trim() || error.message).split("\n").slice(-3);
        reject(new FlotillaError("unsupported", `${program} ${args[0] ?? ""} failed`, { causes: said }));
      }
    });
  });
}

function notInstalled(program: string, machine: string): FlotillaError {
  const name = program === "etcd" ? "etcd-server" : "etcd-client";
  return new FlotillaError("unsupported", `${program} is not installed on ${machine}`, {
    hint: `install it there, then run this again: apt-get install ${name} (do not enable its own service)`,
  });
}
