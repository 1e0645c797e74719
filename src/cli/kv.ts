/** `flotilla kv …`: configuration of the users' services, in the store. */
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext, Options } from "./command.ts";
import { followKv } from "./kv/follow.ts";
import { readAllKeys } from "./kv/pages.ts";
import { bytesOf, previewOf, readValueFile, toApiValue } from "./kv/value.ts";
import { list as showList } from "./lists.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

const PREVIEW_COLUMNS = 60;

/** The value's bytes and nothing else, so that they can go to a file; a terminal gets the end of the line. */
export async function get({ args, io, format, client }: CommandContext): Promise<number> {
  const [key = ""] = args;
  const [entry] = (await (await client()).kv({ key }, io.signal)).entries;
  if (entry === undefined) return 1;
  if (isData(format)) {
    await showData(io.stdout, entry, format);
    return 0;
  }
  const bytes = bytesOf(entry);
  io.stdout.write(bytes);
  if (io.stdout.isTTY === true && bytes.at(-1) !== 0x0a) io.stdout.write("\n");
  return 0;
}

export async function put({ args, options, io, format, client }: CommandContext): Promise<number> {
  const [key = "", text] = args;
  const path = options.text("from-file");
  if ((text === undefined) === (path === undefined)) {
    throw new FlotillaError("usage", "give the value behind the key, or a file that has it", {
      hint: "flotilla kv put app/port 80, or: flotilla kv put app/key --from-file key.pem (- is standard input)",
    });
  }
  const bytes = path === undefined ? Buffer.from(text ?? "", "utf8") : await readValueFile(path, io.cwd);
  const request = { key, ...toApiValue(bytes), ...revisionOption(options) };
  const result = await (await client()).putKv(request, io.signal);
  if (isData(format)) await showData(io.stdout, { key, ...result }, format);
  else writeLines(io.stderr, [`${key}: written at revision ${result.revision}`]);
  return 0;
}

/** Several keys, or with --prefix all that begin so. */
export async function del({ args, options, io, format, client }: CommandContext): Promise<number> {
  const api = await client();
  const revision = revisionOption(options);
  let deleted = 0;
  for (const key of args) {
    const what = options.flag("prefix") ? { prefix: key } : { key };
    const result = await api.deleteKv({ ...what, ...revision }, io.signal);
    if (result.deleted === 0) throw new FlotillaError("not-found", `there is no key ${key}`);
    deleted += result.deleted;
  }
  if (isData(format)) await showData(io.stdout, { deleted }, format);
  else writeLines(io.stderr, [deleted === 1 ? "1 key deleted" : `${deleted} keys deleted`]);
  return 0;
}

export async function list(context: CommandContext): Promise<number> {
  const [prefix = ""] = context.args;
  const { entries } = await readAllKeys(await context.client(), { prefix }, context.io.signal);
  await showList(context, {
    key: "keys",
    items: entries,
    columns: [
      { field: "key", value: (entry) => entry.key },
      { field: "revision", value: (entry) => entry.revision },
      { field: "version", value: (entry) => String(entry.version) },
      { field: "bytes", value: (entry) => String(entry.bytes ?? 0) },
      { field: "value", value: (entry) => previewOf(entry, PREVIEW_COLUMNS) },
    ],
    fields: "key,revision,bytes,value",
    name: ({ key }) => key,
  });
  return 0;
}

/** A line for each change; goes on when the daemon is away for a while. */
export async function watch({ args, options, io, format, client }: CommandContext): Promise<number> {
  const [key = ""] = args;
  const after = options.text("after");
  const query = {
    ...(key === "" || options.flag("prefix") ? { prefix: key } : { key }),
    ...(after === undefined ? {} : { after }),
  };
  const onAway = (reason: string): void =>
    writeLines(io.stderr, [`${reason}; watching goes on when it is back`]);
  for await (const change of followKv(await client(), query, { signal: io.signal, onAway })) {
    const value = change.type === "put" ? ` ${previewOf(change, Number.POSITIVE_INFINITY)}` : "";
    const line = `${change.revision} ${change.type} ${change.key}${value}`;
    writeLines(io.stdout, [isData(format) ? JSON.stringify(change) : line]);
  }
  return 0;
}

/** @throws FlotillaError `usage` */
function revisionOption(options: Options): { readonly ifRevision?: string } {
  const text = options.text("if-revision");
  if (text === undefined) return {};
  if (/^\d{1,19}$/.test(text)) return { ifRevision: text };
  throw new FlotillaError("usage", `--if-revision takes a revision, not ${text}`, {
    hint: "flotilla kv list shows each key's; 0 stands for a key that is not there",
  });
}
