/** Which units' journals have changed since a follower last looked: by the kernel's word, never by looking again. */
import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";

export class Changes implements Disposable {
  readonly #root: string;
  readonly #selects: (unit: string) => boolean;
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #signal: AbortSignal | undefined;
  #changed = new Set<string>();
  #wake: (() => void) | undefined;

  /** @param selects which names in the journal's directory are units that are followed */
  constructor(root: string, selects: (unit: string) => boolean, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#selects = selects;
    this.#signal = signal;
    this.#watch(root, (name) => this.#unitCameOrWent(name));
    signal?.addEventListener("abort", this.#notify, { once: true });
  }

  /** Begins to watch a unit's journal; what is there already is not told as a change. */
  add(unit: string): void {
    this.#watchers.get(unit)?.close();
    this.#watch(unit, () => this.#tell(unit));
  }

  /** The units that have changed since the last call, at least one unless the signal is aborted. */
  async next(): Promise<ReadonlySet<string>> {
    if (this.#changed.size === 0 && !this.#signal?.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = undefined;
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#signal?.removeEventListener("abort", this.#notify);
  }

  #unitCameOrWent(name: string): void {
    if (!this.#selects(name)) return;
    this.add(name);
    this.#tell(name);
  }

  #tell(unit: string): void {
    this.#changed.add(unit);
    this.#notify();
  }

  readonly #notify = (): void => this.#wake?.();

  #watch(name: string, tell: (name: string) => void): void {
    try {
      const path = name === this.#root ? name : join(this.#root, name);
      const watcher = watch(path, (_, file) => tell(file ?? ""));
      // What is watched has been removed; when it comes back, its parent tells.
      watcher.on("error", () => watcher.close());
      this.#watchers.set(name, watcher);
    } catch {
      this.#watchers.delete(name);
    }
  }
}
