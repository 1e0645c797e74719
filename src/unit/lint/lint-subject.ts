/** A unit file as lints look at it. */
import type { Place } from "#base/errors.ts";
import { type Located, SectionReader } from "../section-reader.ts";
import type { ExecCommand } from "../service.ts";
import type { SpecifierContext } from "../specifiers.ts";
import type { Entry, UnitFile } from "../unit-file.ts";
import type { LintFacts } from "./lint-rule.ts";

/** The keys of [Service] that hold command lines. */
export const EXEC_KEYS = [
  "ExecCondition",
  "ExecStartPre",
  "ExecStart",
  "ExecStartPost",
  "ExecReload",
  "ExecStop",
  "ExecStopPost",
] as const;

/** One command and the line it stands in. */
export interface LocatedCommand {
  readonly command: ExecCommand;
  readonly entry: Entry;
}

export class LintSubject {
  readonly file: UnitFile;
  readonly facts: LintFacts;
  readonly unit: SectionReader<"Unit">;
  readonly service: SectionReader<"Service">;

  constructor(file: UnitFile, context: SpecifierContext, facts: LintFacts) {
    this.file = file;
    this.facts = facts;
    this.unit = new SectionReader(file, "Unit", context);
    this.service = new SectionReader(file, "Service", context);
  }

  /** Every command of a service, with its line. */
  get commands(): readonly LocatedCommand[] {
    const lines: readonly Located<readonly ExecCommand[]>[] = EXEC_KEYS.flatMap((key) =>
      this.service.located(key),
    );
    return lines.flatMap(({ value, entry }) => value.map((command) => ({ command, entry })));
  }

  /** The assignment of a key that counts. */
  entryOf(section: string, key: string): Entry | undefined {
    const entry = this.file.entriesOf(section, key).at(-1);
    return entry?.value === "" ? undefined : entry;
  }

  /** True for what a service is without Type=: simple where it has a command. */
  get isSimple(): boolean {
    const type = this.service.last("Type");
    if (type !== undefined) return type === "simple";
    return this.service.last("BusName") === undefined && this.service.located("ExecStart").length > 0;
  }

  placeOf(entry: Entry, part?: string): Place {
    return this.file.placeOfValue(entry, part);
  }
}
