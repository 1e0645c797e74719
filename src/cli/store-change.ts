/** `flotilla store promote` and the like: changes of the store, told step by step. */
import type { StoreVerb } from "#client/client.ts";
import type { CommandContext } from "./command.ts";
import { writeLines } from "./terminal/output.ts";

export function promote(context: CommandContext): Promise<number> {
  return change(context, "promote", {});
}

export function add(context: CommandContext): Promise<number> {
  const [machine = ""] = context.args;
  return change(context, "add", { machine });
}

export function remove(context: CommandContext): Promise<number> {
  const [machine = ""] = context.args;
  return change(context, "remove", { machine });
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
