/** `flotilla machine`: what the operator says of machines. */
import type { MachineConfigured, MachinePatch, MachineRow } from "#api/bodies.ts";
import { FlotillaError } from "#base/errors.ts";
import type { CommandContext } from "./command.ts";
import { isData, showData, writeLines } from "./terminal/output.ts";

export function cordon(context: CommandContext): Promise<number> {
  return setCordoned(true, context);
}

export function uncordon(context: CommandContext): Promise<number> {
  return setCordoned(false, context);
}

/** Ends the drain; what has moved stays where it is. */
export function undrain(context: CommandContext): Promise<number> {
  return configureEach({ drain: null }, context, ({ machine, changed }) =>
    changed ? `not drained any more: ${mayHaveUnits(machine)}` : "was not drained",
  );
}

async function setCordoned(cordoned: boolean, context: CommandContext): Promise<number> {
  return configureEach({ cordoned }, context, ({ machine, changed }) => {
    if (!changed) return cordoned ? "was cordoned already" : "was not cordoned";
    return cordoned ? "cordoned: no new units are placed there" : `uncordoned: ${mayHaveUnits(machine)}`;
  });
}

/** What keeps units away from a machine may be two things. */
function mayHaveUnits(machine: MachineRow | null): string {
  if (machine?.cordoned === true) return `it is cordoned still; flotilla machine uncordon ${machine.name}`;
  if (machine?.drain?.state === "leaving") return "it is leaving the cluster";
  if (machine !== null && machine.drain !== null)
    return `it is drained still; flotilla machine undrain ${machine.name}`;
  return "units may be placed there";
}

/** The same for each machine that is named, told one by one. */
async function configureEach(
  patch: MachinePatch,
  { args, io, format, client }: CommandContext,
  tell: (done: MachineConfigured) => string,
): Promise<number> {
  const api = await client();
  for (const text of args) {
    const done = await api.configureMachine(text, patch, io.signal);
    if (isData(format)) await showData(io.stdout, done, format);
    else writeLines(io.stdout, [`${done.machine?.name ?? text}: ${tell(done)}`]);
  }
  return 0;
}

/** Shows the metadata; with changes `key=value` sets and `key-` takes away, then shows what it has become. */
export async function metadata({ args, io, format, client }: CommandContext): Promise<number> {
  const [text = "", ...changes] = args;
  const api = await client();
  const machine =
    changes.length === 0
      ? await api.machine(text, io.signal)
      : (await api.configureMachine(text, readChanges(changes), io.signal)).machine;
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
