/**
 * The directories behind a unit's own /tmp and /var/tmp: one pair a run, removed with it. A run that joins another's has
 * links to that one's in their place, and inherits them from it.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
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

/**
 * Makes both, if they are not there, or takes those of another run; returns what is to be mounted. The outer ones keep
 * everybody else out.
 */
export function providePrivateTmp(directories: PrivateTmp, other?: PrivateTmp): PrivateTmp {
  return Refusal.at("namespace", () => ({
    tmp: provide(directories.tmp, other?.tmp),
    varTmp: provide(directories.varTmp, other?.varTmp),
  }));
}

function provide(outer: string, other: string | undefined): string {
  const inner = `${outer}/tmp`;
  if (other !== undefined && existsSync(other) && !existsSync(outer)) symlinkSync(ownerOf(other), outer);
  mkdirSync(inner, { recursive: true, mode: 0o700 });
  chmodSync(inner, 0o1777);
  return inner;
}

/** Whose directory it is, as a link beside it names it. */
function ownerOf(outer: string): string {
  return lstatSync(outer).isSymbolicLink() ? readlinkSync(outer) : basename(outer);
}

/** Hands the directories on to another run that has joined them; returns what nobody has any more. */
export function passOnPrivateTmp({ tmp, varTmp }: PrivateTmp): readonly string[] {
  return [tmp, varTmp].filter((outer) => !passOn(outer));
}

function passOn(outer: string): boolean {
  if (!existsSync(outer) || lstatSync(outer).isSymbolicLink()) return false;
  const parent = dirname(outer);
  const links = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
  const [heir, ...others] = links
    .filter(({ name }) => name.startsWith(PREFIX) && readlinkSync(join(parent, name)) === basename(outer))
    .map(({ name }) => name);
  if (heir === undefined) return false;
  rmSync(join(parent, heir));
  renameSync(outer, join(parent, heir));
  for (const other of others) {
    rmSync(join(parent, other));
    symlinkSync(heir, join(parent, other));
  }
  return true;
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
