/** Whether a path unit is to start its unit now: the rules of systemd.path(5). Pure; how the file system looks is given. */
import type { PathSpec } from "#unit/read-path.ts";

/** The file system, as far as path units look at it. */
export interface PathLook {
  exists(path: string): boolean;
  /** Some path that the pattern matches; undefined: none. */
  firstMatch(pattern: string): string | undefined;
  /** Whether it is a directory with something in it that is neither hidden nor a backup. */
  isOccupied(directory: string): boolean;
}

export interface PathCheck {
  /** The first path for which the unit is to be started. */
  readonly trigger?: string;
  /** By spec, whether its path was there; kept for the next check of those that wait for changes. */
  readonly existed: readonly boolean[];
}

/**
 * `isFresh`: nothing can have changed yet, because the unit is being started or its service has only just ended; what
 * is there now is what changes are told from.
 */
export function checkPaths(
  specs: readonly PathSpec[],
  look: PathLook,
  before: readonly boolean[],
  isFresh: boolean,
): PathCheck {
  const existed = [...before];
  for (const [index, spec] of specs.entries()) {
    const found = checkSpec(spec, look, existed[index] ?? false, isFresh);
    if (found.exists !== undefined) existed[index] = found.exists;
    if (found.trigger !== undefined) return { trigger: found.trigger, existed };
  }
  return { existed };
}

interface SpecCheck {
  readonly trigger?: string;
  readonly exists?: boolean;
}

function checkSpec({ kind, path }: PathSpec, look: PathLook, existed: boolean, isFresh: boolean): SpecCheck {
  switch (kind) {
    case "PathExists":
      return look.exists(path) ? { trigger: path } : {};
    case "PathExistsGlob": {
      const trigger = look.firstMatch(path);
      return trigger === undefined ? {} : { trigger };
    }
    case "DirectoryNotEmpty":
      return look.isOccupied(path) ? { trigger: path } : {};
    case "PathChanged":
    case "PathModified": {
      const exists = look.exists(path);
      return !isFresh && exists !== existed ? { exists, trigger: path } : { exists };
    }
  }
}

const MODIFY = 0x2;
const ATTRIB = 0x4;
const CLOSE_WRITE = 0x8;
const MOVED_FROM = 0x40;
const MOVED_TO = 0x80;
const CREATE = 0x100;
const DELETE = 0x200;
const DELETE_SELF = 0x400;
const MOVE_SELF = 0x800;

const EXISTENCE = ATTRIB | DELETE_SELF | MOVE_SELF;
const CHANGES = EXISTENCE | CLOSE_WRITE | CREATE | DELETE | MOVED_FROM | MOVED_TO;

/** What inotify(7) is asked for at the path itself. */
export const WATCHED: Readonly<Record<PathSpec["kind"], number>> = {
  PathExists: EXISTENCE,
  PathExistsGlob: EXISTENCE,
  PathChanged: CHANGES,
  PathModified: CHANGES | MODIFY,
  DirectoryNotEmpty: EXISTENCE | CREATE | MOVED_TO,
};
