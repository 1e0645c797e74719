/**
 * The tokens that stand for a user who has given a password: random, in memory only, good for five minutes after their
 * last use. A client whose token is refused authenticates again.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";

/** Etcd's --auth-token-ttl. */
const TOKEN_MS = 300_000;
const RANDOM_BYTES = 18;

interface Token {
  readonly user: string;
  endsMs: number;
}

export class Tokens {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #tokens = new Map<string, Token>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  issue(user: string): string {
    this.#forgetOld();
    const token = Buffer.from(this.#random.bytes(RANDOM_BYTES)).toString("base64url");
    this.#tokens.set(token, { user, endsMs: this.#clock.monotonic() + TOKEN_MS });
    return token;
  }

  /** Whose token it is; undefined when it is nobody's, or no longer. */
  userOf(name: string): string | undefined {
    const token = this.#tokens.get(name);
    if (token === undefined) return undefined;
    const nowMs = this.#clock.monotonic();
    if (token.endsMs < nowMs) {
      this.#tokens.delete(name);
      return undefined;
    }
    token.endsMs = nowMs + TOKEN_MS;
    return token.user;
  }

  /** The tokens of a user who is gone or has a new password. */
  revokeUser(user: string): void {
    for (const [name, token] of this.#tokens) if (token.user === user) this.#tokens.delete(name);
  }

  revokeAll(): void {
    this.#tokens.clear();
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonic();
    for (const [name, token] of this.#tokens) if (token.endsMs < nowMs) this.#tokens.delete(name);
  }
}
