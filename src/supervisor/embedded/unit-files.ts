/** The unit files handed to this supervisor, kept on disk so that the next one knows what is loaded. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeFileError } from "#host/files.ts";
import { isUnitName } from "#unit/name.ts";
import type { UnitSource } from "../supervisor.ts";

export class UnitFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Not synced to the disk: whoever loads units keeps them as well and loads them again after a power cut. */
  save({ name, text }: UnitSource): void {
    const path = join(this.#directory, name);
    try {
      writeFileSync(`${this.#directory}/.new`, text, { mode: 0o600 });
      renameSync(`${this.#directory}/.new`, path);
    } catch (error) {
      throw describeFileError(error, path);
    }
  }

  remove(name: string): void {
    rmSync(join(this.#directory, name), { force: true });
  }

  readAll(): readonly UnitSource[] {
    return readdirSync(this.#directory)
      .filter(isUnitName)
      .map((name) => {
        const text = readFileSync(join(this.#directory, name), "utf8");
        return { name, text, file: createHash("sha256").update(text).digest("hex") };
      });
  }
}
