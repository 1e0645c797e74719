/**
 * Templates that the units of this machine make other units from: a socket with Accept=yes has a service made for each
 * connection. A template is assigned to no machine; it is loaded beside the units that need it and follows the store.
 *
 * Invariants: a unit is loaded after its template, so that no connection comes too early; what was known of a template
 * is in the agent's memory, so that a machine that comes up without the store has it.
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { type Mirror, type MirrorBatch, startMirror } from "#mirror/mirror.ts";
import { keys } from "#model/keys.ts";
import { unitRecordSchema } from "#model/records.ts";
import { toText } from "#store/keys.ts";
import type { Store } from "#store/store.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { connectionTemplate } from "#unit/connection-template.ts";
import { parseUnitName } from "#unit/name.ts";
import type { FileFetcher } from "./file-fetcher.ts";

export interface TemplatesOptions {
  readonly store: Store;
  readonly supervisor: Supervisor;
  readonly fetcher: FileFetcher;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told when another file, or none, is to be loaded. */
  readonly onChange: () => void;
}

/** By template: the hash of its file as the store last had it; null: the store had no such template. */
export type KnownTemplates = Readonly<Record<string, string | null>>;

export class Templates {
  readonly #options: TemplatesOptions;
  /** By unit that needs one. */
  readonly #needed = new Map<string, string>();
  readonly #known = new Map<string, string | null>();
  /** Hash of the file that is with the supervisor, by template. */
  readonly #loaded = new Map<string, string>();
  readonly #mirrors = new Map<string, Mirror>();
  #follows = false;

  constructor(options: TemplatesOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier daemon knew. */
  recall(known: KnownTemplates): void {
    for (const [template, file] of Object.entries(known)) this.#known.set(template, file);
  }

  /** From now on the store is the cluster's, and what it has of templates counts. */
  join(): void {
    this.#follows = true;
    for (const template of this.#needed.values()) this.#follow(template);
  }

  async stop(): Promise<void> {
    this.#follows = false;
    await Promise.all([...this.#mirrors.values()].map((mirror) => mirror.stop()));
  }

  /** What is known of the templates that are needed, to be remembered. */
  get known(): KnownTemplates {
    const needed = new Set(this.#needed.values());
    return Object.fromEntries([...this.#known].filter(([template]) => needed.has(template)));
  }

  /** True for a unit that the supervisor made from a template by itself, unless it is assigned as well. */
  makes(unit: string): boolean {
    const { template } = parseUnitName(unit);
    return template !== undefined && this.#isNeeded(template);
  }

  /** Notes what the unit's text needs. */
  note(unit: string, text: string): void {
    const template = connectionTemplate(unit, text);
    if (this.#needed.get(unit) === template) return;
    this.forget(unit);
    if (template === undefined) return;
    this.#needed.set(unit, template);
    this.#follow(template);
  }

  forget(unit: string): void {
    const template = this.#needed.get(unit);
    this.#needed.delete(unit);
    if (template === undefined || this.#isNeeded(template)) return;
    this.#known.delete(template);
    void this.#mirrors.get(template)?.stop();
    this.#mirrors.delete(template);
    this.#options.onChange();
  }

  /** Forgets what units needed that are here no more, some of which may never have come to be loaded. */
  retain(isHere: (unit: string) => boolean): void {
    for (const unit of [...this.#needed.keys()]) if (!isHere(unit)) this.forget(unit);
  }

  /** Whether the template that the unit needs has still to come. */
  isAwaited(unit: string): boolean {
    const template = this.#needed.get(unit);
    if (template === undefined) return false;
    const file = this.#known.get(template);
    return file === undefined || (file !== null && this.#loaded.get(template) !== file);
  }

  /** Why the template that the unit needs could not be had when that was last tried. */
  troubleOf(unit: string): string | undefined {
    const template = this.#needed.get(unit) ?? "";
    const trouble = this.#options.fetcher.troubleOf(this.#known.get(template) ?? "");
    return trouble === undefined ? undefined : `cannot read the unit file of ${template}: ${trouble}`;
  }

  /** Gives the supervisor the files as they are known now, as far as they are here; the others cause another pass. */
  async bring(): Promise<void> {
    const { supervisor, fetcher } = this.#options;
    const gone = [...this.#loaded.keys()].filter((template) => typeof this.#known.get(template) !== "string");
    if (gone.length > 0) await supervisor.unload(gone);
    for (const template of gone) this.#loaded.delete(template);
    for (const template of new Set(this.#needed.values())) {
      const file = this.#known.get(template);
      if (typeof file !== "string" || this.#loaded.get(template) === file) continue;
      const text = await fetcher.read(file);
      if (text === undefined) continue;
      await supervisor.load([{ name: template, file, text }]);
      this.#loaded.set(template, file);
    }
  }

  #isNeeded(template: string): boolean {
    return [...this.#needed.values()].includes(template);
  }

  #follow(template: string): void {
    if (!this.#follows || this.#mirrors.has(template)) return;
    const { store, clock, random } = this.#options;
    const mirror = startMirror({
      store,
      prefix: keys.unit(template),
      clock,
      random,
      onBatch: (batch) => this.#onBatch(template, batch),
      onConnected: () => undefined,
    });
    this.#mirrors.set(template, mirror);
  }

  #onBatch(template: string, { changes, listed }: MirrorBatch): void {
    const change = changes.findLast(({ key }) => key === keys.unit(template));
    if (change !== undefined) this.#learn(template, readFile(change.value));
    // A list tells of what has changed; what is in none has never been there.
    else if (listed && this.#mirrors.get(template)?.modRevision(keys.unit(template)) === undefined)
      this.#learn(template, null);
  }

  #learn(template: string, file: string | null): void {
    if (this.#known.get(template) === file) return;
    this.#known.set(template, file);
    this.#options.log.info({ template, file }, "template");
    this.#options.onChange();
  }
}

function readFile(value: Uint8Array | undefined): string | null {
  if (value === undefined) return null;
  try {
    return unitRecordSchema.parse(JSON.parse(toText(value))).file;
  } catch {
    // A record that cannot be read is none.
    return null;
  }
}
