/**
 * The way to the store: one session at a time to each of its members, and the one member that calls go to.
 *
 * Calls stay with a member until it fails them; then they go to the next. A member that could not be reached is left
 * alone for a delay that grows, and when all of them are, calls fail at once: every caller has its own way to wait.
 * Sessions to members that are no longer called stay open for the streams that they carry.
 */
import { backoffDelayMs } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { type Random, randomInteger } from "#base/random.ts";
import { dial, parseEndpoint } from "./dial.ts";
import { UnsentError } from "./errors.ts";
import type { Session } from "./session.ts";
import type { TlsFiles } from "./settings.ts";

/** Everybody waits for a store that comes back, so the longest delay is short. */
const BACKOFF = { firstMs: 50, maxMs: 1_000 };

export interface ChannelOptions {
  readonly endpoints: readonly string[];
  readonly tls?: TlsFiles | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

interface Member {
  readonly endpoint: string;
  session: Session | undefined;
  failures: number;
  /** Monotonic time before which no connection is tried. */
  retryAtMs: number;
}

export class Channel {
  readonly #options: ChannelOptions;
  #members: readonly Member[];
  #preferred: number;
  #opening: Promise<Session> | undefined;
  #lastError: unknown;
  #closed = false;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#members = options.endpoints.map(newMember);
    // The clients of a cluster spread over its members.
    this.#preferred = this.#anyMember();
  }

  /** How many members there are to try. */
  get size(): number {
    return this.#members.length;
  }

  /** The session for the next call, at once where there is one. @throws UnsentError when no member can be reached. */
  session(): Session | Promise<Session> {
    const session = this.#members[this.#preferred]?.session;
    if (session?.isUsable === true) return session;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  setEndpoints(endpoints: readonly string[]): void {
    const before = new Map(this.#members.map((member) => [member.endpoint, member]));
    const preferred = this.#members[this.#preferred];
    this.#members = endpoints.map((endpoint) => before.get(endpoint) ?? newMember(endpoint));
    for (const member of this.#members) member.retryAtMs = 0;
    const kept = preferred === undefined ? -1 : this.#members.indexOf(preferred);
    this.#preferred = kept === -1 ? this.#anyMember() : kept;
    for (const member of before.values()) {
      if (!this.#members.includes(member)) member.session?.destroy(new Error("its endpoint was removed"));
    }
  }

  /** The member of this session failed a call: the next calls go to another one. */
  moveOn(session: Session): void {
    if (this.#members[this.#preferred]?.session === session) this.#preferNext();
  }

  /** A call got no answer in time. A member that nothing was heard of since `sentMs` is as good as gone. */
  suspect(session: Session, sentMs: number): void {
    this.moveOn(session);
    if (session.heardMs < sentMs) session.destroy(new Error("it does not answer"));
  }

  close(): void {
    this.#closed = true;
    for (const { session } of this.#members) session?.destroy(new Error("the client is closed"));
  }

  /** Tries the members in turn, from the preferred one on. */
  async #open(): Promise<Session> {
    const { clock } = this.#options;
    for (let tries = this.#members.length; tries > 0 && !this.#closed; tries -= 1) {
      const member = this.#members[this.#preferred];
      if (member?.session?.isUsable === true) return member.session;
      const session =
        member !== undefined && clock.monotonic() >= member.retryAtMs && (await this.#dial(member));
      if (session) return session;
      this.#preferNext();
    }
    if (this.#closed) throw new UnsentError("the client of the store is closed");
    throw new UnsentError("the store cannot be reached", this.#lastError);
  }

  async #dial(member: Member): Promise<Session | undefined> {
    const { clock, random, tls } = this.#options;
    try {
      const endpoint = parseEndpoint(member.endpoint, tls);
      const onUnusable = (): void => {
        member.session = undefined;
      };
      const session = await dial({ endpoint, tls, clock, onUnusable });
      if (this.#closed || !this.#members.includes(member)) {
        session.destroy();
        return undefined;
      }
      member.failures = 0;
      member.session = session;
      return session;
    } catch (error) {
      member.failures += 1;
      member.retryAtMs = clock.monotonic() + backoffDelayMs(member.failures, random, BACKOFF);
      this.#lastError = new Error(`${member.endpoint}: ${error instanceof Error ? error.message : error}`);
      return undefined;
    }
  }

  #preferNext(): void {
    this.#preferred = (this.#preferred + 1) % Math.max(1, this.#members.length);
  }

  #anyMember(): number {
    return randomInteger(this.#options.random, 0, Math.max(0, this.#members.length - 1));
  }
}

function newMember(endpoint: string): Member {
  return { endpoint, session: undefined, failures: 0, retryAtMs: 0 };
}
