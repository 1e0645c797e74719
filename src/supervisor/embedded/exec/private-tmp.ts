/** The directories behind a unit's own /tmp and /var/tmp: one pair a run, removed with it. */
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { Refusal } from "./refusal.ts";
import { removeTrees } from "./remove.ts";

export interface PrivateTmp {
  readonly tmp: string;
  readonly varTmp: string;
}

const PREFIX = "flotilla-private-";

/** Names the boot, the unit and the run, so that leftovers of a crash can be told from what is in use. */
export function privateTmpOf(unit: string, boot: string, invocation: string): PrivateTmp {
  const name = `${PREFIX}${boot.replaceAll("-", "")}-${unit}-${invocation.slice(0, 8)}`;
  return { tmp: `/tmp/${name}`, varTmp: `/var/tmp/${name}` };
}

/** Makes both, if they are not there; returns what is to be mounted. The outer ones keep everybody else out. */
export function providePrivateTmp(directories: PrivateTmp): PrivateTmp {
  return Refusal.at("namespace", () => ({
    tmp: provide(directories.tmp),
    varTmp: provide(directories.varTmp),
  }));
}

function provide(outer: string): string {
  const inner = `${outer}/tmp`;
  mkdirSync(inner, { recursive: true, mode: 0o700 });
  chmodSync(inner, 0o1777);
  return inner;
}

/** The directories of the /tmp and /var/tmp that a process has for itself, from its /proc/PID/mountinfo. */
export function privateTmpIn(mountinfo: string): readonly string[] {
  const roots = mountinfo.split("\n").map((line) => line.split(" ")[3] ?? "");
  return roots
    .map((root) =>
      root.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .map((root) => root.split("/").find((part) => part.startsWith(PREFIX)))
    .filter((name) => name !== undefined)
    .flatMap((name) => [`/tmp/${name}`, `/var/tmp/${name}`]);
}

/** Removes what runs of earlier boots have left; those of this boot can be another supervisor's. */
export function sweepPrivateTmp(boot: string, parents: readonly string[]): void {
  const current = `${PREFIX}${boot.replaceAll("-", "")}-`;
  for (const parent of parents) {
    const left = readdirSync(parent).filter((name) => name.startsWith(PREFIX) && !name.startsWith(current));
    removeTrees(left.map((name) => `${parent}/${name}`));
  }
}
