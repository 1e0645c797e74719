/**
 * What follows a compaction, one after the other and a little a turn: versions are forgotten, then their memory and the
 * disk's space are freed. Nothing is forgotten while the journal is tidied, because what it drops must have been
 * forgotten before.
 */
import type { Journal } from "./journal.ts";
import type { MvccState } from "./state.ts";
import { inTurns, type Turns } from "./steps.ts";

export class Maintenance {
  readonly #state: MvccState;
  readonly #journal: Journal | undefined;
  readonly #turns: Turns | undefined;
  #work: Promise<void> = Promise.resolve();
  #isDue = false;

  constructor(state: MvccState, journal: Journal | undefined, turns: Turns | undefined) {
    this.#state = state;
    this.#journal = journal;
    this.#turns = turns;
  }

  /** Sees to it that what can be forgotten is, some time. */
  request(): void {
    if (this.#isDue || !this.#state.hasForgettable) return;
    this.#isDue = true;
    // What fails here has failed on the disk, which the next write will tell; nothing is lost by it.
    this.run(false).catch(() => undefined);
  }

  /** Does it, after whatever is under way. */
  run(thoroughly: boolean): Promise<void> {
    const work = this.#work.then(() => this.#maintain(thoroughly));
    this.#work = work.catch(() => undefined);
    return work;
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#work;
  }

  async #maintain(thoroughly: boolean): Promise<void> {
    this.#isDue = false;
    const gone = (revision: number, bytes: number): void => this.#journal?.forgot(revision, bytes);
    await inTurns(
      this.#state.forget((version) => gone(version.modRevision, version.length)),
      this.#turns,
    );
    await inTurns(this.#state.squeeze(), this.#turns);
    await this.#journal?.tidy(thoroughly);
  }
}
