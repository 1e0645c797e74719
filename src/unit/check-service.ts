/** What systemd refuses in a service as a whole although each line is good; in systemd's words (service_verify()). */

import { checkPairs } from "./check-unused.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { SectionReader } from "./section-reader.ts";
import type { UnitFile } from "./unit-file.ts";

type ServiceReader = SectionReader<"Service">;

/** A reason to refuse the service: which key it is about, and whether it holds. */
interface Refusal {
  readonly key:
    | "PAMName"
    | "Type"
    | "ExecStart"
    | "ExecStop"
    | "Restart"
    | "RestartForceExitStatus"
    | "ExitType";
  readonly holds: boolean;
  readonly message: string;
  readonly hint: string;
}

/** The first reason to refuse the service, as systemd names only one, or what it drops where there is none. */
export function checkService(
  file: UnitFile,
  service: ServiceReader,
  unit: SectionReader<"Unit">,
): readonly Diagnostic[] {
  const found = refusals(service, unit).find((refusal) => refusal.holds);
  if (found === undefined) return checkPairs(file, service);
  const { message, hint } = found;
  const entry = file.entriesOf("Service", found.key).at(-1);
  return [
    {
      severity: "error",
      code: "bad-combination",
      message,
      hint,
      place: entry === undefined ? file.placeOfSection("Service") : file.placeOf(entry),
    },
  ];
}

/** In systemd's order: the first that holds is the one that is named. */
function refusals(service: ServiceReader, unit: SectionReader<"Unit">): readonly Refusal[] {
  const starts = service.all("ExecStart").flat().length;
  const type =
    service.last("Type") ??
    (service.last("BusName") !== undefined ? "dbus" : starts > 0 ? "simple" : "oneshot");
  const isOneshot = type === "oneshot";
  return [
    ...commandRefusals(service, unit, starts, isOneshot),
    ...(isOneshot ? oneshotRefusals(service) : []),
    {
      key: "Type",
      holds: type === "dbus" && service.last("BusName") === undefined,
      message: "Service is of type D-Bus but no D-Bus service name has been specified. Refusing.",
      hint: "add BusName=",
    },
    killedByPam(service),
  ];
}

function commandRefusals(
  service: ServiceReader,
  unit: SectionReader<"Unit">,
  starts: number,
  isOneshot: boolean,
): readonly Refusal[] {
  const stops = service.all("ExecStop").flat().length;
  const hasSuccessAction = (unit.last("SuccessAction") ?? "none") !== "none";
  return [
    {
      key: "ExecStart",
      holds: starts === 0 && stops === 0 && !hasSuccessAction,
      message: "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.",
      hint: "add ExecStart= with the command to run",
    },
    {
      key: "Type",
      holds: !isOneshot && starts === 0,
      message: `Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.`,
      hint: "add ExecStart=, or write Type=oneshot",
    },
    {
      key: "ExecStop",
      holds: starts === 0 && !(service.last("RemainAfterExit") ?? false) && !hasSuccessAction,
      message:
        "Service has no ExecStart= and no SuccessAction= settings and does not have RemainAfterExit=yes set. Refusing.",
      hint: "add ExecStart=, or RemainAfterExit=yes",
    },
    {
      key: "ExecStart",
      holds: !isOneshot && starts > 1,
      message:
        "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.",
      hint: "an empty ExecStart= forgets those before it; ExecStartPre= runs commands before the main one",
    },
  ];
}

/** A oneshot that has ended well has done its work, so that nothing may start it again. */
function oneshotRefusals(service: ServiceReader): readonly Refusal[] {
  const restart = service.last("Restart") ?? "no";
  const restartForce = service.all("RestartForceExitStatus");
  return [
    {
      key: "Restart",
      holds: restart === "always" || restart === "on-success",
      message: `Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing.`,
      hint: "write Restart=on-failure",
    },
    {
      key: "RestartForceExitStatus",
      holds: restartForce.some(({ codes, signals }) => codes.length + signals.length > 0),
      message:
        "Service has RestartForceExitStatus= set, which isn't allowed for Type=oneshot services. Refusing.",
      hint: "write Restart=on-failure",
    },
    {
      key: "ExitType",
      holds: service.last("ExitType") === "cgroup",
      message: "Service has ExitType=cgroup set, which isn't allowed for Type=oneshot services. Refusing.",
      hint: "leave ExitType= out: the commands of a oneshot are waited for one by one",
    },
  ];
}

/** PAM leaves a process of its own behind, which somebody must end. */
function killedByPam(service: ServiceReader): Refusal {
  return {
    key: "PAMName",
    holds:
      (service.last("PAMName") ?? "") !== "" && ["process", "none"].includes(service.last("KillMode") ?? ""),
    message: "Service has PAM enabled. Kill mode must be set to 'control-group' or 'mixed'. Refusing.",
    hint: "write KillMode=mixed",
  };
}
