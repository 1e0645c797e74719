/** Conditions about files. A path that is not there meets none of them. */
import { accessSync, constants, globSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { PATH_CHECKS } from "#unit/condition.ts";
import { type CheckMachine, readText } from "./check.ts";

type PathCheck = (typeof PATH_CHECKS)[number];

export const PATH_CHECKERS: { readonly [C in PathCheck]: CheckMachine } = {
  PathExists: (path) => statOf(path) !== undefined,
  PathExistsGlob: (pattern) => globSync(pattern).length > 0,
  PathIsDirectory: (path) => statOf(path)?.isDirectory() === true,
  PathIsSymbolicLink: (path) => linkStatOf(path)?.isSymbolicLink() === true,
  PathIsMountPoint: isMountPoint,
  PathIsReadWrite: (path) => !["EROFS", "ENOENT"].includes(writeError(path)),
  PathIsEncrypted: isEncrypted,
  DirectoryNotEmpty: (path) =>
    statOf(path)?.isDirectory() === true && readdirSync(path).some((name) => !isHiddenOrBackup(name)),
  FileNotEmpty: (path) => {
    const stat = statOf(path);
    return stat?.isFile() === true && stat.size > 0;
  },
  FileIsExecutable: (path) => {
    const stat = statOf(path);
    return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
  },
  NeedsUpdate: needsUpdate,
};

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // Below a file, or in a folder that may not be looked into.
    return undefined;
  }
}

function linkStatOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Files that tools leave beside others do not fill a directory for systemd. */
function isHiddenOrBackup(name: string): boolean {
  return (
    name.startsWith(".") ||
    name === "lost+found" ||
    /~$|\.(rpmnew|rpmsave|rpmorig|dpkg-\w+|ucf-\w+|swp|bak|old|new)$/.test(name)
  );
}

/** By the table of mounts, so that a bind mount of the same file system counts, too. */
function isMountPoint(path: string): boolean {
  const stat = statOf(path);
  if (stat === undefined) return false;
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => unescapeMount(line.split(" ")[4] ?? ""));
  return points.some((point) => {
    if (point === "") return false;
    const mounted = statOf(point);
    return mounted !== undefined && mounted.dev === stat.dev && mounted.ino === stat.ino;
  });
}

function unescapeMount(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}

/** What the kernel says to writing, empty for nothing; that a file system is read-only it says before all else. */
function writeError(path: string): string {
  try {
    accessSync(path, constants.W_OK);
    return "";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : "";
  }
}

/** On a device that the kernel's device mapper decrypts, at whatever depth. */
function isEncrypted(path: string): boolean {
  const stat = statOf(path);
  if (stat === undefined) return false;
  const { dev } = stat;
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  return isCryptDevice(`/sys/dev/block/${major}:${minor}`);
}

function isCryptDevice(device: string): boolean {
  if (readText(`${device}/dm/uuid`).startsWith("CRYPT-")) return true;
  const slaves = statOf(`${device}/slaves`) === undefined ? [] : readdirSync(`${device}/slaves`);
  return slaves.length > 0 && slaves.every((slave) => isCryptDevice(`${device}/slaves/${slave}`));
}

/** True while /usr has changed since the directory was brought up to date, which a file in it tells. */
function needsUpdate(path: string): boolean {
  if (writeError(path) === "EROFS") return false;
  const updated = linkStatOf(`${path}/.updated`);
  return updated === undefined || statSync("/usr").mtimeMs > updated.mtimeMs;
}
