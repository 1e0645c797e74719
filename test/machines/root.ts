/**
 * The Debian root that all machines of the tests share, read-only beneath a layer of each one's own.
 *
 * It is made by debootstrap from the mirror that this host's apt is configured with, of this host's release, once: it
 * stays in the user's cache under a name that follows from what it is made of. It appears there whole or not at all.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { cacheDirectory, whileLocked } from "./cache.ts";
import { type CommandResult, runToEnd } from "./nspawn.ts";

/** Beside what every Debian has: systemd itself, what the faults are made with, and what people look around with. */
const PACKAGES = "systemd systemd-sysv dbus iproute2 nftables procps libfaketime openssl".split(" ");

/** What a machine for tests has no use for: each costs time at every boot, or begins to work at some time of day. */
const MASKED = [
  "apt-daily.timer",
  "apt-daily-upgrade.timer",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "systemd-tmpfiles-clean.timer",
  "systemd-logind.service",
  "getty.target",
  "systemd-sysusers.service",
  "systemd-update-utmp.service",
  "systemd-update-utmp-runlevel.service",
];

const FILES: Readonly<Record<string, string>> = {
  // Empty, so that a machine without one of its own is given one at boot.
  "etc/machine-id": "",
  "etc/resolv.conf": "",
  "etc/hostname": "machine\n",
};

/** Without these it is no root that can be booted, whatever became of the rest. */
const PROOFS = ["usr/lib/systemd/systemd", "usr/bin/perl", "usr/sbin/nft", "var/lib/dpkg/status"];

/** The root's directory; makes it where there is none or what there is cannot be booted (a minute). */
export async function machineRoot(): Promise<string> {
  const { VERSION_CODENAME: release = "" } = parseEnv(readFileSync("/etc/os-release", "utf8"));
  const recipe = JSON.stringify({ release, PACKAGES, MASKED, FILES });
  const key = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  const cache = cacheDirectory();
  const root = join(cache, `debian-root-${key}`);
  if (isWhole(root)) return root;
  await whileLocked(join(cache, "debian-root.lock"), async () => {
    if (!isWhole(root)) await makeRoot(root, release);
  });
  return root;
}

function isWhole(root: string): boolean {
  return PROOFS.every((path) => existsSync(join(root, path)));
}

async function makeRoot(root: string, release: string): Promise<void> {
  const beside = `${root}.${process.pid}`;
  removeUnfinished(root);
  const options = ["--variant=minbase", "--merged-usr", `--include=${PACKAGES.join(",")}`];
  try {
    const made = await runToEnd(["debootstrap", ...options, release, beside, mirrorOf(release)]);
    if (made.exitCode !== 0)
      throw new Error(`debootstrap could not make the machines' root: ${tailOf(made)}`);
    finish(beside);
    rmSync(root, { recursive: true, force: true });
    renameSync(beside, root);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** What runs that were killed have left of theirs. */
function removeUnfinished(root: string): void {
  const parent = join(root, "..");
  for (const name of readdirSync(parent))
    if (/^debian-root-[0-9a-f]+\.\d+$/.test(name)) rmSync(join(parent, name), { recursive: true });
}

function finish(root: string): void {
  rmSync(join(root, "var/cache/apt/archives"), { recursive: true });
  for (const [path, text] of Object.entries(FILES)) {
    // Files of the host that debootstrap copied would differ from one to the next.
    rmSync(join(root, path), { force: true });
    writeFileSync(join(root, path), text);
  }
  const units = join(root, "etc/systemd/system");
  for (const name of MASKED) {
    rmSync(join(units, name), { force: true });
    symlinkSync("/dev/null", join(units, name));
  }
}

/** The URI from which this host's apt has its own release. */
function mirrorOf(release: string): string {
  const format = "$(SITE) $(CODENAME) $(COMPONENT) $(LABEL)";
  const targets = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const lines = String(targets)
    .split("\n")
    .map((line) => line.split(" "));
  const [mirror] = lines.find(([, ...rest]) => rest.join(" ") === `${release} main Debian`) ?? [];
  if (mirror === undefined) throw new Error(`apt is configured with no mirror of Debian's ${release}`);
  return mirror;
}

function tailOf({ stdout, stderr }: CommandResult): string {
  return `${stdout}${stderr}`.trim().split("\n").slice(-5).join("\n");
}
