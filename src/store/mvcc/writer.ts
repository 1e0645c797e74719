/**
 * The order of writes. They are collected, carried out on the state as a group, handed to the journal, and only then
 * heard of: by whoever made them, by watchers and by readers, all in one synchronous stretch. While the disk works on
 * one group the next one gathers. When the journal refuses a group, the state is rolled back and every write of the group
 * fails, so that memory and disk never differ.
 */
import type { Group } from "./change.ts";
import type { Journal } from "./journal.ts";
import type { MvccState } from "./state.ts";
import { inTurns, type Steps, type Turns } from "./steps.ts";

/** A group is bounded so that whoever waits for it does not wait for long. */
const GROUP_WRITES_MAX = 512;
const GROUP_BYTES_MAX = 1 << 20;

export interface WriterOptions {
  readonly state: MvccState;
  readonly journal: Journal | undefined;
  /** Called when the first write of a group has come, resolves when the group shall be carried out; the default is at once. */
  readonly gather: (() => Promise<void>) | undefined;
  readonly turns: Turns | undefined;
  /** Tells of a group that is durable now; versions of it begin at `revision`. */
  readonly settled: (group: Group, revision: number) => void;
}

/** A write that waits for its turn. */
interface PendingWrite {
  /** About how much it adds. */
  readonly bytes: number;
  /** Carries it out and returns how to tell its caller. */
  readonly run: () => Steps<() => void>;
  readonly fail: (error: unknown) => void;
}

export class Writer {
  readonly #options: WriterOptions;
  #pending: PendingWrite[] = [];
  #work: Promise<void> | undefined;
  /** The group that is carried out or written. */
  #inFlight: Promise<void> | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Carries out a write in its turn; all it changes shares one revision. */
  write<T>(bytes: number, body: () => Steps<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { state } = this.#options;
    function* run(): Steps<() => void> {
      try {
        const result = yield* state.write(body);
        return () => resolve(result);
      } catch (error) {
        return () => reject(error);
      }
    }
    this.#pending.push({ bytes, run, fail: reject });
    this.#start();
    return promise;
  }

  /** Resolves when nothing is changed that is not on the disk. */
  async settled(): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
  }

  /** Resolves when no write is left. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  #start(): void {
    if (this.#work !== undefined) return;
    const work = this.#writeGroups().finally(() => {
      this.#work = undefined;
      if (this.#pending.length > 0) this.#start();
    });
    this.#work = work;
  }

  async #writeGroups(): Promise<void> {
    const { gather, journal } = this.#options;
    while (this.#pending.length > 0) {
      if (gather !== undefined) await gather();
      if (journal !== undefined) await journal.prepare();
      this.#inFlight = this.#writeGroup(this.#takeGroup());
      await this.#inFlight;
      this.#inFlight = undefined;
    }
  }

  #takeGroup(): PendingWrite[] {
    let bytes = 0;
    const fits = ({ bytes: more }: PendingWrite, at: number): boolean => {
      bytes += more;
      return at === 0 || (at < GROUP_WRITES_MAX && bytes <= GROUP_BYTES_MAX);
    };
    const end = this.#pending.findIndex((write, at) => !fits(write, at));
    return this.#pending.splice(0, end === -1 ? this.#pending.length : end);
  }

  async #writeGroup(writes: readonly PendingWrite[]): Promise<void> {
    const { state, journal, turns, settled } = this.#options;
    const tell: (() => void)[] = [];
    for (const write of writes) tell.push(await inTurns(write.run(), turns));
    const group = state.unsettled;
    const revision = state.settledRevision + 1;
    try {
      const isChanged = group.changes.length > 0 || group.versions.length > 0;
      if (journal !== undefined && isChanged) await journal.append(group);
    } catch (error) {
      state.rollback();
      for (const write of writes) write.fail(error);
      return;
    }
    state.settle();
    settled(group, revision);
    for (const told of tell) told();
  }
}
