/** Flotilla as it comes to a machine: the executable of `npm run build`, and a unit that runs the daemon. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { VERSION } from "#base/version.ts";
import { SERVICE_NAME, SETTINGS_FILE, type ServiceSupervisor, serviceFile } from "#install/service.ts";
import { buildExecutable } from "../../scripts/executable/executable.ts";
import { buildDeb } from "../../scripts/package/deb.ts";
import { cacheDirectory, whileLocked } from "./cache.ts";
import { writeToDisk } from "./machine.ts";

const CHECKOUT = dirname(dirname(import.meta.dirname));
/** What the executable is made of. */
const SOURCES = ["src", "scripts", "bin/daemon.env", "package-lock.json"];
const KEPT_MS = 60 * 60 * 1000;

const PROGRAM = "/usr/bin/flotilla";

/** Lets the daemon run where the machine belongs to no cluster. */
const OPEN = "[Unit]\nConditionPathExists=\n[Service]\nEnvironment=FLOTILLA_INSECURE=true\n";

/** The daemon's settings, each as its name on the command line. */
export type Settings = Readonly<Record<string, string>>;

/** Path of the executable made of the checkout as it is now; builds it where that has changed (seven seconds). */
export async function builtExecutable(version = VERSION): Promise<string> {
  const directory = join(cacheDirectory(), "executables");
  mkdirSync(directory, { recursive: true });
  // As where `npm run build` puts it.
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }\n');
  return whileLocked(join(directory, "lock"), async () => {
    const hash = hashOf(SOURCES.map((source) => join(CHECKOUT, source)));
    const path = join(directory, `flotilla-${hash}-${version}`);
    if (existsSync(path)) return path;
    removeOld(directory);
    if (version === VERSION) await buildExecutable(CHECKOUT, path);
    else await buildAs(version, path, directory);
    return path;
  });
}

/** Path of the Debian package of it, made in `folder`. */
export async function builtPackage(folder: string, version = VERSION): Promise<string> {
  const executable = await builtExecutable(version);
  return buildDeb({ executable, version, licences: "Texts\n", compression: "none" }, folder);
}

/** From a copy of the checkout that says it is of another version, and is the same besides. */
async function buildAs(version: string, path: string, folder: string): Promise<void> {
  const copy = mkdtempSync(join(folder, "checkout-"));
  try {
    for (const name of ["src", "scripts", "bin", "package.json", "LICENSE"])
      cpSync(join(CHECKOUT, name), join(copy, name), { recursive: true });
    symlinkSync(join(CHECKOUT, "node_modules"), join(copy, "node_modules"));
    writeFileSync(join(copy, "src/base/version.ts"), `export const VERSION = ${JSON.stringify(version)};\n`);
    await buildExecutable(copy, path);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash("sha256");
  const add = (path: string): void => {
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else if (!path.endsWith(".test.ts")) hash.update(path).update(readFileSync(path));
  };
  for (const path of paths) add(path);
  return hash.digest("hex").slice(0, 12);
}

/** Executables that no test of another run can still need. */
function removeOld(directory: string): void {
  for (const name of readdirSync(directory).filter((entry) => entry.startsWith("flotilla-"))) {
    const path = join(directory, name);
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path);
  }
}

export interface InstallOptions {
  readonly supervisor: ServiceSupervisor;
  /** The daemon runs at once, and checks nobody; else it waits until the machine belongs to a cluster. */
  readonly insecure: boolean;
  readonly settings: Settings;
}

/** Writes what an installation puts into a machine to its disk, so that the daemon starts with the machine. */
export function install(disk: string, { supervisor, insecure, settings }: InstallOptions): void {
  const service = serviceFile({ program: PROGRAM, supervisor, origin: "Written by a test." });
  writeToDisk(disk, PROGRAM, "");
  writeToDisk(disk, `etc/systemd/system/${SERVICE_NAME}`, service);
  if (insecure) writeToDisk(disk, `etc/systemd/system/${SERVICE_NAME}.d/open.conf`, OPEN);
  writeToDisk(disk, SETTINGS_FILE, environmentOf({ ...settings, supervisor }));
  const wants = join(disk, "etc/systemd/system/multi-user.target.wants");
  mkdirSync(wants, { recursive: true });
  symlinkSync(`/etc/systemd/system/${SERVICE_NAME}`, join(wants, SERVICE_NAME));
}

function environmentOf(settings: Settings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `FLOTILLA_${name.replaceAll("-", "_").toUpperCase()}=${value}\n`,
  );
  return lines.join("");
}
