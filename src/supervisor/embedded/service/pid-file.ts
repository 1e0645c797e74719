/** Waits for a forking service's PIDFile=, which may be written after the start command has ended. */
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { dirname } from "node:path";

export class PidFileWatch {
  readonly #path: string;
  readonly #found: (pid: number) => void;
  #watcher: FSWatcher | undefined;

  /** Calls `found` once, at once if the file is there already. */
  constructor(path: string, found: (pid: number) => void) {
    this.#path = path;
    this.#found = found;
    if (this.#look()) return;
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

  #look(): boolean {
    const pid = readPid(this.#path);
    if (pid === undefined) return false;
    this.close();
    this.#found(pid);
    return true;
  }
}

function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
