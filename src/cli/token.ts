/** `flotilla token`: what machines join with and people are let in by. */
import type { TokenRow } from "#api/trust-bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import { TOKEN_ROLES, type TokenRole } from "#model/token-roles.ts";
import type { CommandContext } from "./command.ts";
import { list as showList } from "./lists.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";
import type { Column } from "./terminal/table.ts";
import { formatAge } from "./terminal/times.ts";

/** The token goes to stdout alone, so that a script takes it from there; what it is good for is talk. */
export async function create({ options, io, format, client }: CommandContext): Promise<number> {
  const role = readRole(options.text("role") ?? "machine");
  const ttlMs = options.duration("ttl");
  const uses = options.count("uses");
  const name = options.text("name");
  const made = await (await client()).createToken(
    {
      role,
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(uses === undefined ? {} : { uses }),
      ...(name === undefined ? {} : { name }),
    },
    io.signal,
  );
  if (isData(format)) {
    await showData(io.stdout, made, format);
    return 0;
  }
  writeLines(io.stdout, [made.token]);
  const until = new Date(made.expiresMs).toISOString();
  writeLines(io.stderr, [
    role === "machine"
      ? `Good for ${made.usesLeft === 1 ? "one machine" : `${made.usesLeft} machines`} until ${until}. On the machine that joins, as root:`
      : `Lets a person in as ${role} until ${until}. On the person's computer:`,
    role === "machine"
      ? "  flotilla join ADDRESS --token TOKEN"
      : "  flotilla context add NAME ADDRESS --token TOKEN",
  ]);
  return 0;
}

/** @throws FlotillaError `usage` */
function readRole(text: string): TokenRole {
  const role = TOKEN_ROLES.find((one) => one === text);
  if (role !== undefined) return role;
  throw new FlotillaError("usage", `--role takes ${TOKEN_ROLES.join(", ")}, not ${text}`);
}

export async function list(context: CommandContext): Promise<number> {
  const tokens = await (await context.client()).tokens(context.io.signal);
  await showList(context, {
    key: "tokens",
    items: tokens,
    columns: columns(context.io.now()),
    fields: "id,role,uses,expires,name,made-by",
    name: ({ id }) => id,
  });
  return 0;
}

export async function revoke({ args, io, client }: CommandContext): Promise<number> {
  const api = await client();
  for (const id of args) {
    await api.revokeToken(id, io.signal);
    writeLines(io.stdout, [`${id}: revoked`]);
  }
  return 0;
}

function columns(nowMs: number): Column<TokenRow>[] {
  return [
    { field: "id", value: ({ id }) => id },
    { field: "role", value: ({ role }) => role },
    { field: "uses", value: ({ usesLeft }) => (usesLeft === null ? "any" : String(usesLeft)) },
    {
      field: "expires",
      value: ({ expiresMs }) => (expiresMs <= nowMs ? "expired" : `in ${formatAge(expiresMs - nowMs)}`),
      look: ({ expiresMs }) => (expiresMs <= nowMs ? "dim" : undefined),
    },
    { field: "name", value: ({ name }) => name },
    { field: "made-by", value: ({ createdBy }) => createdBy },
    { field: "age", value: ({ createdMs }) => formatAge(nowMs - createdMs) },
  ];
}
