/**
 * The one error class of the project and the table of its codes.
 *
 * Every failure a user can meet carries a stable code from {@link ERROR_CODES}, a message that says what happened,
 * the causes behind it and a hint what to do. CLI, API and UI show the same four parts; nobody matches on text.
 * A new kind of failure is a new row in the table.
 */

/** What a code means to the outside: the HTTP status of the API and the exit code of the CLI. */
export interface ErrorKind {
  readonly http: number;
  readonly exit: number;
  readonly meaning: string;
}

/** Exit codes of the CLI: 1 failed, 2 usage, 3 not active, 4 not found, 5 not loaded, 7 timeout, 8 unreachable, 9 conflict, 10 not permitted. */
export const ERROR_CODES = {
  internal: { http: 500, exit: 1, meaning: "A fault in Flotilla itself." },
  usage: { http: 400, exit: 2, meaning: "The command line is not one this command takes." },
  "bad-request": { http: 400, exit: 2, meaning: "The request's body or parameters are of the wrong shape." },
  "bad-config": { http: 400, exit: 2, meaning: "A setting of the daemon has a value it cannot take." },
  "bad-unit-file": { http: 400, exit: 1, meaning: "The text is not a unit file that can be run." },
  "bad-unit-name": { http: 400, exit: 2, meaning: "The name is not a valid unit name." },
  "unit-too-large": { http: 413, exit: 1, meaning: "The unit file is over the size limit." },
  "template-not-startable": {
    http: 400,
    exit: 2,
    meaning: "A template has no instance name, so it cannot run.",
  },
  "contradictory-options": {
    http: 400,
    exit: 1,
    meaning: "Options of [X-Fleet] or [X-Flotilla] exclude each other.",
  },
  "unit-not-found": { http: 404, exit: 4, meaning: "No unit of this name has been submitted." },
  "unit-masked": {
    http: 409,
    exit: 1,
    meaning: "The unit's file is empty or a link to /dev/null: it must not be started.",
  },
  "unit-not-loaded": { http: 409, exit: 5, meaning: "The unit is not on any machine." },
  "unit-not-active": { http: 409, exit: 3, meaning: "The unit is not active." },
  "unit-exists": {
    http: 409,
    exit: 9,
    meaning: "A unit of this name with another text is already submitted.",
  },
  "unit-failed": { http: 409, exit: 1, meaning: "The unit did not reach the state asked for." },
  unschedulable: { http: 409, exit: 1, meaning: "The unit fits on no machine." },
  "machine-not-found": { http: 404, exit: 4, meaning: "No machine has this ID, prefix or name." },
  "machine-ambiguous": {
    http: 400,
    exit: 2,
    meaning: "More than one machine begins with this prefix or has this name.",
  },
  "machine-gone": { http: 503, exit: 8, meaning: "The machine is not connected to the cluster." },
  "not-found": { http: 404, exit: 4, meaning: "There is nothing at this address." },
  conflict: { http: 409, exit: 9, meaning: "Somebody else changed the same thing first." },
  "limit-exceeded": { http: 413, exit: 1, meaning: "A limit of the cluster is reached." },
  timeout: { http: 504, exit: 7, meaning: "It did not happen in the time allowed." },
  unreachable: { http: 503, exit: 8, meaning: "The other side does not answer." },
  "store-unavailable": { http: 503, exit: 8, meaning: "The store cannot be reached." },
  "store-corrupt": { http: 500, exit: 1, meaning: "The store's file is damaged." },
  "store-too-new": { http: 500, exit: 1, meaning: "The store's file was written by a newer version." },
  "store-foreign": { http: 409, exit: 1, meaning: "The store's file belongs to another store." },
  "state-dir-in-use": { http: 409, exit: 1, meaning: "Another daemon works on this state directory." },
  "disk-full": { http: 507, exit: 1, meaning: "There is no space left on the disk." },
  "not-initialised": {
    http: 500,
    exit: 1,
    meaning: "This machine belongs to no cluster yet: flotilla init or flotilla join.",
  },
  "not-authenticated": { http: 401, exit: 10, meaning: "The API wants to know who asks." },
  "not-permitted": { http: 403, exit: 10, meaning: "The system or the cluster does not permit it." },
  unsupported: { http: 501, exit: 1, meaning: "This machine or this version cannot do it." },
} as const satisfies Record<string, ErrorKind>;

/** A stable error code: a key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Where in a file something is wrong; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The offending line as it stands in the file, for underlining. */
  readonly source?: string;
}

/** What else an error can say; all of it is shown to the user. */
export interface ErrorDetails {
  readonly causes?: readonly string[];
  readonly hint?: string;
  readonly place?: Place;
  /** True when the same call may succeed later without anything being changed. */
  readonly retryable?: boolean;
  /** The error underneath, for logs; never shown as the message. */
  readonly cause?: unknown;
}

/** The form of an error in JSON: the API's body and the CLI's `-o json`. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly causes: readonly string[];
  readonly hint?: string;
  readonly place?: Place;
}

/** A failure with a stable code, made to be shown to a user. */
export class FlotillaError extends Error {
  readonly code: ErrorCode;
  readonly causes: readonly string[];
  readonly hint: string | undefined;
  readonly place: Place | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "FlotillaError";
    this.code = code;
    this.causes = details.causes ?? [];
    this.hint = details.hint;
    this.place = details.place;
    this.retryable = details.retryable ?? false;
  }

  /** The exit code and HTTP status that belong to this error's code. */
  get kind(): ErrorKind {
    return ERROR_CODES[this.code];
  }

  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      causes: this.causes,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.place === undefined ? {} : { place: this.place }),
    };
  }
}

/** True for a text that is one of the stable codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** The same error if it already has a code, otherwise `internal` around it. */
export function toFlotillaError(error: unknown): FlotillaError {
  if (error instanceof FlotillaError) return error;
  return new FlotillaError("internal", error instanceof Error ? error.message : String(error), {
    cause: error,
  });
}
