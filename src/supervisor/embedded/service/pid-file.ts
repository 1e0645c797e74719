/** A forking service's PIDFile=, which may be written after the start command has ended, and may first name another process. */
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { dirname } from "node:path";

export class PidFileWatch {
  readonly #path: string;
  readonly #found: (pid: number) => void;
  #watcher: FSWatcher | undefined;
  #last: number | undefined;

  /** Calls `found` with each process that the file comes to name, at once if it is there already. */
  constructor(path: string, found: (pid: number) => void) {
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
    const pid = readPid(this.#path);
    if (pid === undefined || pid === this.#last) return;
    this.#last = pid;
    this.#found(pid);
  }
}

/** The process that a PID file names; undefined when it is not there or names none. */
export function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
