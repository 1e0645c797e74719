/**
 * How a daemon ends otherwise than by a signal: its machine was removed from the cluster, or leaves it.
 *
 * A machine that leaves gives up its units, then its certificate, then the directory that makes it a machine of the
 * cluster; whatever comes in between, the same again goes on from there.
 */
import type { Clock } from "#base/clock.ts";
import { FlotillaError } from "#base/errors.ts";
import { setTrustAside } from "./leave.ts";

export type Ending = { readonly kind: "left" } | { readonly kind: "removed"; readonly why: FlotillaError };

export class Departure {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<Ending>();
  #stopUnits: ((now: boolean) => Promise<void>) | undefined;
  #leaving = false;

  /** @param directory the daemon's */
  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Resolves when the daemon is to end. */
  get ended(): Promise<Ending> {
    return this.#ended.promise;
  }

  /** The daemon is up: this ends its units, and at once where nobody is to wait for others to have them. */
  ready(stopUnits: (now: boolean) => Promise<void>): void {
    this.#stopUnits = stopUnits;
  }

  /** The cluster has removed the machine; one that leaves knows. */
  removed(why: FlotillaError): void {
    if (!this.#leaving) this.#ended.resolve({ kind: "removed", why });
  }

  /** @param revoke has this machine's certificate refused from then on */
  async leave(now: boolean, revoke: () => Promise<void>): Promise<void> {
    if (this.#stopUnits === undefined || this.#leaving)
      throw new FlotillaError("conflict", "the daemon is starting, or leaves already", { retryable: true });
    this.#leaving = true;
    try {
      await this.#stopUnits(now);
      await revoke();
      await setTrustAside(this.#directory, this.#clock.now());
      this.#ended.resolve({ kind: "left" });
    } finally {
      this.#leaving = false;
    }
  }
}
