/** Keys of [Unit] and [Install]: systemd.unit(5). */
import {
  type Check,
  type ConditionTest,
  OTHER_CHECKS,
  PATH_CHECKS,
  pathTest,
  valueTest,
} from "../condition.ts";
import { grammar, oneOf, refusingEmpty } from "../grammar.ts";
import { additive, type Key, last, list } from "../key.ts";
import { mountedPaths } from "../socket-values.ts";
import {
  absolutePath,
  boolean,
  documentationUrls,
  expandedText,
  installedNames,
  integer,
  nothing,
  parseBoolean,
  REMOVED,
  text,
  timeout,
  timeSpan,
  unitNames,
  unsigned,
} from "../values.ts";

const jobMode = oneOf("job mode", [
  "fail",
  "replace",
  "replace-irreversibly",
  "isolate",
  "flush",
  "ignore-dependencies",
  "ignore-requirements",
]);

export const emergencyAction = oneOf("%k=", [
  "none",
  "reboot",
  "reboot-force",
  "reboot-immediate",
  "poweroff",
  "poweroff-force",
  "poweroff-immediate",
  "exit",
  "exit-force",
]);

const exitStatus = integer(
  0,
  255,
  "Failed to parse exit status '%v', ignoring: Numerical result out of range",
  "Failed to parse exit status '%v', ignoring: Invalid argument",
);

const isolateOnFailure = refusingEmpty(
  grammar("yes or no", parseBoolean, "Failed to parse boolean, ignoring: %v"),
);

/** systemd says of these that they are obsolete. */
function formerDependency<K extends string>(key: K) {
  return {
    insteadUse: key,
    notice: `Unit dependency type %k= is obsolete, replacing by ${key}=, please update your unit file`,
  };
}

/** `ConditionX` and `AssertX` of every check. */
type ConditionKeys = { readonly [K in `${"Condition" | "Assert"}${Check}`]: Key<ConditionTest> };

function conditionKeys(): ConditionKeys {
  const keys: Record<string, Key<ConditionTest>> = {};
  for (const kind of ["Condition", "Assert"]) {
    for (const check of PATH_CHECKS) keys[`${kind}${check}`] = list(pathTest, "run");
    for (const check of OTHER_CHECKS) keys[`${kind}${check}`] = list(valueTest, "run");
  }
  // The one that was forgotten when the condition came.
  keys.AssertFirmware = list(valueTest, "run", { since: 253 });
  // The loops above fill exactly the keys that the type spells out.
  return keys as ConditionKeys;
}

export const UNIT_KEYS = {
  Description: last(expandedText, "run"),
  Documentation: list(documentationUrls, "run"),
  SourcePath: last(absolutePath),
  Wants: additive(unitNames, "run"),
  Requires: additive(unitNames, "run"),
  Requisite: additive(unitNames, "run"),
  BindsTo: additive(unitNames, "run"),
  BindTo: additive(unitNames, "run", { insteadUse: "BindsTo" }),
  PartOf: additive(unitNames, "run"),
  Upholds: additive(unitNames, "run", { since: 249 }),
  Conflicts: additive(unitNames, "run"),
  Before: additive(unitNames, "run"),
  After: additive(unitNames, "run"),
  OnFailure: additive(unitNames, "run"),
  OnSuccess: additive(unitNames, "run", { since: 249 }),
  PropagatesStopTo: additive(unitNames, "run", { since: 249 }),
  StopPropagatedFrom: additive(unitNames, "run", { since: 249 }),
  PropagatesReloadTo: additive(unitNames, "run"),
  PropagateReloadTo: additive(unitNames, "run", { insteadUse: "PropagatesReloadTo" }),
  ReloadPropagatedFrom: additive(unitNames, "run"),
  PropagateReloadFrom: additive(unitNames, "run", { insteadUse: "ReloadPropagatedFrom" }),
  JoinsNamespaceOf: additive(unitNames, "run"),
  RequiresOverridable: additive(unitNames, "run", formerDependency("Requires")),
  RequisiteOverridable: additive(unitNames, "run", formerDependency("Requisite")),
  RequiresMountsFor: additive(mountedPaths),
  DefaultDependencies: last(boolean, "run"),
  RefuseManualStart: last(boolean, "run"),
  RefuseManualStop: last(boolean, "run"),
  StopWhenUnneeded: last(boolean, "run"),
  AllowIsolate: last(boolean, "run"),
  IgnoreOnIsolate: last(boolean, "run"),
  IgnoreOnSnapshot: last(nothing, "ignored", { notice: REMOVED }),
  SurviveFinalKillSignal: last(boolean, "ignored", { since: 255 }),
  OnSuccessJobMode: last(jobMode, "run", { since: 249 }),
  OnFailureJobMode: last(jobMode, "run"),
  OnFailureIsolate: last(isolateOnFailure, "run", { insteadUse: "OnFailureJobMode" }),
  JobTimeoutSec: last(timeout, "run"),
  JobRunningTimeoutSec: last(timeout, "run"),
  JobTimeoutAction: last(emergencyAction),
  JobTimeoutRebootArgument: last(expandedText),
  StartLimitIntervalSec: last(timeSpan, "run"),
  StartLimitInterval: last(timeSpan, "run", { insteadUse: "StartLimitIntervalSec" }),
  StartLimitBurst: last(unsigned, "run"),
  StartLimitAction: last(emergencyAction),
  FailureAction: last(emergencyAction),
  SuccessAction: last(emergencyAction),
  FailureActionExitStatus: last(exitStatus),
  SuccessActionExitStatus: last(exitStatus),
  RebootArgument: last(expandedText),
  CollectMode: last(oneOf("garbage collection mode", ["inactive", "inactive-or-failed"])),
  ...conditionKeys(),
} as const;

export const INSTALL_KEYS = {
  Alias: list(installedNames, "run"),
  WantedBy: list(installedNames, "run"),
  RequiredBy: list(installedNames, "run"),
  UpheldBy: list(installedNames, "ignored", { since: 255 }),
  Also: list(installedNames),
  DefaultInstance: last(text),
} as const;
