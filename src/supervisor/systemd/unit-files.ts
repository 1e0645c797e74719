/**
 * The unit files that were handed to this machine, in a directory of their own; systemd finds them by links.
 *
 * It owns the directory, and knows which names are the machine's own and thus not to be touched: a unit file of ours
 * never takes the place of one that is there already.
 */
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { describeFileError } from "#host/files.ts";
import { isUnitName } from "#unit/name.ts";
import type { UnitSource } from "../supervisor.ts";

/** Where links to unit files from elsewhere go; gone with the machine's power. */
const LINKS = "/run/systemd/system";

export class UnitFiles {
  readonly #directory: string;
  readonly #root: string;

  /** Paths are as systemd sees them; `root` is systemd's root directory as it is seen here. */
  constructor(directory: string, root: string) {
    this.#directory = directory;
    this.#root = root;
    mkdirSync(join(root, directory), { recursive: true, mode: 0o755 });
  }

  /** As systemd sees it. */
  pathOf(name: string): string {
    return join(this.#directory, name);
  }

  /** systemd complains of unit files that not everybody may read. */
  save({ name, text }: UnitSource): void {
    const path = join(this.#root, this.pathOf(name));
    try {
      writeFileSync(path, text, { mode: 0o644 });
    } catch (error) {
      throw describeFileError(error, path);
    }
  }

  has(name: string): boolean {
    return lstatSync(join(this.#root, this.pathOf(name)), { throwIfNoEntry: false }) !== undefined;
  }

  /** Lets the alias name the unit where that is linked, rather than its file. */
  mendAlias(alias: string, path: string): void {
    const name = basename(path);
    if (dirname(alias) !== LINKS || basename(alias) === name) return;
    rmSync(join(this.#root, alias), { force: true });
    symlinkSync(name, join(this.#root, alias));
  }

  /** With its link, should systemd have left that. */
  remove(name: string): void {
    if (this.isLinked(name)) rmSync(join(this.#root, LINKS, name), { force: true });
    rmSync(join(this.#root, this.pathOf(name)), { force: true });
  }

  readAll(): readonly UnitSource[] {
    return readdirSync(join(this.#root, this.#directory))
      .filter(isUnitName)
      .map((name) => {
        const text = readFileSync(join(this.#root, this.pathOf(name)), "utf8");
        return { name, text, file: createHash("sha256").update(text).digest("hex") };
      });
  }

  /** Whether systemd finds the file. */
  isLinked(name: string): boolean {
    const link = join(this.#root, LINKS, name);
    const isLink = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink && readlinkSync(link) === this.pathOf(name);
  }

  /** The machine's own unit file of this name in one of systemd's directories, if there is one. */
  foreign(name: string, directories: readonly string[]): string | undefined {
    return directories
      .map((directory) => join(directory, name))
      .find((path) => {
        if (path === join(LINKS, name) && this.isLinked(name)) return false;
        return lstatSync(join(this.#root, path), { throwIfNoEntry: false }) !== undefined;
      });
  }
}
