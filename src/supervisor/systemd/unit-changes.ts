/**
 * Unit files put in place and taken away, all that is wanted at one time together: one reload of systemd a batch.
 *
 * A reload makes systemd read every unit file of the machine again, which takes it a fifth of a second; so a batch has
 * one at most, and none where systemd finds out by itself: it looks for a file that it does not know when a unit is
 * asked for. Batches are carried out one after the other; what comes meanwhile makes up the next.
 */
import { parseUnitFile } from "#unit/unit-file.ts";
import type { UnitSource } from "../supervisor.ts";
import { BusError } from "./bus/bus-connection.ts";
import type { SystemdLink } from "./bus/link.ts";
import { list, texts } from "./bus/values.ts";
import type { UnitFiles } from "./unit-files.ts";

/** A file to be put in place; without a source: to be taken away. */
interface Change {
  readonly name: string;
  readonly source?: UnitSource;
}

interface Batch {
  readonly changes: Map<string, Change>;
  readonly applied: PromiseWithResolvers<ReadonlyMap<string, string>>;
}

/** Those of the files that were not put in place, with the reason. */
export type Refused = ReadonlyMap<string, string>;

export interface UnitChangesOptions {
  readonly link: SystemdLink;
  readonly files: UnitFiles;
  /** Told what systemd did not do of what [Install] asks for. */
  readonly warn: (unit: string, message: string) => void;
}

export class UnitChanges {
  readonly #link: SystemdLink;
  readonly #files: UnitFiles;
  readonly #warn: UnitChangesOptions["warn"];
  /** Texts in place, by name. */
  readonly #texts = new Map<string, string>();
  #next: Batch | undefined;
  #directories: readonly string[] | undefined;

  constructor({ link, files, warn }: UnitChangesOptions) {
    this.#link = link;
    this.#files = files;
    this.#warn = warn;
  }

  /** Takes note of a file that is in place already. */
  recall({ name, text: content }: UnitSource): void {
    this.#texts.set(name, content);
  }

  put(sources: readonly UnitSource[]): Promise<Refused> {
    return this.#add(sources.map((source) => ({ name: source.name, source })));
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.#add(names.map((name) => ({ name })));
  }

  #add(changes: readonly Change[]): Promise<Refused> {
    const isFirst = this.#next === undefined;
    this.#next ??= { changes: new Map(), applied: Promise.withResolvers() };
    for (const change of changes) this.#next.changes.set(change.name, change);
    const { promise } = this.#next.applied;
    if (isFirst) void this.#applyNext();
    return promise;
  }

  #last: Promise<unknown> = Promise.resolve();

  /** Behind the batch before; until then the next one grows. */
  async #applyNext(): Promise<void> {
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = turn.promise;
    await before;
    // What is asked for in the same turn of the event loop belongs together.
    await new Promise((resolve) => setImmediate(resolve));
    const batch = this.#next;
    this.#next = undefined;
    try {
      batch?.applied.resolve(await this.#apply([...(batch?.changes.values() ?? [])]));
    } catch (error) {
      batch?.applied.reject(error);
    }
    turn.resolve();
  }

  async #apply(changes: readonly Change[]): Promise<Refused> {
    const directories = await this.#unitDirectories();
    const sources = changes.flatMap(({ source }) => source ?? []);
    const refused = new Map<string, string>();
    for (const { name } of sources) {
      const foreign = this.#files.foreign(name, directories);
      if (foreign !== undefined) refused.set(name, `the machine has its own ${foreign}, which is left alone`);
    }
    const gone = changes.filter(({ source }) => source === undefined).map(({ name }) => name);
    const put = sources.filter(({ name, text: content }) => {
      return !refused.has(name) && this.#texts.get(name) !== content;
    });
    const replaced = put.filter(({ name }) => this.#texts.has(name));
    const wasInstalled = replaced.filter(({ name }) => isInstalled(this.#texts.get(name)));
    await this.#disable([...gone, ...wasInstalled.map(({ name }) => name)]);
    for (const name of gone) this.#forget(name);
    for (const source of put) this.#files.save(source);
    const installed = put.filter((source) => isInstalled(source.text));
    await this.#enable(put, installed);
    for (const { name, text: content } of put) this.#texts.set(name, content);
    if (gone.length > 0 || replaced.length > 0 || installed.length > 0) await this.#link.manager("Reload");
    return refused;
  }

  #forget(name: string): void {
    this.#files.remove(name);
    this.#texts.delete(name);
  }

  /** Linked are all, which [Install] says nothing about; a name that cannot be is told of and the others go on. */
  async #enable(sources: readonly UnitSource[], installed: readonly UnitSource[]): Promise<void> {
    const linked = sources.filter((source) => !installed.includes(source));
    await this.#changeLinks("LinkUnitFiles", linked);
    await this.#changeLinks("EnableUnitFiles", installed);
    const missing = installed.filter(({ name }) => !this.#files.isLinked(name));
    await this.#changeLinks("LinkUnitFiles", missing);
  }

  async #changeLinks(
    member: "LinkUnitFiles" | "EnableUnitFiles",
    sources: readonly UnitSource[],
  ): Promise<void> {
    if (sources.length === 0) return;
    try {
      const paths = sources.map(({ name }) => this.#files.pathOf(name));
      const answer = await this.#link.manager(member, "asbb", [paths, true, true]);
      if (member === "EnableUnitFiles") this.#mendAliases(list(answer[1]), paths);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      const [one, ...others] = sources;
      // Nobody says which of several it was.
      if (others.length > 0) for (const source of sources) await this.#changeLinks(member, [source]);
      else if (one !== undefined) this.#warn(one.name, error.message);
    }
  }

  /** systemd 252 takes a link to a file outside of its directories for a unit of its own, not for an alias. */
  #mendAliases(changes: readonly unknown[], paths: readonly string[]): void {
    for (const [kind, link = "", target = ""] of changes.map(texts))
      if (kind === "symlink" && paths.includes(target)) this.#files.mendAlias(link, target);
  }

  async #disable(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    try {
      await this.#link.manager("DisableUnitFiles", "asb", [names, true]);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      const [one = "", ...others] = names;
      if (others.length > 0) for (const name of names) await this.#disable([name]);
      else this.#warn(one, error.message);
    }
  }

  /** Where systemd looks for unit files; said once, since it never changes. */
  async #unitDirectories(): Promise<readonly string[]> {
    this.#directories ??= texts(
      await this.#link.property("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "UnitPath"),
    );
    return this.#directories;
  }
}

function isInstalled(content = ""): boolean {
  return parseUnitFile(content).entriesIn("Install").length > 0;
}
