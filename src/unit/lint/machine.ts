/** Traps that show only with a look at machines: what is not there, and what is not done. */
import type { Treatment } from "../key.ts";
import { findKey } from "../keys.ts";
import type { Entry } from "../unit-file.ts";
import type { Lint } from "./lint-rule.ts";
import type { LintSubject } from "./lint-subject.ts";

/** Enabling is the cluster's affair, and the sections of ours are read by others. */
const OTHERS_SECTIONS: readonly string[] = ["Install", "X-Fleet", "X-Flotilla"];

export const MACHINE_LINTS: readonly Lint[] = [
  {
    name: "missing-program",
    about: "The program is not on this machine; it may be on those the unit runs on.",
    find: ({ commands, facts, isSimple }) =>
      commands.flatMap(({ command, entry }) => {
        if (facts.hasProgram === undefined || facts.hasProgram(command.path)) return [];
        const beside = isSimple ? "; Type=exec would make its start fail, where Type=simple does not" : "";
        return [
          {
            entry,
            part: command.path,
            message: `${command.path} is not on this machine`,
            hint: `it may be on the machines that the unit runs on${beside}`,
          },
        ];
      }),
  },
  {
    name: "not-applied",
    about: "The embedded supervisor does not do what the key says; systemd would.",
    find: (subject) =>
      firstEntries(subject, (treatment) => treatment === "ignored").map((entry) => ({
        entry,
        message: `${entry.key}= is not applied by the embedded supervisor`,
        hint: "run the unit on a machine with systemd, or do without it",
      })),
  },
  {
    name: "limit-not-enforced",
    about: "Some machines cannot hold a unit to its limits.",
    find: (subject) =>
      firstEntries(subject, () => true).flatMap((entry) => {
        const machines = [...(subject.facts.notEnforced ?? [])].flatMap(([machine, notes]) => {
          const note = notes.find((each) => isAbout(each, entry.key));
          return note === undefined ? [] : [{ machine, note }];
        });
        const [first] = machines;
        if (first === undefined) return [];
        const names = machines.map(({ machine }) => machine).join(", ");
        return [{ entry, message: `${entry.key}= is not enforced on ${names}`, hint: first.note }];
      }),
  },
];

/** A machine names the keys that it does not enforce, or one for all of a kind: MemoryMax= for MemoryHigh=, too. */
function isAbout(note: string, key: string): boolean {
  const kind = /^(Memory|CPU|Tasks|IO)/.exec(key)?.[0];
  return (
    note.includes(`${key}=`) || (kind !== undefined && note.includes(kind) && note.includes("not enforced"))
  );
}

/** The first assignment of each key that the embedded supervisor treats as told. */
function firstEntries({ file }: LintSubject, picks: (treatment: Treatment) => boolean): readonly Entry[] {
  const first = new Map<string, Entry>();
  for (const entry of file.entries) {
    const { section, key, value } = entry;
    const row = findKey(section, key);
    if (value === "" || row === undefined || OTHERS_SECTIONS.includes(section) || first.has(key)) continue;
    if (picks(row.embedded)) first.set(key, entry);
  }
  return [...first.values()];
}
