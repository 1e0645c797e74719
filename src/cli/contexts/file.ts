/**
 * Contexts: the clusters that a person knows, each with how it is reached and how the person is known there.
 *
 * They are one file, ~/.config/flotilla/contexts.json, which others may not read, since it has keys and tokens. It is
 * read by nearly every command, so that it is read at once and checked by hand rather than by a library.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { Credentials } from "#client/endpoint.ts";

export interface Context {
  readonly name: string;
  /** Of APIs of the cluster, tried in order. */
  readonly endpoints: readonly string[];
  readonly credentials: Credentials;
}

export interface Contexts {
  /** The name of the one that commands use unless they are told otherwise. */
  readonly current: string | undefined;
  readonly contexts: readonly Context[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const CREDENTIALS = ["ca", "cert", "key", "token"] as const;
export const CONTEXT_NAME = /^[A-Za-z0-9][A-Za-z0-9@._-]{0,62}$/;

/** A name for a context of a cluster, whose own name may be any text. */
export function contextNameOf(clusterName: string): string {
  const name = clusterName
    .replaceAll(/[^A-Za-z0-9@._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 63);
  return name === "" ? "flotilla" : name;
}

/** Undefined where the environment names no home. */
export function contextsPath(env: Environment): string | undefined {
  const base = env.XDG_CONFIG_HOME || (env.HOME ? join(env.HOME, ".config") : undefined);
  return base === undefined ? undefined : join(base, "flotilla", "contexts.json");
}

/** @throws FlotillaError `bad-config` for a file that is damaged, `not-permitted` for one that may not be read */
export function readContexts(path: string): Contexts {
  const text = readText(path);
  return text === undefined ? { current: undefined, contexts: [] } : parseContexts(text, path);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw unreadable(path, error);
  }
}

/** @throws FlotillaError `bad-config`; the text is not repeated, since it has secrets */
export function parseContexts(text: string, path: string): Contexts {
  const value = parseJson(text);
  if (!isRecord(value) || !Array.isArray(value.contexts)) throw damaged(path, "it has no list of contexts");
  const { current, contexts } = value;
  return {
    current: typeof current === "string" ? current : undefined,
    contexts: contexts.map((one: unknown, index) => parseContext(one, path, `contexts[${index}]`)),
  };
}

/** @param where the context stands in the file, for the error */
export function parseContext(value: unknown, path: string, where: string): Context {
  if (!isRecord(value)) throw damaged(path, `${where} is no context`);
  const { name, endpoints } = value;
  if (typeof name !== "string" || !CONTEXT_NAME.test(name)) throw damaged(path, `${where} has no name`);
  if (!isTexts(endpoints) || endpoints.length === 0) throw damaged(path, `${where} has no endpoints`);
  const given = CREDENTIALS.flatMap((field) => {
    const text = value[field];
    if (text === undefined) return [];
    if (typeof text === "string") return [[field, text] as const];
    throw damaged(path, `${where}.${field} is no text`);
  });
  return { name, endpoints, credentials: Object.fromEntries(given) };
}

/** Puts the context in the place of another of its name. */
export function withContext({ current, contexts }: Contexts, added: Context, use: boolean): Contexts {
  const others = contexts.filter(({ name }) => name !== added.name);
  return { current: use ? added.name : current, contexts: [...others, added] };
}

export function withoutContext({ current, contexts }: Contexts, removed: string): Contexts {
  return {
    current: current === removed ? undefined : current,
    contexts: contexts.filter(({ name }) => name !== removed),
  };
}

/** @throws FlotillaError `not-found` with the names that there are */
export function findContext({ contexts }: Contexts, wanted: string): Context {
  const found = contexts.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = contexts.map(({ name }) => name).join(", ");
  throw new FlotillaError("not-found", `there is no context ${wanted}`, {
    hint: names === "" ? "flotilla context add NAME ADDRESS --token TOKEN makes one" : `there are: ${names}`,
  });
}

/** Readable by the owner only. @throws FlotillaError `disk-full`, `not-permitted`; the file is then as before */
export async function writeContexts(path: string, { current, contexts }: Contexts): Promise<void> {
  const { makeDirectories, writeFileAtomic } = await import("#host/files.ts");
  await makeDirectories(dirname(path));
  const value = {
    ...(current === undefined ? {} : { current }),
    contexts: contexts.map(toJson),
  };
  await writeFileAtomic(path, `${JSON.stringify(value, undefined, 2)}\n`, 0o600);
}

/** A context as it stands in files. */
export function toJson({ name, endpoints, credentials }: Context): object {
  return { name, endpoints, ...credentials };
}

/** Puts a context among the others, in the place of one of its name. @returns the file's path */
export async function keepContext(env: Environment, context: Context, use: boolean): Promise<string> {
  const path = requireContextsPath(env);
  await writeContexts(path, withContext(readContexts(path), context, use));
  return path;
}

/** A name for a cluster's context that no other has: what lets somebody into another cluster is not written over. */
export function freeName({ contexts }: Contexts, clusterName: string): string {
  const taken = new Set(contexts.map(({ name }) => name));
  const name = contextNameOf(clusterName);
  if (!taken.has(name)) return name;
  const stem = name.slice(0, 59);
  for (let number = 2; ; number += 1) if (!taken.has(`${stem}-${number}`)) return `${stem}-${number}`;
}

/** @throws FlotillaError `usage` where the environment names no home */
export function requireContextsPath(env: Environment): string {
  const path = contextsPath(env);
  if (path !== undefined) return path;
  throw new FlotillaError("usage", "there is no home to keep contexts in", {
    hint: "set HOME or XDG_CONFIG_HOME",
  });
}

/** What to say of a file with secrets that others may read; undefined where it is as it should be. */
export function warnOfMode(path: string): string | undefined {
  const mode = (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return `${path} has secrets, and others may read it (mode ${mode.toString(8).padStart(4, "0")})`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function unreadable(path: string, error: unknown): FlotillaError {
  return new FlotillaError("not-permitted", `${path} cannot be read`, {
    causes: [error instanceof Error ? error.message : String(error)],
    hint: "flotilla --endpoint ADDRESS does without it",
    cause: error,
  });
}

function damaged(path: string, what: string): FlotillaError {
  return new FlotillaError("bad-config", `${path} cannot be taken`, {
    causes: [what],
    hint: "mend it, or move it away and add the contexts again: flotilla context add",
  });
}
