/**
 * Who a caller is, and the changes to users and roles: the running part of authentication, over the store's records.
 *
 * Invariant: what is decided on is what is on the disk; a change counts from the moment its caller hears of it.
 */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { RecordChange, Records } from "../local-store.ts";
import { StoreError } from "../store.ts";
import { type AuthState, readAuthState, type User } from "./auth-state.ts";
import type { Caller } from "./caller.ts";
import { HashTurns } from "./hash-turns.ts";
import { hashPassword, isPassword, NOBODYS_PASSWORD } from "./passwords.ts";
import { authRefusal } from "./refusals.ts";
import { Tokens } from "./tokens.ts";

export interface AuthenticatorOptions {
  readonly records: Records;
  readonly clock: Clock;
  readonly random: Random;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #tokens: Tokens;
  readonly #hashTurns = new HashTurns();
  #state: AuthState;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#tokens = new Tokens(options.clock, options.random);
    this.#state = readAuthState(options.records);
  }

  get state(): AuthState {
    return this.#state;
  }

  /** Carries out a decision of management.ts; resolves when it is on disk. */
  async change(decide: (now: AuthState) => readonly RecordChange[]): Promise<void> {
    const before = this.#state.users;
    await this.#options.records.write((now) => decide(readAuthState(now)));
    this.#state = readAuthState(this.#options.records);
    if (!this.#state.enabled) this.#tokens.revokeAll();
    for (const user of before.values()) if (this.#hasNewPassword(user)) this.#tokens.revokeUser(user.name);
  }

  /** True too for a user who is there no longer. */
  #hasNewPassword({ name, password }: User): boolean {
    const now = this.#state.users.get(name)?.password;
    return now === undefined || Buffer.compare(now, password) !== 0;
  }

  hashPassword(password: string): Promise<Uint8Array> {
    return this.#hashTurns.take(() => hashPassword(password, this.#options.random));
  }

  /** A token for whoever knows the user's password. @throws StoreError */
  async authenticate(name: string, password: string): Promise<string> {
    if (!this.#state.enabled) throw authRefusal("not-enabled");
    const user = this.#state.users.get(name);
    if (user?.noPassword) {
      throw new StoreError("unknown", "auth: authentication failed, password was given for no password user");
    }
    // It takes as long where there is no such user: who guesses must not learn the names first.
    const stored = user?.password ?? NOBODYS_PASSWORD;
    const isRight = await this.#hashTurns.take(() => isPassword(password, stored));
    // The password may have become another one while it was looked at.
    if (!isRight || user === undefined || this.#hasNewPassword(user)) throw authRefusal("wrong-credentials");
    return this.#tokens.issue(name);
  }

  /**
   * The name a caller goes by; undefined for one who shows nothing. There need be no user of that name.
   * @throws StoreError for a token that is nobody's.
   */
  nameOf(caller: Caller): string | undefined {
    if (caller.token === undefined) return caller.certificateName;
    const name = this.#tokens.userOf(caller.token);
    if (name === undefined) throw authRefusal("invalid-token");
    return name;
  }

  /** @throws StoreError when the caller shows nothing, or is no user. */
  userOf(caller: Caller): User {
    const name = this.nameOf(caller);
    if (name === undefined) throw authRefusal("user-empty");
    const user = this.#state.users.get(name);
    if (user === undefined) throw authRefusal("permission-denied");
    return user;
  }
}
