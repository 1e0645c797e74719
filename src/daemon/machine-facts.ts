/** What specifiers in unit files (`%H`, `%m`, `%h`, …) say of this machine, asked of the operating system once. */
import { readFileSync } from "node:fs";
import { arch, release, userInfo } from "node:os";
import { ANY_MACHINE, type MachineFacts } from "#unit/specifiers.ts";
import type { DaemonConfig } from "./config.ts";
import type { Identity } from "./identity.ts";

/** systemd's names for what Node calls the architecture (systemd.unit(5), ConditionArchitecture=). */
const ARCHITECTURES: Readonly<Partial<Record<NodeJS.Architecture, string>>> = {
  x64: "x86-64",
  arm64: "arm64",
  riscv64: "riscv64",
  ppc64: "ppc64-le",
  s390x: "s390x",
};

/** `%H` is the machine's name in the cluster, which is its host name unless the daemon was given another. */
export function readMachineFacts(config: DaemonConfig, identity: Identity): MachineFacts {
  const { username, uid, gid, homedir, shell } = userInfo();
  return {
    ...ANY_MACHINE,
    host: config.name,
    prettyHost: config.name,
    machineId: identity.machine,
    bootId: identity.bootId,
    kernel: release(),
    architecture: ARCHITECTURES[process.arch] ?? arch(),
    user: username,
    uid,
    gid,
    group: groupName(gid),
    home: homedir,
    shell: shell ?? "/bin/sh",
    osRelease: readOsRelease(),
  };
}

function groupName(gid: number): string {
  const line = readText("/etc/group")
    .split("\n")
    .find((entry) => entry.split(":")[2] === String(gid));
  return line?.split(":")[0] ?? String(gid);
}

/** `KEY=value` or `KEY="value"` a line (os-release(5)). */
function readOsRelease(): Readonly<Record<string, string>> {
  const lines = readText("/etc/os-release").matchAll(/^([A-Z_]+)=["']?(.*?)["']?$/gm);
  return Object.fromEntries([...lines].map(([, key = "", value = ""]) => [key, value]));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Minimal systems lack these files; the specifiers are then empty, as systemd has them.
    return "";
  }
}
