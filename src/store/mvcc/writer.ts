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
  /** Carries it out and keeps what has come of it; steps where there is much to do. */
  carryOut(state: MvccState): Steps<void> | undefined;
  /** Tells its caller what has come of it. */
  tell(): void;
  fail(error: unknown): void;
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

  /**
   * Carries out a write in its turn; all it changes shares one revision. What it throws refuses it.
   * @param bytes about how much it adds to the store.
   */
  write<T>(bytes: number, body: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add(new ShortWrite(bytes, body, resolve, reject));
    });
  }

  /** The same for a write that may take long. */
  writeInSteps<T>(bytes: number, body: () => Steps<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#add(new LongWrite(bytes, body, resolve, reject));
    });
  }

  /** Resolves when nothing is changed that is not on the disk. */
  async settled(): Promise<void> {
    while (this.#inFlight !== undefined) await this.#inFlight;
  }

  /** Resolves when no write is left. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  #add(write: PendingWrite): void {
    this.#pending.push(write);
    this.#start();
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
    for (const write of writes) {
      const steps = write.carryOut(state);
      if (steps !== undefined) await inTurns(steps, turns);
    }
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
    for (const write of writes) write.tell();
  }
}

/** What has come of a write, kept until it is durable. */
type Outcome<T> = { readonly result: T } | { readonly error: unknown };

class ShortWrite<T> implements PendingWrite {
  readonly bytes: number;
  readonly fail: (error: unknown) => void;
  readonly #body: () => T;
  readonly #resolve: (result: T) => void;
  #outcome: Outcome<T> | undefined;

  constructor(bytes: number, body: () => T, resolve: (result: T) => void, reject: (error: unknown) => void) {
    this.bytes = bytes;
    this.fail = reject;
    this.#body = body;
    this.#resolve = resolve;
  }

  carryOut(state: MvccState): undefined {
    try {
      this.#outcome = { result: state.write(this.#body) };
    } catch (error) {
      this.#outcome = { error };
    }
  }

  tell(): void {
    tell(this.#outcome, this.#resolve, this.fail);
  }
}

class LongWrite<T> implements PendingWrite {
  readonly bytes: number;
  readonly fail: (error: unknown) => void;
  readonly #body: () => Steps<T>;
  readonly #resolve: (result: T) => void;
  #outcome: Outcome<T> | undefined;

  constructor(
    bytes: number,
    body: () => Steps<T>,
    resolve: (result: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.bytes = bytes;
    this.fail = reject;
    this.#body = body;
    this.#resolve = resolve;
  }

  *carryOut(state: MvccState): Steps<void> {
    try {
      this.#outcome = { result: yield* state.writeInSteps(this.#body) };
    } catch (error) {
      this.#outcome = { error };
    }
  }

  tell(): void {
    tell(this.#outcome, this.#resolve, this.fail);
  }
}

function tell<T>(
  outcome: Outcome<T> | undefined,
  resolve: (result: T) => void,
  reject: (error: unknown) => void,
): void {
  if (outcome === undefined) return;
  if ("error" in outcome) reject(outcome.error);
  else resolve(outcome.result);
}
