/** `ConditionPathExists=` and its like as typed data; whoever starts units evaluates them. */
import { Complaint } from "./diagnostic.ts";
import { type Grammar, unresolved } from "./grammar.ts";
import { expandSpecifiers } from "./specifiers.ts";
import { readPath } from "./values.ts";

/** What follows Condition or Assert in a key's name. Those of {@link PATH_CHECKS} take an absolute path. */
export const PATH_CHECKS = [
  "PathExists",
  "PathExistsGlob",
  "PathIsDirectory",
  "PathIsSymbolicLink",
  "PathIsMountPoint",
  "PathIsReadWrite",
  "PathIsEncrypted",
  "DirectoryNotEmpty",
  "FileNotEmpty",
  "FileIsExecutable",
  "NeedsUpdate",
] as const;

export const OTHER_CHECKS = [
  "FirstBoot",
  "KernelCommandLine",
  "KernelVersion",
  "Architecture",
  "Firmware",
  "Virtualization",
  "Security",
  "Capability",
  "Host",
  "ACPower",
  "Memory",
  "CPUs",
  "CPUFeature",
  "CPUPressure",
  "MemoryPressure",
  "IOPressure",
  "Environment",
  "User",
  "Group",
  "ControlGroupController",
  "Credential",
  "OSRelease",
] as const;

export type Check = (typeof PATH_CHECKS)[number] | (typeof OTHER_CHECKS)[number];

/** The value of a condition with its prefixes taken off. */
export interface ConditionTest {
  readonly argument: string;
  /** `|`: one of all triggering conditions is enough; the others must all hold. */
  readonly triggering: boolean;
  /** `!`: holds when the check does not. */
  readonly negated: boolean;
}

/** One Condition…= or Assert…= of [Unit]. */
export interface Condition extends ConditionTest {
  /** A failed condition skips the unit, a failed assertion fails its job. */
  readonly kind: "condition" | "assert";
  readonly check: Check;
}

function conditionTest(isPath: boolean): Grammar<ConditionTest> {
  const what = isPath ? "an absolute path" : "a value to test";
  // Blanks may stand behind the prefixes of a value, but not of a path.
  const prefixes = isPath ? /^(\|?)(!?)(.*)$/su : /^(\|?)\s*(!?)\s*(.*)$/su;
  return {
    name: `${what}, after | or ! where wanted`,
    parse: (value, { key, specifiers }) => {
      const [, triggering = "", negated = "", text = ""] = prefixes.exec(value) ?? [];
      const expanded = expandSpecifiers(text, specifiers);
      if (expanded === undefined) return unresolved(text, isPath ? "bare" : "quoted");
      const argument = isPath ? readPath(key, expanded) : expanded;
      if (argument instanceof Complaint) return argument;
      return { argument, triggering: triggering !== "", negated: negated !== "" };
    },
  };
}

export const pathTest = conditionTest(true);
export const valueTest = conditionTest(false);
