/** What to do with a cluster that has just come up: where it listens and the next commands to try. Pure. */
import { type DevLayout, socketOf, storeUrl } from "./layout.ts";

/** How the user has to type commands so that they find the cluster. */
export interface CommandWording {
  readonly program: string;
  /** `flotilla dev VERB` with what that needs. */
  readonly dev: (verb: string) => string;
}

export function guideLines(layout: DevLayout, { program, dev }: CommandWording): readonly string[] {
  const [first] = layout.machines;
  const victim = layout.machines.at(1) ?? first;
  if (first === undefined || victim === undefined) return [];
  const commands = [
    [`eval "$(${dev("env")})"`, "point this shell's commands at the cluster"],
    [`${program} list-units`, "what runs where"],
    [`${program} why web@1`, "why it is there"],
    [`${program} journal -f web-sidekick@1`, "what it writes"],
    [dev(`kill ${victim.name}`), "cut a machine's power; its units come up elsewhere"],
    [`${program} events`, "what happened"],
    [dev(`restart ${victim.name}`), "switch it on again"],
  ] as const;
  const width = Math.max(...commands.map(([text]) => text.length)) + 2;
  return [
    "The cluster is up.",
    `  API    http://${first.address}:${first.apiPort} and unix:${socketOf(first)}`,
    `  store  ${storeUrl(layout)} (etcd v3)`,
    "",
    "In another terminal, try:",
    ...commands.map(([text, what]) => `  ${text.padEnd(width)}# ${what}`),
    "",
    "Ctrl-C stops everything. What happens meanwhile is told here:",
  ];
}
