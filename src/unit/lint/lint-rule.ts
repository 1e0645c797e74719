/** The form of a lint: a name that stays, and how to find the trap in a unit file. */
import type { Entry } from "../unit-file.ts";
import type { LintSubject } from "./lint-subject.ts";

/** What is known of the world beside the file; what is not known is not linted. */
export interface LintFacts {
  /** True when a program is there, by path or by name in systemd's fixed search path. */
  readonly hasProgram?: (path: string) => boolean;
  /** What the machines of the cluster do not enforce, in words, by machine. */
  readonly notEnforced?: ReadonlyMap<string, readonly string[]>;
}

export interface LintHit {
  readonly entry: Entry;
  /** The part of the value that is meant, where it is not the whole. */
  readonly part?: string;
  readonly message: string;
  /** What to write instead. */
  readonly hint: string;
}

export interface Lint {
  /** In words with dashes. */
  readonly name: string;
  /** What the trap is, in one sentence, for the documentation. */
  readonly about: string;
  readonly find: (subject: LintSubject) => readonly LintHit[];
}
