/** A forking service's PIDFile=, which may be written after the start command has ended, and may first name another process. */
import {
  closeSync,
  type FSWatcher,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  watch,
} from "node:fs";
import { dirname, join } from "node:path";
import type { NamedProcess } from "./state.ts";

const MAX_LINKS = 32;

export class PidFileWatch {
  readonly #path: string;
  readonly #found: (named: NamedProcess) => void;
  #watcher: FSWatcher | undefined;
  #last: number | undefined;

  /** Calls `found` with each process that the file comes to name, at once if it is there already. */
  constructor(path: string, found: (named: NamedProcess) => void) {
    this.#path = path;
    this.#found = found;
    this.#look();
    try {
      this.#watcher = watch(dirname(path), () => this.#look());
      // It may have been written between the first look and the watch.
      this.#look();
    } catch {
      // Its directory is not there: the service's start timeout ends the wait.
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #look(): void {
    const named = readPidFile(this.#path);
    if (named === undefined || named.pid === this.#last) return;
    this.#last = named.pid;
    this.#found(named);
  }
}

/** The process that a PID file names; undefined when it is not there or names none. */
export function readPidFile(path: string): NamedProcess | undefined {
  try {
    const file = openSync(path, "r");
    try {
      const text = readFileSync(file, "utf8").trim();
      if (!/^[1-9]\d*$/.test(text)) return undefined;
      const distrust = isUnsafe(path) ? "path" : fstatSync(file).uid === 0 ? undefined : "owner";
      return { pid: Number(text), ...(distrust === undefined ? {} : { distrust }) };
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** Whether anybody but root can make a path lead to a file that is not theirs: what CHASE_SAFE is to systemd. */
export function isUnsafe(path: string): boolean {
  const parts = partsOf(path);
  let at = "/";
  let owner = 0;
  let links = 0;
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const next = join(at, part);
    const stat = lstatSync(next);
    if (owner !== 0 && owner !== stat.uid) return true;
    owner = stat.uid;
    if (!stat.isSymbolicLink()) {
      at = next;
      continue;
    }
    const target = readlinkSync(next);
    links += 1;
    if (links > MAX_LINKS || (target.startsWith("/") && owner !== 0)) return true;
    if (target.startsWith("/")) at = "/";
    parts.unshift(...partsOf(target));
  }
  return false;
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
