/** [Unit] and [Install] of a unit file of any type as typed data: what the unit needs, follows and excludes. */
import { type Check, type Condition, OTHER_CHECKS, PATH_CHECKS } from "./condition.ts";
import { SectionReader } from "./section-reader.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

export interface UnitDependencies {
  readonly description: string;
  readonly documentation: readonly string[];
  readonly wants: readonly string[];
  readonly requires: readonly string[];
  readonly requisite: readonly string[];
  readonly bindsTo: readonly string[];
  readonly partOf: readonly string[];
  readonly upholds: readonly string[];
  readonly conflicts: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly onFailure: readonly string[];
  readonly onSuccess: readonly string[];
  readonly propagatesStopTo: readonly string[];
  readonly stopPropagatedFrom: readonly string[];
  readonly propagatesReloadTo: readonly string[];
  readonly reloadPropagatedFrom: readonly string[];
  readonly joinsNamespaceOf: readonly string[];
  readonly conditions: readonly Condition[];
  readonly defaultDependencies: boolean;
  readonly refuseManualStart: boolean;
  readonly refuseManualStop: boolean;
  readonly stopWhenUnneeded: boolean;
  readonly allowIsolate: boolean;
  readonly ignoreOnIsolate: boolean;
  readonly onFailureJobMode: FollowerJobMode;
  readonly onSuccessJobMode: FollowerJobMode;
  /** How long a job of this unit may be queued, and how long it may run. */
  readonly jobTimeoutMs: number;
  readonly jobRunningTimeoutMs: number;
  readonly install: Install;
}

/** Job modes with which OnFailure= and OnSuccess= start units. */
export type FollowerJobMode =
  | "fail"
  | "replace"
  | "replace-irreversibly"
  | "isolate"
  | "flush"
  | "ignore-dependencies"
  | "ignore-requirements";

/** [Install]: what enabling the unit links it to. */
export interface Install {
  readonly aliases: readonly string[];
  readonly wantedBy: readonly string[];
  readonly requiredBy: readonly string[];
  readonly upheldBy: readonly string[];
  readonly also: readonly string[];
  readonly defaultInstance?: string;
}

/** Never throws; bad values are left out (verifyUnit says so). The description is the unit's name where none is given. */
export function readDependencies(file: UnitFile, context: SpecifierContext): UnitDependencies {
  const unit = new SectionReader(file, "Unit", context);
  return {
    description: unit.last("Description") ?? context.unit.full,
    documentation: unit.all("Documentation").flat(),
    ...readRelations(unit),
    conditions: readConditions(file, unit),
    defaultDependencies: unit.last("DefaultDependencies") ?? true,
    refuseManualStart: unit.last("RefuseManualStart") ?? false,
    refuseManualStop: unit.last("RefuseManualStop") ?? false,
    stopWhenUnneeded: unit.last("StopWhenUnneeded") ?? false,
    allowIsolate: unit.last("AllowIsolate") ?? false,
    ignoreOnIsolate: unit.last("IgnoreOnIsolate") ?? false,
    onFailureJobMode: unit.last("OnFailureJobMode") ?? isolateIf(unit.last("OnFailureIsolate")) ?? "replace",
    onSuccessJobMode: unit.last("OnSuccessJobMode") ?? "fail",
    ...readJobTimeouts(unit),
    install: readInstall(new SectionReader(file, "Install", context)),
  };
}

function readRelations(unit: SectionReader<"Unit">) {
  const names = (...lists: readonly (readonly (readonly string[])[])[]): readonly string[] => [
    ...new Set(lists.flat(2)),
  ];
  return {
    wants: names(unit.all("Wants")),
    requires: names(unit.all("Requires"), unit.all("RequiresOverridable")),
    requisite: names(unit.all("Requisite"), unit.all("RequisiteOverridable")),
    bindsTo: names(unit.all("BindsTo"), unit.all("BindTo")),
    partOf: names(unit.all("PartOf")),
    upholds: names(unit.all("Upholds")),
    conflicts: names(unit.all("Conflicts")),
    before: names(unit.all("Before")),
    after: names(unit.all("After")),
    onFailure: names(unit.all("OnFailure")),
    onSuccess: names(unit.all("OnSuccess")),
    propagatesStopTo: names(unit.all("PropagatesStopTo")),
    stopPropagatedFrom: names(unit.all("StopPropagatedFrom")),
    propagatesReloadTo: names(unit.all("PropagatesReloadTo"), unit.all("PropagateReloadTo")),
    reloadPropagatedFrom: names(unit.all("ReloadPropagatedFrom"), unit.all("PropagateReloadFrom")),
    joinsNamespaceOf: names(unit.all("JoinsNamespaceOf")),
  };
}

/** OnFailureIsolate= is how OnFailureJobMode= was once said. */
function isolateIf(isolates: boolean | undefined): FollowerJobMode | undefined {
  return isolates === true ? "isolate" : undefined;
}

/** JobTimeoutSec= is for both where JobRunningTimeoutSec= is not given. */
function readJobTimeouts(unit: SectionReader<"Unit">) {
  const jobTimeoutMs = unit.last("JobTimeoutSec") ?? Number.POSITIVE_INFINITY;
  return { jobTimeoutMs, jobRunningTimeoutMs: unit.last("JobRunningTimeoutSec") ?? jobTimeoutMs };
}

/** In order of lines within a check; the order does not change what they say. */
function readConditions(file: UnitFile, unit: SectionReader<"Unit">): readonly Condition[] {
  const checks: readonly Check[] = [...PATH_CHECKS, ...OTHER_CHECKS];
  return checks.flatMap((check) => [
    ...readTests(file, unit, "condition", check),
    ...readTests(file, unit, "assert", check),
  ]);
}

/** An empty assignment forgets the conditions, or assertions, of every check. */
function readTests(
  file: UnitFile,
  unit: SectionReader<"Unit">,
  kind: Condition["kind"],
  check: Check,
): readonly Condition[] {
  const prefix = kind === "condition" ? "Condition" : "Assert";
  const emptied = file.entries.findLast(
    ({ section, key, value }) => section === "Unit" && key.startsWith(prefix) && value === "",
  );
  return unit
    .located(`${prefix}${check}`)
    .filter(({ entry }) => entry.line > (emptied?.line ?? 0))
    .map(({ value }) => ({ kind, check, ...value }));
}

function readInstall(install: SectionReader<"Install">): Install {
  const defaultInstance = install.last("DefaultInstance");
  return {
    aliases: install.all("Alias").flat(),
    wantedBy: install.all("WantedBy").flat(),
    requiredBy: install.all("RequiredBy").flat(),
    upheldBy: install.all("UpheldBy").flat(),
    also: install.all("Also").flat(),
    ...(defaultInstance === undefined ? {} : { defaultInstance }),
  };
}
