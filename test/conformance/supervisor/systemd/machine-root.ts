/** The root directory of a machine that runs this host's own systemd: its /usr, and an /etc that says little. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const DIRECTORIES = [
  "etc/systemd/system",
  "usr",
  "proc",
  "sys",
  "dev",
  "run",
  "tmp",
  "var",
  "root",
  "scenarios",
];
const MERGED = ["bin", "sbin", "lib", "lib64"];

/** Keeps every unit of a scenario in memory; what nothing refers to, systemd forgets as soon as it is inactive. */
export const PINS = "pins.target";

const FILES: Readonly<Record<string, string>> = {
  "etc/machine-id": "",
  "etc/hostname": "oracle\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\n",
  "etc/systemd/system/oracle.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\n",
  // Programs of a scenario write many lines in a short time.
  "etc/systemd/journald.conf": "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n",
};

/** systemd-nspawn asks for these two before it has mounted /usr. */
const COPIED = {
  "etc/os-release": "/usr/lib/os-release",
  "etc/passwd": "/etc/passwd",
  "etc/group": "/etc/group",
};

/** What a machine for tests has no use for. */
const MASKED = ["systemd-logind.service", "systemd-tmpfiles-clean.timer"];
const BUS = ["dbus.service", "dbus.socket"];

export interface RootOptions {
  /** With a D-Bus daemon. */
  readonly bus?: boolean;
  /** Paths of this host that are to be seen inside. */
  readonly seen?: readonly string[];
}

export function makeRoot(root: string, { bus = false }: RootOptions = {}): void {
  for (const directory of DIRECTORIES) mkdirSync(join(root, directory), { recursive: true });
  for (const name of MERGED) symlinkSync(`usr/${name}`, join(root, name));
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(root, path), text);
  for (const [path, source] of Object.entries(COPIED)) copyFileSync(source, join(root, path));
  const units = join(root, "etc/systemd/system");
  for (const name of [...MASKED, ...(bus ? [] : BUS)]) symlinkSync("/dev/null", join(units, name));
  symlinkSync("oracle.target", join(units, "default.target"));
}

/** A target that refers to each unit without any effect on it. */
export function pinsOf(units: readonly string[]): string {
  const references = units.map((name) => `After=${name}\n`).join("");
  return `[Unit]\nDefaultDependencies=no\nIgnoreOnIsolate=yes\n${references}`;
}
