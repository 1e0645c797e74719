/** `flotilla store promote` and the like: changes of the store, told step by step. */
import { resolve } from "node:path";
import { FlotillaError } from "#base/errors.ts";
import type { StoreVerb } from "#client/client.ts";
import type { CommandContext } from "./command.ts";
import { readValueFile } from "./kv/value.ts";
import { writeLines } from "./terminal/output.ts";

export function promote(context: CommandContext): Promise<number> {
  return change(context, "promote", {});
}

/** The only kind there is to move to is etcd; the word stands for what others may come. */
export async function use(context: CommandContext): Promise<number> {
  const { args, options } = context;
  const endpoints = (options.text("endpoints") ?? "").split(",").flatMap((url) => url.trim() || []);
  if (args[0] !== "etcd" || endpoints.length === 0) {
    throw new FlotillaError("usage", "say which etcd to use", {
      hint: "flotilla store use etcd --endpoints http://HOST:2379",
    });
  }
  const bad = endpoints.find((url) => !/^https?:\/\/[^/]+:\d+$/.test(url));
  if (bad !== undefined) {
    throw new FlotillaError("usage", `${bad} is no endpoint`, { hint: "write it as http://HOST:PORT" });
  }
  return change(context, "use", { endpoints, ...tlsOptions(context), ...(await userOption(context)) });
}

/** Absolute, since the daemons stand elsewhere. */
function tlsOptions({ options, io }: CommandContext): object {
  const files = [
    ["caFile", "cacert"],
    ["certFile", "cert"],
    ["keyFile", "key"],
  ] as const;
  const given = files.flatMap(([name, option]) => {
    const path = options.text(option);
    return path === undefined ? [] : [[name, resolve(io.cwd, path)] as const];
  });
  return given.length === 0 ? {} : { tls: Object.fromEntries(given) };
}

async function userOption({ options, io }: CommandContext): Promise<object> {
  const given = options.text("user");
  if (given === undefined) return {};
  const [name = "", ...password] = given.split(":");
  const file = options.text("password-file");
  if (password.length > 0) {
    throw new FlotillaError(
      "usage",
      "a password among a command's arguments can be read by everybody on this machine",
      {
        hint: `--user ${name} --password-file FILE, where - is standard input`,
      },
    );
  }
  if (file === undefined) {
    throw new FlotillaError("usage", `the password of ${name} is missing`, {
      hint: "--password-file FILE, where - is standard input",
    });
  }
  const text = (await readValueFile(file, io.cwd)).toString("utf8");
  return { user: { name, password: text.replace(/\r?\n$/, "") } };
}

export function add(context: CommandContext): Promise<number> {
  const [machine = ""] = context.args;
  return change(context, "add", { machine });
}

export function remove(context: CommandContext): Promise<number> {
  const [machine = ""] = context.args;
  return change(context, "remove", { machine });
}

export function defrag(context: CommandContext): Promise<number> {
  return change(context, "defrag", {});
}

export function replace(context: CommandContext): Promise<number> {
  const [machine = "", by = ""] = context.args;
  return change(context, "replace", { machine, by });
}

/** The steps are talk; what it has come to is shown by `flotilla store status`. */
async function change({ io, client }: CommandContext, verb: StoreVerb, body: object): Promise<number> {
  for await (const step of (await client()).changeStore(verb, body, io.signal)) writeLines(io.stderr, [step]);
  return io.signal.aborted ? 130 : 0;
}
