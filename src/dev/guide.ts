/** What to do with a cluster that has just come up: where it listens and the next commands to try. Pure. */
import { type DevLayout, socketOf, storeUrl } from "./layout.ts";

/** How the user has to type commands so that they find the cluster. */
export interface CommandWording {
  readonly program: string;
  /** `flotilla dev VERB` with what that needs. */
  readonly dev: (verb: string) => string;
  /** How the cluster is ended. */
  readonly end: string;
}

/** @param units what has been started, if anything has */
export function guideLines(
  layout: DevLayout,
  { program, dev, end }: CommandWording,
  units: readonly string[],
): readonly string[] {
  const [first] = layout.machines;
  const victim = layout.machines.at(1) ?? first;
  if (first === undefined || victim === undefined) return [];
  const [unit] = units.map((name) => name.replace(/\.service$/, ""));
  const aboutUnit = [
    [`${program} why ${unit}`, "why it is there"],
    [`${program} journal -f ${unit}`, "what it writes"],
  ] as const;
  const commands = [
    [`eval "$(${dev("env")})"`, "point this shell's commands at the cluster"],
    [`${program} list-units`, "what runs where"],
    ...(unit === undefined ? [] : aboutUnit),
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
    end,
  ];
}
