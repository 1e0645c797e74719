/** The directories that a service is given: RuntimeDirectory= and its like, systemd.exec(5). */
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import type { ServiceDirectories } from "#unit/exec-settings.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Makes what is missing; owner and mode are set also on what is there, as systemd does. Throws what the system says. */
export function makeDirectories({ paths, mode }: ServiceDirectories, owner: Owner | undefined): void {
  for (const path of paths) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
  }
}

/** Removes those that last only as long as the service runs. */
export function removeDirectories(directories: readonly ServiceDirectories[]): void {
  for (const path of directories.filter(({ kept }) => kept !== "ever").flatMap(({ paths }) => paths)) {
    rmSync(path, { recursive: true, force: true });
  }
}

/** RUNTIME_DIRECTORY=/run/a:/run/b and its like. */
export function directoryVariables(directories: readonly ServiceDirectories[]): Record<string, string> {
  return Object.fromEntries(
    directories.map(({ kind, paths }) => [`${kind.toUpperCase()}_DIRECTORY`, paths.join(":")]),
  );
}
