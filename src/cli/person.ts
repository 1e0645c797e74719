/** `flotilla person`: certificates by which people are let in. */
import { lstat } from "node:fs/promises";
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import { writeFileAtomic } from "#host/files.ts";
import { PERSON_ROLES, type PersonRole } from "#model/token-roles.ts";
import { newKey, newRequest } from "#trust/signing.ts";
import type { CommandContext } from "./command.ts";
import { contextNameOf, toJson } from "./contexts/file.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

/** The key is made here and leaves this computer in the file only. */
export async function create({ args, options, io, format, client }: CommandContext): Promise<number> {
  const [name = ""] = args;
  const path = resolve(io.cwd, options.text("file") ?? `${name}.json`);
  const role = readRole(options.text("role"));
  const ttlMs = options.duration("ttl");
  await checkFree(path);
  const key = newKey();
  const request = { name, role, request: newRequest(key), ...(ttlMs === undefined ? {} : { ttlMs }) };
  const made = await (await client()).createPerson(request, io.signal);
  const { clusterName, certificate: cert, machinesCa: ca, apis: endpoints, expiresMs } = made;
  const context = { name: contextNameOf(clusterName), endpoints, credentials: { ca, cert, key } };
  await writeFileAtomic(path, `${JSON.stringify(toJson(context), undefined, 2)}\n`, 0o600);
  if (isData(format)) await showData(io.stdout, { name, role, expiresMs, file: path }, format);
  else {
    writeLines(io.stdout, [path]);
    writeLines(io.stderr, [
      `Lets ${name} in as ${role} until ${new Date(expiresMs).toISOString()}. It has the key: hand it over in secret.`,
      "On the person's computer:",
      `  flotilla context add ${context.name} --file FILE`,
    ]);
  }
  return 0;
}

export async function revoke({ args, io, client }: CommandContext): Promise<number> {
  const api = await client();
  for (const name of args) {
    await api.revokePerson(name, io.signal);
    writeLines(io.stdout, [`${name}: certificates are refused from now on`]);
  }
  return 0;
}

/** @throws FlotillaError `usage` */
function readRole(text: string | undefined): PersonRole {
  const role = PERSON_ROLES.find((one) => one === text);
  if (role !== undefined) return role;
  const what =
    text === undefined
      ? "say what the person may do"
      : `--role takes ${PERSON_ROLES.join(", ")}, not ${text}`;
  throw new FlotillaError("usage", what, { hint: "flotilla person create NAME --role operator" });
}

/** @throws FlotillaError `conflict`: what is there may be somebody's key */
async function checkFree(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  throw new FlotillaError("conflict", `${path} is there already`, { hint: "choose another with --file" });
}
