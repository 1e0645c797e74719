/**
 * How much of what costs a peer nothing it may send on a connection. Each of these frames is harmless alone and without
 * end an attack (CVE-2019-9512 to 9518; for resets CVE-2023-44487 and CVE-2025-8671). Every check throws when it is over.
 */
import type { Clock } from "#base/clock.ts";
import { ENHANCE_YOUR_CALM, Http2Error } from "./http2-error.ts";

/** A client may give up many calls at once; a call begun and given up costs us some tens of microseconds. */
const RESETS = { burst: 2_000, perSecond: 500 };
/** Clients that measure their line change their windows by it, a few times a second at most. */
const SETTINGS = { burst: 100, perSecond: 10 };
/** Frames that ask for nothing: priorities, extensions, empty data, acknowledgements. */
const IDLE = { burst: 1_000, perSecond: 200 };
/** Etcd's GRPCKeepAliveMinTime. A ping every five seconds may come a little early. */
const PING_INTERVAL_MS = 4_500;
/** As in gRPC's Go library. */
const PING_STRIKES_MAX = 2;

export class PeerLimits {
  readonly #clock: Clock;
  readonly #resets: Allowance;
  readonly #settings: Allowance;
  readonly #idle: Allowance;
  #pingedMs = Number.NEGATIVE_INFINITY;
  #pingStrikes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#resets = new Allowance(RESETS, clock);
    this.#settings = new Allowance(SETTINGS, clock);
    this.#idle = new Allowance(IDLE, clock);
  }

  /** A stream was reset, by the peer or because of what it did. */
  reset(): void {
    if (!this.#resets.take()) throw calm("too many resets");
  }

  settings(): void {
    if (!this.#settings.take()) throw calm("too many settings");
  }

  idle(): void {
    if (!this.#idle.take()) throw calm("too many frames that ask for nothing");
  }

  ping(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#pingedMs < PING_INTERVAL_MS) this.#pingStrikes += 1;
    this.#pingedMs = nowMs;
    if (this.#pingStrikes > PING_STRIKES_MAX) throw calm("too_many_pings");
  }

  /** The peer gets something of ours: it may look by a ping how fast. */
  answered(): void {
    this.#pingStrikes = 0;
  }
}

interface Rate {
  /** As many at once. */
  readonly burst: number;
  /** As many over time. */
  readonly perSecond: number;
}

class Allowance {
  readonly #rate: Rate;
  readonly #clock: Clock;
  #left: number;
  #countedMs: number;

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#left = rate.burst;
    this.#countedMs = clock.monotonic();
  }

  /** False when there is nothing left. */
  take(): boolean {
    const nowMs = this.#clock.monotonic();
    const gained = ((nowMs - this.#countedMs) / 1_000) * this.#rate.perSecond;
    this.#left = Math.min(this.#rate.burst, this.#left + gained);
    this.#countedMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

function calm(message: string): Http2Error {
  return new Http2Error(ENHANCE_YOUR_CALM, message);
}
