/** The directories that a service is given: RuntimeDirectory= and its like, systemd.exec(5). */
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { DirectoryKind, ServiceDirectories } from "#unit/exec-settings.ts";
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

function makeDirectories({ paths, links, mode }: ServiceDirectories, owner: Owner | undefined): void {
  for (const path of paths) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
    if (owner !== undefined) chownTree(path, owner);
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

/** Relative, as systemd's; one that is there already is left. */
function makeLink(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined)
    symlinkSync(relative(dirname(path), target), path);
}

/** Removes those that do not outlive the run: it has ended, and another follows or not. */
export function removeDirectories(directories: readonly ServiceDirectories[], restarts: boolean): void {
  const gone = directories.filter(({ kept }) => kept === "stop" || (kept === "restart" && !restarts));
  for (const { paths, links } of gone) {
    for (const path of [...paths, ...links.map((link) => link.path)])
      rmSync(path, { recursive: true, force: true });
  }
}

/** RUNTIME_DIRECTORY=/run/a:/run/b and its like. */
export function directoryVariables(directories: readonly ServiceDirectories[]): Record<string, string> {
  return Object.fromEntries(
    directories.map(({ kind, paths }) => [`${kind.toUpperCase()}_DIRECTORY`, paths.join(":")]),
  );
}
