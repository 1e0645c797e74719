/** The token that says who this client is: asked for with the first call, and again when the store refuses it. */
import type { Clock } from "#base/clock.ts";
import { StoreError } from "../store.ts";
import { authenticateResponse, credentials } from "../wire/admin-messages.ts";
import { decode, encode } from "../wire/message.ts";
import type { StoreUser } from "./settings.ts";
import { type CallContext, callUnary } from "./unary.ts";

/** Checking a password costs the store much, so a token that was just got is not doubted. */
const RENEWAL_INTERVAL_MS = 5_000;
/** What a store without users answers; calls are then made without a token. */
const AUTH_IS_OFF = "etcdserver: authentication is not enabled";

export interface CredentialsOptions {
  /** How to reach the store, without credentials. */
  readonly context: CallContext;
  readonly user: StoreUser;
  readonly clock: Clock;
}

export class Credentials {
  readonly #options: CredentialsOptions;
  #asked: Promise<string | undefined> | undefined;
  #known: string | undefined;
  #gotMs = Number.NEGATIVE_INFINITY;

  constructor(options: CredentialsOptions) {
    this.#options = options;
  }

  /** The token to use now; undefined where the store has no users. @throws StoreError as the store answers */
  async token(): Promise<string | undefined> {
    if (this.#asked === undefined) {
      const asked = this.#authenticate();
      this.#asked = asked;
      asked.catch(() => {
        if (this.#asked === asked) this.#asked = undefined;
      });
    }
    return this.#asked;
  }

  /** The store did not take this token; the next call asks for another. */
  refused(token: string | undefined): void {
    if (token === this.#known) this.#asked = undefined;
  }

  /** The store refused something for a reason that may be the token. */
  doubt(): void {
    if (this.#options.clock.monotonic() - this.#gotMs >= RENEWAL_INTERVAL_MS) this.#asked = undefined;
  }

  async #authenticate(): Promise<string | undefined> {
    const { context, user, clock } = this.#options;
    const message = encode(credentials, user);
    const path = "/etcdserverpb.Auth/Authenticate";
    try {
      const answer = await callUnary(context, { path, message, kind: "read" });
      this.#known = decode(authenticateResponse, answer).token;
    } catch (error) {
      if (!(error instanceof StoreError) || error.message !== AUTH_IS_OFF) throw error;
      this.#known = undefined;
    }
    this.#gotMs = clock.monotonic();
    return this.#known;
  }
}
