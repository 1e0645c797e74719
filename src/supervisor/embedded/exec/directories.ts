/** The directories that a service is given: RuntimeDirectory= and its like, systemd.exec(5). */
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { type DirectoryKind, privatePath, type ServiceDirectories } from "#unit/exec-settings.ts";
import type { SetupStep } from "../shim/run-request.ts";
import { Refusal } from "./refusal.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** systemd's names for the steps at which a directory cannot be made. */
const STEPS = {
  runtime: "runtime-directory",
  state: "state-directory",
  cache: "cache-directory",
  logs: "logs-directory",
  configuration: "configuration-directory",
} as const satisfies Record<DirectoryKind, SetupStep>;

/** Makes what is missing; owner and mode are set also on what is there, as systemd does. Refuses at the kind's step. */
export function provideDirectories(
  directories: readonly ServiceDirectories[],
  owner: Owner | undefined,
): void {
  for (const wanted of directories) {
    // The configuration stays its administrator's.
    const belongsTo = wanted.kind === "configuration" ? undefined : owner;
    Refusal.at(STEPS[wanted.kind], () => makeDirectories(wanted, belongsTo));
  }
}

function makeDirectories(
  { root, paths, links, mode, isPrivate }: ServiceDirectories,
  owner: Owner | undefined,
): void {
  if (isPrivate) mkdirSync(`${root}/private`, { recursive: true, mode: 0o700 });
  for (const path of paths) {
    const place = isPrivate ? privatePath(root, path) : path;
    if (isPrivate) adoptDirectory(path, place);
    mkdirSync(place, { recursive: true });
    chmodSync(place, mode);
    if (owner !== undefined) chownTree(place, owner);
    if (isPrivate) makeLink(path, place);
  }
  for (const { path, target } of links) makeLink(path, target);
}

/** All of it, where the directory itself belongs to somebody else: it was another user's before. */
function chownTree(path: string, { uid, gid }: Owner): void {
  const { uid: ownerUid, gid: ownerGid } = statSync(path);
  if (ownerUid === uid && ownerGid === gid) return;
  for (const entry of readdirSync(path, { recursive: true, encoding: "utf8" }))
    lchownSync(join(path, entry), uid, gid);
  chownSync(path, uid, gid);
}

/** What was there before the user became a dynamic one is its own from now on. */
function adoptDirectory(path: string, target: string): void {
  const isDirectory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isDirectory || existsSync(target)) return;
  mkdirSync(dirname(target), { recursive: true });
  renameSync(path, target);
}

/** Relative, as systemd's; one that is there already is left. */
function makeLink(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined)
    symlinkSync(relative(dirname(path), target), path);
}

/** Those that do not outlive the run, with the links to them: it has ended, and another follows or not. */
export function directoriesOfRun(
  directories: readonly ServiceDirectories[],
  restarts: boolean,
): readonly string[] {
  return directories
    .filter(({ kept }) => kept === "stop" || (kept === "restart" && !restarts))
    .flatMap(({ paths, links }) => [...paths, ...links.map((link) => link.path)]);
}

/** RUNTIME_DIRECTORY=/run/a:/run/b and its like. */
export function directoryVariables(directories: readonly ServiceDirectories[]): Record<string, string> {
  return Object.fromEntries(
    directories.map(({ kind, paths }) => [`${kind.toUpperCase()}_DIRECTORY`, paths.join(":")]),
  );
}
