/**
 * What is known of units until the machine goes down: a directory a unit, with its shim's socket, and the
 * memory of how it came to rest last, which counts while there is no shim. Memory of an earlier boot counts for nothing.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class RunDirectory {
  readonly #directory: string;
  readonly #boot: string;

  /** `boot` is this boot's ID: what another boot left is dropped. */
  constructor(directory: string, boot: string) {
    this.#directory = directory;
    this.#boot = boot;
    const marker = join(directory, ".boot");
    if (readText(marker) === boot) return;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    // Whole or not at all: a marker cut short by a kill would make the next supervisor drop all that runs.
    replaceFile(marker, this.#boot);
  }

  /** When the first supervisor of this boot was started: `nowMs`, or what an earlier one has kept. */
  firstStart(nowMs: number): number {
    const path = join(this.#directory, ".started");
    const kept = Number(readText(path) ?? Number.NaN);
    if (kept <= nowMs) return kept;
    replaceFile(path, String(nowMs));
    return nowMs;
  }

  /** Units that have been stopped to be started again. */
  saveRestarts(units: readonly string[]): void {
    replaceFile(join(this.#directory, ".restarts"), units.join("\n"));
  }

  restarts(): readonly string[] {
    return (readText(join(this.#directory, ".restarts")) ?? "").split("\n").filter((name) => name !== "");
  }

  /** The unit's directory, made when it is not there. */
  of(unit: string): string {
    const path = join(this.#directory, unit);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  }

  units(): readonly string[] {
    return readdirSync(this.#directory).filter((name) => !name.startsWith("."));
  }

  /** IDs of the shims that have a socket here. */
  shimsOf(unit: string): readonly string[] {
    return readdirSync(this.of(unit)).flatMap((name) =>
      name.endsWith(".socket") ? [name.slice(0, -7)] : [],
    );
  }

  /** Removes what a shim that is gone has left. */
  forgetShim(unit: string, id: string): void {
    rmSync(join(this.of(unit), `${id}.socket`), { force: true });
  }

  remember(unit: string, memory: unknown): void {
    replaceFile(join(this.of(unit), "memory"), JSON.stringify(memory));
  }

  /** What was remembered last; undefined when there is nothing, or nothing that can be read. */
  recall(unit: string): unknown {
    const text = readText(join(this.#directory, unit, "memory"));
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  forget(unit: string): void {
    rmSync(join(this.#directory, unit), { recursive: true, force: true });
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function replaceFile(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
