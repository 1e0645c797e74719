/**
 * `flotilla install` and its undoing: the files that make the executable a service of this machine.
 *
 * It owns the list of files and when each is written or removed. Invariants: the same call again changes nothing; what
 * an administrator has changed is left; no unit is stopped. It must not start what a package has brought.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { FlotillaError } from "#base/errors.ts";
import { describeFileError, makeDirectories, writeFileAtomic } from "#host/files.ts";
import { SERVICE_NAME, SETTINGS_FILE, SETTINGS_TEXT, STATE_DIRECTORY } from "./service.ts";

const run = promisify(execFile);

const SERVICE_FILE = `/etc/systemd/system/${SERVICE_NAME}`;

/** Where a package has its own. */
const PACKAGED = [`/lib/systemd/system/${SERVICE_NAME}`, `/usr/lib/systemd/system/${SERVICE_NAME}`];

export interface InstallOptions {
  readonly service: string;
  /** By the shell's folder of completions, and the file in it. */
  readonly completions: readonly InstalledFile[];
  /** The service is of another form than a package's, so it may take that one's place. */
  readonly isSpecial: boolean;
  /** Another root of the file system, such as an image's; then systemd is not told. */
  readonly root: string;
}

export interface InstalledFile {
  readonly path: string;
  readonly text: string;
}

/** Writes the service, its settings unless there are some, and the completions; resolves with what was done, in sentences. */
export async function install(options: InstallOptions): Promise<readonly string[]> {
  if (!options.isSpecial) refusePackaged(options.root);
  const wanted = [{ path: SERVICE_FILE, text: options.service }, ...options.completions];
  const done = await Promise.all(wanted.map((file) => put(options.root, file)));
  const settings = await putOnce(options.root, { path: SETTINGS_FILE, text: SETTINGS_TEXT });
  return [...done, settings, ...(await enable(options.root))];
}

/** Removes what {@link install} has written, and ends the daemon; units and the machine's state stay. */
export async function uninstall(options: InstallOptions): Promise<readonly string[]> {
  const { root, completions } = options;
  const wasThere = existsSync(join(root, SERVICE_FILE));
  if (!wasThere) refusePackaged(root);
  if (wasThere && isBooted(root)) await systemctl("disable", "--now", SERVICE_NAME);
  const paths = [SERVICE_FILE, ...completions.map(({ path }) => path)];
  const removed = await Promise.all(paths.map((path) => remove(root, path)));
  // What a package has brought is in its place again.
  if (packagedService(root) !== undefined) return [...removed, ...(await enable(root))];
  if (isBooted(root)) await systemctl("daemon-reload");
  return [
    ...removed,
    await removeUnchanged(root, { path: SETTINGS_FILE, text: SETTINGS_TEXT }),
    "Units that ran go on; flotilla leave before this would have moved them.",
    `The machine's state stays in ${STATE_DIRECTORY}; remove it when the machine is not to come back.`,
  ];
}

function packagedService(root: string): string | undefined {
  return PACKAGED.find((path) => existsSync(join(root, path)));
}

function refusePackaged(root: string): void {
  const packaged = packagedService(root);
  if (packaged === undefined) return;
  throw new FlotillaError("conflict", `the service is installed already, by a package: ${packaged}`, {
    hint: "the package's service is as good; to be rid of it: apt remove flotilla",
  });
}

async function put(root: string, { path, text }: InstalledFile): Promise<string> {
  const place = join(root, path);
  const before = await readFile(place, "utf8").catch(() => undefined);
  if (before === text) return `${path} is there already.`;
  await makeDirectories(dirname(place)).catch((error: unknown) => {
    throw describeFileError(error, place);
  });
  await writeFileAtomic(place, text, 0o644);
  return before === undefined ? `Wrote ${path}.` : `Wrote ${path} anew.`;
}

async function putOnce(root: string, file: InstalledFile): Promise<string> {
  return existsSync(join(root, file.path)) ? `${file.path} is left as it is.` : put(root, file);
}

async function remove(root: string, path: string): Promise<string> {
  const place = join(root, path);
  if (!existsSync(place)) return `${path} is not there.`;
  await rm(place);
  return `Removed ${path}.`;
}

async function removeUnchanged(root: string, { path, text }: InstalledFile): Promise<string> {
  const there = await readFile(join(root, path), "utf8").catch(() => undefined);
  return there !== undefined && there !== text ? `${path} was changed, so it stays.` : remove(root, path);
}

async function enable(root: string): Promise<readonly string[]> {
  if (!isBooted(root)) return ["systemd does not run here: enable it there with: systemctl enable flotilla"];
  await systemctl("daemon-reload");
  await systemctl("enable", SERVICE_NAME);
  // Its condition keeps it from running on a machine that belongs to no cluster; a daemon that runs is replaced.
  await systemctl("restart", SERVICE_NAME);
  return [
    existsSync(join(STATE_DIRECTORY, "trust"))
      ? "The daemon runs, and starts with the machine."
      : "The daemon starts with the machine once it is in a cluster: flotilla init, or flotilla join.",
  ];
}

function isBooted(root: string): boolean {
  return root === "/" && existsSync("/run/systemd/system");
}

async function systemctl(...args: readonly string[]): Promise<void> {
  try {
    await run("systemctl", args);
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : String(error);
    throw new FlotillaError("not-permitted", `systemctl ${args.join(" ")} failed`, {
      causes: [said],
      hint: "run it as root",
      cause: error,
    });
  }
}
