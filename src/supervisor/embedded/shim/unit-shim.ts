/**
 * The shim of a unit that keeps its state there: requests of one turn go out together with the state that made them.
 *
 * Invariant: a later supervisor finds both or neither, and gets every event that the state it finds does not cover.
 *
 * A supervisor can be killed behind each of its effects; the next one then finds, and does:
 *   a new shim was asked for        the shim with the first requests done and their state; or, where the spawner comes to
 *                                   it later, none: the unit is as it is remembered from before
 *   requests were sent in part      the state before them, and nothing of them done: the shim waits for the state behind
 *   requests were sent              all of them done and their state: the shim takes them in before it greets the next
 *   an event was told, not saved    the state before it, and the event again: the same step is taken again, and what a
 *                                   step does beside its requests (directories, files) can be done twice
 *   the rest was remembered         the shim, whose last event comes again, or, when it has been told to go, none and the
 *                                   memory, which was there before that
 *   one shim went, the next came    only the new one: what goes has closed its socket before it greets anybody
 *   a shim without a state          one that was asked for nothing; it is told to go
 * Events are taken in once all units are there (Unit.resume), for the step that follows may need another unit's shim.
 */
import { sleep } from "#base/clock.ts";
import { randomId } from "#base/random.ts";
import type { UnitHost } from "../unit.ts";
import { findShim, type ShimConnection, type ShimListener, startShim } from "./connection.ts";
import type { ShimEvent, ShimMessage, ShimRequest } from "./protocol.ts";

/** The unit's side. */
export interface ShimUser {
  readonly unit: string;
  /** Which the journal says of what it writes; systemd's own for units that name none. */
  readonly slice?: string | undefined;
  /** What the next supervisor is to know; JSON-safe. */
  state(): unknown;
  onEvent(event: ShimEvent): void;
  /** The shim is gone, with all it held. */
  onLost(reason: string): void;
}

/** How often the kernel is asked whether killed processes are gone, which it tells nobody but their parent, and for how long. */
const LOOK_MS = 5;
const GIVE_UP_MS = 10_000;

export class UnitShim {
  readonly id: string;
  readonly #host: UnitHost;
  readonly #user: ShimUser;
  readonly #early: ShimMessage[] = [];
  #connection: ShimConnection | undefined;
  #isListening = false;
  #outbox: ShimRequest[] = [];
  #isFlushing = false;
  #seq = 0;
  #saved = "";

  private constructor(host: UnitHost, id: string, user: ShimUser) {
    this.id = id;
    this.#host = host;
    this.#user = user;
  }

  /**
   * A new shim; requests can be made at once. It begins with those of this turn, and not before what a lost shim left is
   * gone: a unit never runs twice.
   */
  static start(host: UnitHost, user: ShimUser): UnitShim {
    const { run, journal, random, spawner } = host;
    const shim = new UnitShim(host, randomId(random), user);
    const place = {
      unit: user.unit,
      id: shim.id,
      runDirectory: run.of(user.unit),
      journal: journal.placeOf(user.unit, user.slice),
    };
    shim.#connection = startShim(spawner, place, shim.#listener(), untilEnded(host, user.unit));
    shim.listen();
    shim.save();
    return shim;
  }

  /**
   * The shim that an earlier supervisor left, and the state it keeps; it is silent until `listen` is called. One that
   * keeps none was asked for nothing before that supervisor died, and goes: there may be another beside it.
   */
  static async find(
    host: UnitHost,
    user: ShimUser,
  ): Promise<{ readonly shim: UnitShim; readonly saved: unknown } | undefined> {
    for (const id of host.run.shimsOf(user.unit)) {
      const shim = new UnitShim(host, id, user);
      const found = await findShim(host.run.of(user.unit), id, shim.#listener());
      if (found === undefined) {
        host.run.forgetShim(user.unit, id);
        continue;
      }
      shim.#connection = found.connection;
      if (found.hello.saved !== "") return { shim, saved: parseJson(found.hello.saved) };
      await shim.release();
    }
    return undefined;
  }

  /** Passes on what the shim tells, and has told meanwhile. */
  listen(): void {
    this.#isListening = true;
    for (const message of this.#early.splice(0)) this.#receive(message);
  }

  request(...requests: readonly ShimRequest[]): void {
    this.#outbox.push(...requests);
    this.save();
  }

  /** A line about the unit for its journal. */
  log(priority: number, text: string, invocation: string | undefined): void {
    const fields = this.#host.journal.fieldsAbout(this.#user.unit, text, { INVOCATION_ID: invocation });
    this.request({ kind: "log", priority, text, fields });
  }

  /** Sends what is asked for, and the state if it has changed, at the end of this turn. */
  save(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    const state = JSON.stringify(this.#user.state());
    if (state === this.#saved && this.#outbox.length === 0) return;
    this.#saved = state;
    this.#connection?.send([...this.#outbox.splice(0), { kind: "save", seq: this.#seq, state }]);
  }

  /** Ends the shim as soon as none of its processes is left; resolves when it has been told so. */
  release(): Promise<void> {
    this.request({ kind: "quit" });
    return this.letGo();
  }

  /** Leaves the shim to the next supervisor. */
  letGo(): Promise<void> {
    this.#flush();
    this.#isListening = false;
    const connection = this.#connection;
    this.#connection = undefined;
    return connection?.close() ?? Promise.resolve();
  }

  #listener(): ShimListener {
    return {
      onMessage: (message) => (this.#isListening ? this.#receive(message) : this.#early.push(message)),
      onLost: (reason) => this.#user.onLost(reason),
    };
  }

  #receive(message: ShimMessage): void {
    if (message.kind === "rotated") this.#host.journal.sweep();
    if (message.kind !== "event") return;
    this.#seq = message.seq;
    this.#user.onEvent(message.event);
    this.save();
  }
}

/** Undefined where nothing is left; a process that the kernel cannot end holds its unit up for a while only. */
function untilEnded({ cgroups, clock }: UnitHost, unit: string): Promise<void> | undefined {
  if (!cgroups.isEnding(unit)) return undefined;
  const end = clock.monotonic() + GIVE_UP_MS;
  const look = async (): Promise<void> => {
    while (cgroups.isEnding(unit) && clock.monotonic() < end) await sleep(clock, LOOK_MS);
  };
  return look();
}

/** What another version may have written otherwise is nothing. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
