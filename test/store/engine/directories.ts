/** Directories of stores for the tests of the engine, and short forms of what they do with them. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { type EmbeddedStoreOptions, openEmbeddedStore } from "#store/embedded/embedded-store.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import type { LocalStore } from "#store/local-store.ts";
import type { Store } from "#store/store.ts";

const SHARED_MEMORY = "/dev/shm";

export function makeDirectory(parent = tmpdir()): string {
  return mkdtempSync(join(parent, "flotilla-engine-"));
}

/** In memory where the machine has such a place, for tests of which a disk only takes the time. */
export function makeFastDirectory(): string {
  return makeDirectory(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : undefined);
}

export function openStore(
  directory: string,
  options: Partial<EmbeddedStoreOptions> = {},
): Promise<LocalStore> {
  return openEmbeddedStore({ clock: systemClock, random: systemRandom, ...options, directory });
}

export async function write(store: Store, key: string, value = ""): Promise<bigint> {
  return (await store.put({ key: toBytes(key), value: toBytes(value) })).header.revision;
}

/** `key=value` of every key there is. */
export async function contentOf(store: Store): Promise<string[]> {
  const { kvs } = await store.range(prefixRange(""));
  return kvs.map((kv) => `${toText(kv.key)}=${toText(kv.value)}`);
}

/** The paths of the log's files, in order. */
export function logFiles(directory: string): string[] {
  const log = join(directory, "log");
  return readdirSync(log)
    .sort()
    .map((name) => join(log, name));
}

/** What is in a file of the log, without the zeros behind it. No frame of these tests ends with a zero. */
export function readFrames(path: string): Buffer {
  const content = readFileSync(path);
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  return content.subarray(0, end);
}

/** The files as they are at this moment, which is how a crash would leave them. */
export function copyStore(from: string): string {
  const to = `${from}.copy`;
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  return to;
}
