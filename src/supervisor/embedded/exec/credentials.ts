/** The credentials of a unit's run: files in a directory that only its user can read. systemd.exec(5), CREDENTIALS. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { CredentialSettings } from "#unit/exec-settings.ts";
import type { Owner } from "./directories.ts";
import { Refusal } from "./refusal.ts";

/** The most that systemd takes of one. */
const MAX_BYTES = 1024 * 1024;

/** Fills `directory`; nothing is done, and false returned, where there are none. */
export function provideCredentials(
  { loaded, set }: CredentialSettings,
  directory: string,
  owner: Owner | undefined,
): boolean {
  if (loaded.length === 0 && set.length === 0) return false;
  return Refusal.at("credentials", () => {
    const contents = new Map<string, string | Buffer>();
    for (const { name, path } of loaded) load(name, path, contents);
    for (const { name, value } of set) if (!contents.has(name)) contents.set(name, value);
    for (const { name, path } of loaded) {
      const isThere = contents.has(name) || [...contents.keys()].some((key) => key.startsWith(`${name}_`));
      if (!isThere && path.startsWith("/")) throw new Error(`credential ${name}: there is no ${path}`);
    }
    write(directory, contents, owner);
    return true;
  });
}

/** The files of a directory each become one, named after both. What is not there may be set instead. */
function load(name: string, path: string, contents: Map<string, string | Buffer>): void {
  const found = path.startsWith("/") ? statSync(path, { throwIfNoEntry: false }) : undefined;
  if (found === undefined) return;
  if (found.isDirectory()) {
    for (const file of readdirSync(path)) contents.set(`${name}_${file}`, readLimited(join(path, file)));
  } else {
    contents.set(name, readLimited(path));
  }
}

function readLimited(path: string): Buffer {
  if (statSync(path).size > MAX_BYTES) throw new Error(`${path} is too large for a credential`);
  return readFileSync(path);
}

function write(
  directory: string,
  contents: ReadonlyMap<string, string | Buffer>,
  owner: Owner | undefined,
): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(dirname(directory), { recursive: true, mode: 0o755 });
  mkdirSync(directory, { mode: 0o700 });
  for (const [name, content] of contents) {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o400 });
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
  }
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  chmodSync(directory, 0o500);
}
