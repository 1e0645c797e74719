/** What goes wrong between this client and the store, beside what the store itself refuses. */
import { StoreError } from "../store.ts";

/** The call was not carried out for certain: it never left, or the store said that it left it alone. */
export class UnsentError extends StoreError {
  constructor(message: string, cause?: unknown) {
    super("unavailable", withReason(message, cause), cause);
    this.name = "UnsentError";
  }
}

/** The connection is gone; whether the store has carried the call out is not known. */
export function connectionLost(cause?: unknown): StoreError {
  return new StoreError("unavailable", withReason("the connection to the store was lost", cause), cause);
}

export function tooLate(what: string, timeoutMs: number): StoreError {
  return new StoreError("deadline-exceeded", `${what} within ${timeoutMs} ms`);
}

function withReason(message: string, cause: unknown): string {
  return cause instanceof Error && cause.message !== "" ? `${message}: ${cause.message}` : message;
}
