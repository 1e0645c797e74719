/** Unit file texts by hash: from this machine's disk where they have been before, otherwise from the store. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { writeFileAtomic } from "#host/files.ts";
import { keys } from "#model/keys.ts";
import { toBytes } from "#store/keys.ts";
import type { Store } from "#store/store.ts";

const HASH_DIGITS = 64;

/** Where texts are kept on this machine. */
export interface FileCache {
  read(hash: string): Promise<string | undefined>;
  write(hash: string, text: string): Promise<void>;
  /** Forgets every text but these. */
  keep(hashes: ReadonlySet<string>): Promise<void>;
}

/** SHA-256 of a unit file's bytes, 64 hex digits. */
export function hashOf(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A cache in `directory`; a text whose hash does not match counts as missing. */
export function directoryCache(directory: string): FileCache {
  return {
    read: async (hash) => {
      const text = await readFile(join(directory, hash), "utf8").catch(() => undefined);
      return text !== undefined && hashOf(text) === hash ? text : undefined;
    },
    write: async (hash, text) => {
      await mkdir(directory, { recursive: true });
      await writeFileAtomic(join(directory, hash), text);
    },
    keep: async (hashes) => {
      const names = await readdir(directory).catch(() => []);
      // A file that is just being written has its hash and a suffix for a name.
      const unwanted = names.filter((name) => !hashes.has(name.slice(0, HASH_DIGITS)));
      await Promise.all(unwanted.map((name) => rm(join(directory, name), { force: true })));
    },
  };
}

/**
 * The text of a unit file.
 * @throws FlotillaError `not-found` or `store-corrupt` when the store has no such file; StoreError when the store is away.
 */
export async function readUnitFile(cache: FileCache, store: Store, hash: string): Promise<string> {
  const cached = await cache.read(hash);
  if (cached !== undefined) return cached;
  const { kvs } = await store.range({ key: toBytes(keys.file(hash)) });
  const bytes = kvs[0]?.value;
  if (bytes === undefined) {
    throw new FlotillaError("not-found", `the store has no unit file ${hash.slice(0, 7)}`, {
      retryable: true,
    });
  }
  if (hashOf(bytes) !== hash) {
    throw new FlotillaError(
      "store-corrupt",
      `the store's unit file ${hash.slice(0, 7)} has other bytes than its hash says`,
    );
  }
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  await cache.write(hash, text);
  return text;
}
