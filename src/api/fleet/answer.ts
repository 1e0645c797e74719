/** Answers in fleet's form. */
import { FlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { type Answer, answerJson } from "../answer.ts";
import { describeFailure } from "../answer-error.ts";

/** An answer that has a status only. */
export function answerEmpty(status: 201 | 204): Answer {
  return { status, type: "application/json", body: "" };
}

/** What fleet says while its registry is away; its users look for these words. */
const AWAY = "fleet server unable to communicate with etcd";

/** A failure with the status that fleet gives it where the code's own is another. */
export class FleetError extends FlotillaError {
  readonly status: number;

  constructor(status: 400 | 404 | 409 | 415, message: string) {
    super("bad-request", message);
    this.status = status;
  }
}

/** `{"error": {"code", "message"}}`, as Google's clients read it; the hint is part of the message. */
export function answerFleetError(error: unknown, log: Logger): Answer {
  const known = describeFailure(error);
  if (known.code === "internal") log.error({ err: error }, "a request of fleet's API failed");
  if (known.code === "store-unavailable") return errorBody(known.kind.http, AWAY);
  const status = error instanceof FleetError ? error.status : known.kind.http;
  return errorBody(status, [known.message, ...known.causes, known.hint ?? ""].filter(Boolean).join("; "));
}

/** Whether a path is one of fleet's API. */
export function isFleets(path: string): boolean {
  return /^\/(?:fleet\/v1|v1-alpha)(?:\/|$)/.test(path);
}

/** The answer where fleet has nothing: at such a path, or for such a method. */
export function answerNothing(path: string): Answer {
  const hasPath = /^\/(?:fleet\/v1|v1-alpha)(?:\/(?:units|state|machines|discovery)(?:\/[^/]+)?)?$/.test(
    path,
  );
  return hasPath ? errorBody(405, "method not supported against this resource") : errorBody(404, "");
}

function errorBody(code: number, message: string): Answer {
  return answerJson({ error: { code, message } }, code);
}
