/** Which API a command asks, and how it is known there: as the command line, the environment or a context says. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { ClientOptions } from "#client/client.ts";
import { type Credentials, DEFAULT_ENDPOINT } from "#client/endpoint.ts";
import type { Options } from "../command.ts";
import { contextsPath, findContext, readContexts, requireContextsPath, warnOfMode } from "./file.ts";

export interface Chosen extends Required<Pick<ClientOptions, "endpoint" | "credentials">> {
  /** What the person should know of the files that were read. */
  readonly warnings: readonly string[];
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** @throws FlotillaError `usage`, `not-found`, `bad-config`, `not-permitted` */
export function chooseApi(options: Options, around: Surroundings): Chosen {
  const named = nameApi(options, around.env);
  const given = givenCredentials(options, around);
  return {
    endpoint: named.endpoint,
    credentials: { ...named.credentials, ...given.credentials },
    warnings: [...named.warnings, ...given.warnings],
  };
}

/** What is said on the command line goes before the environment, and an endpoint before a context. */
function nameApi(options: Options, env: Surroundings["env"]): Chosen {
  const flags = { endpoint: options.text("endpoint"), context: options.text("context") };
  const said = { endpoint: env.FLOTILLA_ENDPOINT || undefined, context: env.FLOTILLA_CONTEXT || undefined };
  const { endpoint, context } = (flags.endpoint ?? flags.context) ? flags : said;
  if (endpoint !== undefined) return { endpoint, credentials: {}, warnings: [] };
  if (context !== undefined) return fromContext(requireContextsPath(env), context);
  const path = contextsPath(env);
  return path === undefined ? LOCAL : fromContext(path, undefined);
}

const LOCAL: Chosen = { endpoint: DEFAULT_ENDPOINT, credentials: {}, warnings: [] };

/** @param name undefined: the current one, if any is */
function fromContext(path: string, name: string | undefined): Chosen {
  const contexts = readContexts(path);
  const wanted = name ?? contexts.current;
  if (wanted === undefined) return LOCAL;
  const { endpoints, credentials } = findContext(contexts, wanted);
  return {
    endpoint: endpoints.join(","),
    credentials,
    warnings: hasSecret(credentials) ? warningsOf(path) : [],
  };
}

function hasSecret({ key, token }: Credentials): boolean {
  return key !== undefined || token !== undefined;
}

function warningsOf(path: string): readonly string[] {
  const warning = warnOfMode(path);
  return warning === undefined ? [] : [warning];
}

const FILES = [
  ["ca", "ca"],
  ["cert", "client-cert"],
  ["key", "client-key"],
  ["token", "token-file"],
] as const;

/** What the command line and the environment add, file by file. */
function givenCredentials(
  options: Options,
  { env, cwd }: Surroundings,
): Pick<Chosen, "credentials" | "warnings"> {
  const inherited = env.FLOTILLA_TOKEN ? { token: env.FLOTILLA_TOKEN.trim() } : {};
  const given = FILES.flatMap(([field, option]) => {
    const path = options.text(option);
    if (path === undefined) return [];
    const text = readGiven(resolve(cwd, path), option);
    return [[field, field === "token" ? text.trim() : text, resolve(cwd, path)] as const];
  });
  if (given.some(([field]) => field === "cert") !== given.some(([field]) => field === "key")) {
    throw new FlotillaError("usage", "a certificate and its key belong together", {
      hint: "give --client-cert FILE and --client-key FILE",
    });
  }
  const secrets = given.filter(([field]) => field === "key" || field === "token");
  const warnings = secrets.flatMap(([, , path]) => warningsOf(path));
  const credentials = { ...inherited, ...Object.fromEntries(given.map(([field, text]) => [field, text])) };
  return { credentials, warnings };
}

/** @throws FlotillaError `usage` */
function readGiven(path: string, option: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new FlotillaError("usage", `--${option}: ${path} cannot be read`, {
      causes: [error instanceof Error ? error.message : String(error)],
      cause: error,
    });
  }
}
