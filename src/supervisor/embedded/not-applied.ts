/** What a unit file asks for and this supervisor does not do. Pure. A setting that silently does nothing is a trap. */
import { findKey, type SECTIONS } from "#unit/keys.ts";
import type { UnitFile } from "#unit/unit-file.ts";

/** Enabling is the cluster's affair, and the sections of ours are read by others. */
const OTHERS_SECTIONS: ReadonlySet<string> = new Set<keyof typeof SECTIONS>([
  "Install",
  "X-Fleet",
  "X-Flotilla",
]);

/** Terminals, the console and the kernel's log: there are none for units here. */
const DEVICES = /^(tty|kmsg)|\+console$/;

/** Values that have no effect here, of keys that have. */
const VALUES_NOT_APPLIED: ReadonlyMap<string, RegExp> = new Map([
  ["StandardInput", DEVICES],
  ["StandardOutput", DEVICES],
  ["StandardError", DEVICES],
  ["CPUAffinity", /^numa$/],
]);

/** The keys that are known to systemd and have no effect here, once each, in the file's order; without `=`. */
export function keysNotApplied({ entries }: UnitFile): readonly string[] {
  const ignored = entries.filter(
    ({ section, key, value }) =>
      value !== "" &&
      !isNoAction(key, value) &&
      !OTHERS_SECTIONS.has(section) &&
      (findKey(section, key)?.embedded === "ignored" || VALUES_NOT_APPLIED.get(key)?.test(value)),
  );
  return [...new Set(ignored.map(({ key }) => key))];
}

/** `FailureAction=none` and its like ask for nothing. */
function isNoAction(key: string, value: string): boolean {
  return key.endsWith("Action") && value === "none";
}

/** One sentence for the journal; undefined when everything is applied. */
export function describeNotApplied(keys: readonly string[]): string | undefined {
  if (keys.length === 0) return undefined;
  const list = keys.map((key) => `${key}=`).join(", ");
  return `${list} ${keys.length === 1 ? "is" : "are"} not applied by the embedded supervisor on this machine`;
}
