/** Traps in dependencies: what starts, what orders, and what an empty line does not undo. */
import { UNIT_LIST_KEYS } from "../references.ts";
import type { Located } from "../section-reader.ts";
import { isSpecialUnit } from "../special-units.ts";
import type { Lint } from "./lint-rule.ts";
import type { LintSubject } from "./lint-subject.ts";

const REQUIREMENTS = ["Requires", "Requisite", "BindsTo", "Wants", "Upholds", "PartOf"] as const;
const STRONG = ["Requires", "BindsTo"] as const;

export const DEPENDENCY_LINTS: readonly Lint[] = [
  {
    name: "empty-dependency",
    about: "Dependencies only add up: an empty `After=` or `Wants=` takes none away.",
    find: ({ file }) =>
      file.entries
        .filter(
          ({ section, key, value }) => section === "Unit" && value === "" && UNIT_LIST_KEYS.includes(key),
        )
        .map((entry) => ({
          entry,
          message: `${entry.key}= without a value does nothing: dependencies are not reset`,
          hint: "to be rid of a dependency, change the file that has it; a drop-in can only add",
        })),
  },
  {
    name: "order-only",
    about: "`After=` orders two units that are started anyway; it does not start the other.",
    find: (subject) => {
      const required = new Set(REQUIREMENTS.flatMap((key) => namesIn(subject, key)));
      return located(subject, "After")
        .filter(({ name }) => !required.has(name) && isOrderedOnly(name))
        .map(({ name, entry }) => ({
          entry,
          part: name,
          message: `After=${name} only orders: nothing here starts ${name}`,
          hint: `add Wants=${name}, or leave it where something else starts it`,
        }));
    },
  },
  {
    name: "requires-without-order",
    about: "`Requires=` without `After=` starts both at the same time.",
    find: (subject) => {
      const ordered = new Set([...namesIn(subject, "After"), ...namesIn(subject, "Before")]);
      return STRONG.flatMap((key) =>
        located(subject, key)
          .filter(({ name }) => !ordered.has(name) && !isSpecialUnit(name))
          .map(({ name, entry }) => ({
            entry,
            part: name,
            message: `${key}=${name} without After=${name}: both are started at once, and a failure comes too late`,
            hint: `add After=${name}`,
          })),
      );
    },
  },
  {
    name: "self-dependency",
    about: "A unit cannot depend on itself.",
    find: (subject) =>
      UNIT_LIST_KEYS.flatMap((key) =>
        subject.file
          .entriesOf("Unit", key)
          .filter(({ value }) => value.split(/\s+/).includes(subject.file.file))
          .map((entry) => ({
            entry,
            part: subject.file.file,
            message: `${key}=${subject.file.file} is about the unit itself and is dropped`,
            hint: "leave it out",
          })),
      ),
  },
];

/** Being up is what one waits for with network-online.target alone of the boot's targets: nothing starts it by itself. */
function isOrderedOnly(name: string): boolean {
  return name === "network-online.target" || !isSpecialUnit(name);
}

function located(
  subject: LintSubject,
  key: (typeof REQUIREMENTS)[number] | "After" | "Before",
): readonly { readonly name: string; readonly entry: Located<unknown>["entry"] }[] {
  return subject.unit.located(key).flatMap(({ value, entry }) => value.map((name) => ({ name, entry })));
}

function namesIn(subject: LintSubject, key: Parameters<typeof located>[1]): readonly string[] {
  return located(subject, key).map(({ name }) => name);
}
