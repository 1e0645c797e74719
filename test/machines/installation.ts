/**
 * Flotilla as it comes to a machine: for now what the checkout's own launcher runs, beneath /opt/flotilla, and a unit
 * that runs the daemon.
 */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LAUNCHER } from "../cluster/cluster.ts";
import { writeToDisk } from "./machine.ts";
import { runToEnd } from "./nspawn.ts";

const CHECKOUT = dirname(dirname(LAUNCHER));
const NODE = join(CHECKOUT, "node_modules/node/bin/node");
const IN_MACHINE = "/opt/flotilla";

const UNIT = `[Unit]
Description=Flotilla
After=dbus.socket

[Service]
EnvironmentFile=/etc/default/flotilla
ExecStart=/usr/bin/flotilla daemon
Restart=always
RestartSec=100ms
KillMode=process
Delegate=yes
RuntimeDirectory=flotilla
RuntimeDirectoryPreserve=yes

[Install]
WantedBy=multi-user.target
`;

/** The daemon's settings, each as its name on the command line. */
export type Settings = Readonly<Record<string, string>>;

/** What machines are given to see of this host. */
export interface Installation {
  readonly binds: readonly string[];
}

/** Builds the checkout and copies what runs of it to `directory`: what is edited meanwhile changes no machine. */
export async function prepareInstallation(directory: string): Promise<Installation> {
  const built = await runToEnd([LAUNCHER, "--version"]);
  if (built.exitCode !== 0) throw new Error(`the checkout cannot be built: ${built.stderr}`);
  for (const empty of ["src", "scripts", "node_modules/node/bin"])
    mkdirSync(join(directory, empty), { recursive: true });
  // The launcher looks whether any of these is newer than what was built of them.
  for (const file of [
    "scripts/build.ts",
    "scripts/bundle.ts",
    "scripts/node-modules-by-call.ts",
    "package-lock.json",
  ])
    writeFileSync(join(directory, file), "");
  for (const part of ["bin", "dist"]) {
    cpSync(join(CHECKOUT, part), join(directory, part), {
      recursive: true,
      filter: (path) => basename(path) !== "compile-cache",
    });
  }
  writeFileSync(join(directory, "node_modules/node/bin/node"), "");
  writeFileSync(join(directory, "dist/built"), "");
  return {
    binds: [
      `--bind-ro=${directory}:${IN_MACHINE}`,
      `--bind-ro=${NODE}:${IN_MACHINE}/node_modules/node/bin/node`,
    ],
  };
}

/** Writes what belongs to the machine itself to its disk; `start`: the daemon starts with the machine. */
export function install(disk: string, settings: Settings): void {
  writeToDisk(disk, "etc/systemd/system/flotilla.service", UNIT);
  writeToDisk(disk, "etc/default/flotilla", environmentOf(settings));
  const wants = join(disk, "etc/systemd/system/multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  symlinkSync("/etc/systemd/system/flotilla.service", join(wants, "flotilla.service"));
  mkdirSync(join(disk, "usr/bin"), { recursive: true });
  symlinkSync(`${IN_MACHINE}/bin/flotilla`, join(disk, "usr/bin/flotilla"));
}

function environmentOf(settings: Settings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `FLOTILLA_${name.replaceAll("-", "_").toUpperCase()}=${value}\n`,
  );
  return lines.join("");
}
