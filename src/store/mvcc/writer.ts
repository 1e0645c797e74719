/**
 * The order of writes. They are collected and carried out on the state; what was carried out while the disk was busy is
 * handed to the journal as one group; and only then they are heard of: by whoever made them, by watchers and by readers,
 * all in one synchronous stretch. When the journal refuses a group, the state is rolled back and every write of that
 * group and of the one behind it fails, so that memory and disk never differ.
 */
import type { Clock } from "#base/clock.ts";
import type { Group } from "./change.ts";
import { groupSize, smoothed, UNKNOWN_TIMES } from "./group-size.ts";
import type { Journal } from "./journal.ts";
import type { MvccState } from "./state.ts";
import { inTurns, type Steps, type Turns } from "./steps.ts";

/** A group is bounded so that whoever waits for it does not wait for long. */
const GROUP_WRITES_MAX = 512;
const GROUP_BYTES_MAX = 1 << 20;

export interface WriterOptions {
  readonly state: MvccState;
  readonly journal: Journal | undefined;
  readonly clock: Clock;
  /** Called when writes have come, resolves when they shall be carried out; the default is at once. */
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

/** Writes that were carried out together, and what came of them. */
interface CarriedGroup {
  readonly writes: readonly PendingWrite[];
  readonly group: Group;
}

interface Failure {
  readonly error: unknown;
}

export class Writer {
  readonly #options: WriterOptions;
  #pending: PendingWrite[] = [];
  #work: Promise<void> | undefined;
  #times = UNKNOWN_TIMES;
  /** Called when a write comes, and when the disk is idle. */
  #wake: () => void = () => undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * Carries out a write in its turn; all it changes shares one revision. What it throws refuses it. One that changes
   * nothing is a read of what all writes before it have left, answered when that is durable.
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

  /** Resolves when no write is left. */
  async idle(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  #add(write: PendingWrite): void {
    this.#pending.push(write);
    this.#start();
    this.#wake();
  }

  #start(): void {
    if (this.#work !== undefined) return;
    const work = this.#writeAll().finally(() => {
      this.#work = undefined;
      if (this.#pending.length > 0) this.#start();
    });
    this.#work = work;
  }

  async #writeAll(): Promise<void> {
    const { gather, journal, state } = this.#options;
    while (this.#pending.length > 0) {
      if (gather !== undefined) await gather();
      // Nothing is on its way to the disk: the state is what is there.
      if (journal !== undefined) await journal.prepare();
      const writes = await this.#carryOut(this.#newRoom(0));
      await this.#writeGroups({ writes, group: state.take() });
    }
  }

  /** Writes a group, and what is carried out meanwhile as the next one, until nothing came or one has failed. */
  async #writeGroups(first: CarriedGroup): Promise<void> {
    const { state } = this.#options;
    let [group, writing] = [first, this.#append(first)];
    for (;;) {
      const writes = await this.#carryOutDuring(writing, group.writes.length);
      const failure = await writing;
      if (failure !== undefined) {
        state.rollback();
        for (const write of [...group.writes, ...writes]) write.fail(failure.error);
        return;
      }
      const revision = state.settledRevision + 1;
      state.settle();
      if (writes.length === 0) {
        this.#tell(group, revision);
        return;
      }
      const next = { writes, group: state.take() };
      // Those who hear that they were written have much to do: the disk does not wait for that.
      writing = this.#append(next);
      this.#tell(group, revision);
      group = next;
    }
  }

  /** Carries out what comes until the disk is idle again, or it makes a whole group. */
  async #carryOutDuring(writing: Promise<unknown>, onTheirWay: number): Promise<readonly PendingWrite[]> {
    const { gather, journal } = this.#options;
    const carried: PendingWrite[] = [];
    let room: GroupRoom | undefined;
    let isWriting = true;
    void writing.then(() => {
      isWriting = false;
      this.#wake();
    });
    while (isWriting && room?.isFull !== true && journal?.isDue !== true) {
      if (this.#pending.length === 0) await this.#woken();
      else {
        if (gather !== undefined) await gather();
        room ??= this.#newRoom(onTheirWay);
        carried.push(...(await this.#carryOut(room)));
      }
    }
    return carried;
  }

  #newRoom(onTheirWay: number): GroupRoom {
    return new GroupRoom(groupSize(onTheirWay + this.#pending.length, this.#times));
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Carries out of what waits as much as there is room for. */
  async #carryOut(room: GroupRoom): Promise<readonly PendingWrite[]> {
    const { state, turns, clock } = this.#options;
    const end = this.#pending.findIndex(({ bytes }) => !room.take(bytes));
    const writes = this.#pending.splice(0, end === -1 ? this.#pending.length : end);
    const startedMs = clock.monotonic();
    for (const write of writes) {
      const steps = write.carryOut(state);
      if (steps !== undefined) await inTurns(steps, turns);
    }
    this.#timeCarrying(startedMs, writes.length);
    return writes;
  }

  #timeCarrying(startedMs: number, count: number): void {
    if (count === 0) return;
    const eachMs = (this.#options.clock.monotonic() - startedMs) / count;
    this.#times = { ...this.#times, carryMs: smoothed(this.#times.carryMs, eachMs) };
  }

  async #append({ group }: CarriedGroup): Promise<Failure | undefined> {
    const { journal, clock } = this.#options;
    const isChanged = group.changes.length > 0 || group.versions.length > 0;
    if (journal === undefined || !isChanged) return undefined;
    const startedMs = clock.monotonic();
    try {
      await journal.append(group);
      const syncMs = smoothed(this.#times.syncMs, clock.monotonic() - startedMs);
      this.#times = { ...this.#times, syncMs };
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Tells everybody of a group that is settled; versions of it begin at `revision`. */
  #tell({ writes, group }: CarriedGroup, revision: number): void {
    this.#options.settled(group, revision);
    for (const write of writes) write.tell();
  }
}

/** How much more a group takes. */
class GroupRoom {
  #writesLeft: number;
  #bytesLeft = GROUP_BYTES_MAX;
  isFull = false;

  constructor(writes: number) {
    this.#writesLeft = Math.min(writes, GROUP_WRITES_MAX);
  }

  /** False when it is full; the first write always fits. */
  take(bytes: number): boolean {
    const isFirst = this.#bytesLeft === GROUP_BYTES_MAX;
    this.isFull ||= this.#writesLeft === 0 || (bytes > this.#bytesLeft && !isFirst);
    if (this.isFull) return false;
    this.#writesLeft -= 1;
    this.#bytesLeft -= bytes;
    return true;
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
