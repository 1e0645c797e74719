/** `flotilla machine`: what the operator says of machines. */
import type { MachinePatch } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

export function cordon(context: CommandContext): Promise<number> {
  return setCordoned(true, context);
}

export function uncordon(context: CommandContext): Promise<number> {
  return setCordoned(false, context);
}

async function setCordoned(cordoned: boolean, { args, io, client }: CommandContext): Promise<number> {
  const api = await client();
  for (const text of args) {
    const machine = await api.configureMachine(text, { cordoned }, io.signal);
    const told = cordoned
      ? "cordoned: no new units are placed there"
      : "uncordoned: units may be placed there";
    writeLines(io.stdout, [`${machine?.name ?? text}: ${told}`]);
  }
  return 0;
}

/** Shows the metadata; with changes `key=value` sets and `key-` takes away, then shows what it has become. */
export async function metadata({ args, io, format, client }: CommandContext): Promise<number> {
  const [text = "", ...changes] = args;
  const api = await client();
  const machine = await api.configureMachine(text, readChanges(changes), io.signal);
  const shown = machine?.metadata ?? {};
  if (isData(format))
    await showData(io.stdout, { machine: machine?.machine ?? text, metadata: shown }, format);
  else
    writeLines(
      io.stdout,
      Object.entries(shown)
        .map(([key, value]) => `${key}=${value}`)
        .sort(),
    );
  return 0;
}

/** @throws FlotillaError `usage` */
function readChanges(changes: readonly string[]): MachinePatch {
  const pairs = changes.map((change): readonly [string, string | null] => {
    const set = /^([^=]+)=(.*)$/.exec(change);
    if (set !== null) return [set[1] ?? "", set[2] ?? ""];
    if (/^[^=]+-$/.test(change)) return [change.slice(0, -1), null];
    throw new FlotillaError("usage", `"${change}" changes no metadata`, {
      hint: "write KEY=VALUE to set a key, KEY- to take it away",
    });
  });
  return { metadata: Object.fromEntries(pairs) };
}
