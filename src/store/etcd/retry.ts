/** Whether a call that failed is made again, and how. */
import { StoreError } from "../store.ts";
import { UnsentError } from "./errors.ts";

export interface FailedCall {
  /** A call that only reads may be made as often as one likes; a write only if it was not carried out. */
  readonly kind: "read" | "write";
  /** How often it has been made by now. */
  readonly tries: number;
  readonly members: number;
  /** Whether there is a token that could be renewed, and has not been for this call. */
  readonly mayRenewToken: boolean;
}

export type Retry = "again" | "with-new-token" | "give-up";

/** Etcd's texts for a token that has run out, or that is older than the last change of users and roles. */
const TOKEN_REFUSALS = new Set([
  "etcdserver: invalid auth token",
  "etcdserver: user name is empty",
  "etcdserver: revision of auth store is old",
]);

/** The store looks at the token before anything else, so that a call refused for it has done nothing. */
export function isTokenRefusal(error: unknown): boolean {
  return error instanceof StoreError && TOKEN_REFUSALS.has(error.message);
}

export function retryOf(error: unknown, { kind, tries, members, mayRenewToken }: FailedCall): Retry {
  if (!(error instanceof StoreError)) return "give-up";
  if (isTokenRefusal(error)) return mayRenewToken ? "with-new-token" : "give-up";
  if (tries > members) return "give-up";
  if (error instanceof UnsentError) return "again";
  return kind === "read" && error.retryable ? "again" : "give-up";
}
