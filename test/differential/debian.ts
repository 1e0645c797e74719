/**
 * Every unit file that a large set of Debian's packages ships, taken from the packages themselves.
 *
 * The files are not ours to publish, so they are fetched where the test runs, by apt-get, and kept in the user's cache:
 * only unit files and drop-ins, no program. What is there stays until the set of packages changes.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";

const PACKAGES: readonly string[] = [
  ...[
    "accountsservice",
    "acpid",
    "anacron",
    "apache2",
    "apparmor",
    "apt",
    "at",
    "auditd",
    "avahi-daemon",
    "bind9",
  ],
  ...[
    "bluez",
    "chrony",
    "collectd-core",
    "colord",
    "conntrackd",
    "console-setup",
    "corosync",
    "cron",
    "cups-browsed",
  ],
  ...["cups-daemon", "dbus", "deluged", "dnsmasq", "docker.io", "dovecot-core", "drbd-utils", "e2fsprogs"],
  ...["exim4-base", "fail2ban", "fwupd", "geoclue-2.0", "haproxy", "haveged", "hostapd", "ipset", "ipvsadm"],
  ...[
    "irqbalance",
    "keepalived",
    "libvirt-daemon-system",
    "lightdm",
    "lighttpd",
    "lm-sensors",
    "logrotate",
    "lvm2",
  ],
  ...["man-db", "mariadb-server", "mdadm", "memcached", "minidlna", "modemmanager", "monit", "mosquitto"],
  ...[
    "multipath-tools",
    "network-manager",
    "nfs-common",
    "nfs-kernel-server",
    "nftables",
    "nginx-common",
    "ntpsec",
  ],
  ...[
    "nut-server",
    "open-iscsi",
    "openssh-server",
    "openvpn",
    "pacemaker",
    "packagekit",
    "php8.2-fpm",
    "plymouth",
  ],
  ...[
    "podman",
    "polkitd",
    "postfix",
    "postgresql-common",
    "power-profiles-daemon",
    "prometheus-node-exporter",
  ],
  ...[
    "radvd",
    "redis-server",
    "rpcbind",
    "rsyslog",
    "rtkit",
    "samba",
    "samba-ad-dc",
    "smartmontools",
    "snmpd",
  ],
  ...["squid", "strongswan-starter", "switcheroo-control", "sysstat", "systemd", "systemd-container"],
  ...["systemd-oomd", "systemd-resolved", "systemd-timesyncd", "tftpd-hpa", "thermald", "tlp", "tor"],
  ...[
    "transmission-daemon",
    "udev",
    "udisks2",
    "ufw",
    "unattended-upgrades",
    "upower",
    "util-linux",
    "uwsgi",
  ],
  ...[
    "varnish",
    "vsftpd",
    "watchdog",
    "winbind",
    "wireguard-tools",
    "wpasupplicant",
    "xl2tpd",
    "zabbix-agent",
  ],
];

export interface ShippedFile {
  readonly package: string;
  /** The file's own name: `ssh.service`, or `10-x.conf` for a drop-in. */
  readonly name: string;
  readonly text: string;
}

/** All unit files and drop-ins of the set. Throws, saying what is needed, when they cannot be had. */
export async function shippedByDebian(): Promise<readonly ShippedFile[]> {
  const set = createHash("sha256").update(PACKAGES.join(" ")).digest("hex").slice(0, 12);
  const cache = join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
    "flotilla",
    `debian-units-${set}`,
  );
  if (!isThere(cache)) await fill(cache);
  return PACKAGES.flatMap((name) => readPackage(name, join(cache, name)));
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

async function fill(cache: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "flotilla-debian-"));
  try {
    download(directory);
    const archives = readdirSync(directory).filter((file) => file.endsWith(".deb"));
    const units = join(directory, "units");
    // Two at a time: unpacking is work for one processor each.
    const queue = archives.values();
    await Promise.all([unpackAll(queue, directory, units), unpackAll(queue, directory, units)]);
    keep(units, cache);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The whole set appears at once; of two that fill the cache at the same time one is as good as the other. */
function keep(units: string, cache: string): void {
  const beside = `${cache}.${process.pid}`;
  mkdirSync(join(cache, ".."), { recursive: true });
  cpSync(units, beside, { recursive: true });
  try {
    renameSync(beside, cache);
  } catch (error) {
    rmSync(beside, { recursive: true });
    if (!isThere(cache)) throw error;
  }
}

function download(directory: string): void {
  if (aptGet(["download", ...PACKAGES], directory) === undefined) return;
  // A fresh machine has no lists of packages yet.
  const updating = aptGet(["update"], directory);
  const downloading = aptGet(["download", ...PACKAGES], directory);
  if (downloading === undefined) return;
  throw new Error(
    "Debian's packages are needed to compare their unit files, and apt-get cannot fetch them: " +
      `${downloading}${updating === undefined ? "" : ` (apt-get update, which root must run once, says: ${updating})`}`,
  );
}

/** What went wrong, if anything. */
function aptGet(argv: readonly string[], cwd: string): string | undefined {
  const { error, status, stderr } = spawnSync("apt-get", ["--quiet", "--yes", ...argv], {
    cwd,
    encoding: "utf8",
  });
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split("\n").slice(-2).join(" "));
}

async function unpackAll(archives: Iterator<string>, directory: string, units: string): Promise<void> {
  for (let next = archives.next(); next.done !== true; next = archives.next()) {
    const name = next.value.split("_")[0] ?? "";
    await unpack(join(directory, next.value), join(units, name));
  }
}

/** Folders with unit files, with and without the merge of /lib into /usr/lib. */
const FOLDERS = [
  "./lib/systemd/system",
  "./usr/lib/systemd/system",
  "./lib/systemd/user",
  "./usr/lib/systemd/user",
];

async function unpack(archive: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  const dpkg = spawn("dpkg-deb", ["--fsys-tarfile", archive], { stdio: ["ignore", "pipe", "ignore"] });
  const patterns = FOLDERS.map((folder) => `${folder}/*`);
  const argv = ["--extract", "--directory", into, "--wildcards", "--no-same-owner", ...patterns];
  // tar complains of patterns that match nothing; whether files came is seen by whoever reads them.
  const tar = spawn("tar", argv, { stdio: [dpkg.stdout, "ignore", "ignore"] });
  // Only tar reads; as long as the stream is open here, too, nobody hears of its end.
  dpkg.stdout.destroy();
  await Promise.all([once(dpkg, "exit"), once(tar, "exit")]);
}

const UNIT_FILE = /\.(service|socket|timer|path|target|mount|automount|swap|slice)$/;

function readPackage(name: string, directory: string): readonly ShippedFile[] {
  if (!isThere(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const isWanted =
      UNIT_FILE.test(entry.name) || (entry.name.endsWith(".conf") && entry.parentPath.endsWith(".d"));
    if (!entry.isFile() || !isWanted) return [];
    const text = readFileSync(join(entry.parentPath, entry.name), "utf8");
    return [{ package: name, name: basename(entry.name), text }];
  });
}
