/** Saying in the project's terms what is wrong with the store's files. */
import { FlotillaError } from "#base/errors.ts";

/** The error for a file that cannot be trusted. */
export function damaged(path: string, what: string, cause?: unknown): FlotillaError {
  return new FlotillaError("store-corrupt", `the store's file ${path} is damaged`, {
    causes: [what],
    hint: "restore a backup of the store; move the damaged directory away, it may still be of use",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The error for a file that is whole, but not this store's. */
export function foreign(path: string, what: string): FlotillaError {
  return new FlotillaError("store-foreign", `${path} belongs to another store`, {
    causes: [what],
    hint: "give the daemon the directory of its own store, or restore a backup into an empty one",
  });
}

export function tooNew(path: string, format: number, known: number): FlotillaError {
  return new FlotillaError("store-too-new", `${path} was written by a newer version of Flotilla`, {
    causes: [`the file has format ${format}; this version knows formats up to ${known}`],
    hint: "run the newer version again, or restore a backup made by this one",
  });
}

export function isFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
