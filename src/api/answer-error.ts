/** Failures as answers: every error leaves the API in one form, with the HTTP status of its code. */
import { FlotillaError, toFlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { StoreError } from "#store/store.ts";
import { type Answer, answerJson } from "./answer.ts";

/** The answer to a request that failed; faults of our own are logged, with what lies under them. */
export function answerError(error: unknown, log: Logger): Answer {
  const known = describeFailure(error);
  if (known.code === "internal") log.error({ err: error }, "a request failed");
  return answerJson(known, known.kind.http);
}

/** Any failure as one with a code: the store's refusals in the words of the cluster. */
export function describeFailure(error: unknown): FlotillaError {
  if (!(error instanceof StoreError)) return toFlotillaError(error);
  if (error.retryable) {
    return new FlotillaError("store-unavailable", "the store does not answer", {
      causes: [error.message],
      hint: "running units run on; try again, and see flotilla store status where it stays away",
      retryable: true,
      cause: error,
    });
  }
  if (error.status === "unauthenticated") {
    return new FlotillaError("store-unavailable", "the store refuses this machine", {
      causes: [error.message],
      hint: "running units run on; flotilla store status says what to type",
      cause: error,
    });
  }
  if (error.status === "resource-exhausted" && error.message.includes("space exceeded")) {
    return new FlotillaError("disk-full", "the store has no space left", {
      hint: "nothing was changed; flotilla store status says whether it is the disk or the quota, and what to type",
      retryable: true,
      cause: error,
    });
  }
  const code = error.status === "resource-exhausted" ? "limit-exceeded" : "internal";
  return new FlotillaError(code, `the store refused the request: ${error.message}`, { cause: error });
}
