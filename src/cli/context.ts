/** `flotilla context …`: the clusters that a person knows. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { type Credentials, parseEndpoint } from "#client/endpoint.ts";
import type { CommandContext } from "./command.ts";
import { chooseApi } from "./contexts/choose.ts";
import {
  CONTEXT_NAME,
  type Context,
  findContext,
  keepContext,
  parseContext,
  readContexts,
  requireContextsPath,
  withoutContext,
  writeContexts,
} from "./contexts/file.ts";
import { list as showList } from "./lists.ts";
import type { CliIo } from "./terminal/io.ts";
import { writeLines } from "./terminal/output.ts";
import type { Column } from "./terminal/table.ts";

const API_PORT = 7400;

interface Row {
  readonly name: string;
  readonly current: boolean;
  readonly endpoints: readonly string[];
  readonly credentials: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { field: "name", value: ({ name }) => name },
  { field: "current", value: ({ current }) => (current ? "*" : "") },
  { field: "credentials", value: ({ credentials }) => credentials },
  { field: "endpoints", value: ({ endpoints }) => endpoints.join(",") },
];

/** What proves somebody is not shown, only of what kind it is. */
export async function list(context: CommandContext): Promise<number> {
  const { current, contexts } = readContexts(requireContextsPath(context.io.env));
  const items = contexts
    .map(({ name, endpoints, credentials }) => ({
      name,
      current: name === current,
      endpoints,
      credentials: kindOf(credentials),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const fields = "name,current,credentials,endpoints";
  await showList(context, { key: "contexts", items, columns: COLUMNS, fields, name: ({ name }) => name });
  return 0;
}

function kindOf({ cert, token }: Credentials): string {
  if (cert !== undefined) return "certificate";
  return token === undefined ? "none" : "token";
}

export async function use({ args, io }: CommandContext): Promise<number> {
  const [name = ""] = args;
  const path = requireContextsPath(io.env);
  const contexts = readContexts(path);
  const current = name === "-" ? undefined : findContext(contexts, name).name;
  await writeContexts(path, { ...contexts, current });
  writeLines(io.stderr, [
    current === undefined ? "commands are for the local daemon" : `commands are for ${name}`,
  ]);
  return 0;
}

export async function remove({ args, io }: CommandContext): Promise<number> {
  const [name = ""] = args;
  const path = requireContextsPath(io.env);
  const contexts = readContexts(path);
  findContext(contexts, name);
  await writeContexts(path, withoutContext(contexts, name));
  writeLines(io.stderr, [`${name}: forgotten`]);
  return 0;
}

export async function add(context: CommandContext): Promise<number> {
  const { args, options, io } = context;
  const [name = ""] = args;
  if (!CONTEXT_NAME.test(name)) {
    throw new FlotillaError("usage", `"${name}" is not a name for a context`, {
      hint: "use letters, digits, '.', '_', '-' and '@', at most 63",
    });
  }
  if (!options.flag("replace")) checkNew(name, io.env);
  const added = await describeContext(name, context);
  const who = await tryOut(added, io.signal);
  const path = await keepContext(io.env, added, options.flag("use"));
  writeLines(io.stderr, [
    `${name}: ${who}`,
    `It is kept in ${path}${options.flag("use") ? ", and commands are for it from now on" : ""}.`,
  ]);
  return 0;
}

/** @throws FlotillaError `conflict`: what lets somebody in is not written over unasked */
function checkNew(name: string, env: CliIo["env"]): void {
  const known = readContexts(requireContextsPath(env)).contexts.find((one) => one.name === name);
  if (known === undefined) return;
  throw new FlotillaError(
    "conflict",
    `there is a context ${name} already, for ${known.endpoints.join(",")}`,
    {
      hint: "choose another name, or give --replace",
    },
  );
}

/** @throws FlotillaError `usage`, or `not-authenticated` where another cluster answers than the token's */
async function describeContext(name: string, context: CommandContext): Promise<Context> {
  const { args, options, io } = context;
  const file = options.text("file");
  if (file !== undefined) return { ...(await readContextFile(resolve(io.cwd, file))), name };
  const endpoints = args.slice(1).map(endpointOf);
  const [first] = endpoints;
  if (first === undefined) {
    throw new FlotillaError("usage", "say where the cluster is", {
      hint: `flotilla context add ${name} ADDRESS --token TOKEN, or: flotilla context add ${name} --file FILE`,
    });
  }
  const token = options.text("token");
  const given = chooseApi(options, { env: {}, cwd: io.cwd }).credentials;
  const credentials = { ...given, ...(token === undefined ? {} : { token: token.trim() }) };
  return { name, endpoints, credentials: await withAuthority(first, credentials, io.now()) };
}

/** The token says by what the cluster is known. */
async function withAuthority(
  endpoint: string,
  credentials: Credentials,
  nowMs: number,
): Promise<Credentials> {
  if (credentials.token === undefined || credentials.ca !== undefined || !endpoint.startsWith("https:"))
    return credentials;
  const [{ parseToken }, { fetchAuthority }] = await Promise.all([
    import("#trust/token.ts"),
    import("#client/authority.ts"),
  ]);
  const { fingerprint } = parseToken(credentials.token);
  const { authority } = await fetchAuthority(parseEndpoint(endpoint), fingerprint, nowMs);
  return { ...credentials, ca: authority };
}

/** `10.0.0.1` is `https://10.0.0.1:7400`. */
function endpointOf(address: string): string {
  if (/^(https?:\/\/|unix:)/.test(address)) return address;
  const isBareIpv6 = address.includes(":") && !address.startsWith("[") && address.split(":").length > 2;
  const host = isBareIpv6 ? `[${address}]` : address;
  return /(^[^:]+|\]):\d+$/.test(host) ? `https://${host}` : `https://${host}:${API_PORT}`;
}

async function readContextFile(path: string): Promise<Context> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new FlotillaError("usage", `--file: ${path} cannot be read`, {
      causes: [error instanceof Error ? error.message : String(error)],
      cause: error,
    });
  });
  try {
    return parseContext(JSON.parse(text), path, "the file");
  } catch (error) {
    if (error instanceof FlotillaError) throw error;
    throw new FlotillaError("bad-config", `${path} is not what flotilla person create makes`);
  }
}

/** What the cluster says of whoever asks it so, in a sentence. @throws FlotillaError when it does not let them in */
async function tryOut({ endpoints, credentials }: Context, signal: AbortSignal): Promise<string> {
  const { FlotillaClient } = await import("#client/client.ts");
  const client = new FlotillaClient({ endpoint: endpoints.join(","), credentials });
  const { id, name, machines } = await client.cluster(signal);
  const { caller, role } = await client.whoami(signal);
  return `cluster ${name ?? id ?? "without a name"} with ${machines} machines, where you are ${caller} (${role})`;
}
