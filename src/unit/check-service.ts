/** What systemd refuses in a service as a whole although each line is good; in systemd's words (service_verify()). */

import { checkPairs } from "./check-unused.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { SectionReader } from "./section-reader.ts";
import type { ServiceType } from "./service.ts";
import type { UnitFile } from "./unit-file.ts";

type ServiceReader = SectionReader<"Service">;

/** What the reasons to refuse a service are about. */
interface Subject {
  readonly service: ServiceReader;
  readonly unit: SectionReader<"Unit">;
  /** The type that the service comes to have. */
  readonly type: ServiceType;
  /** How many commands ExecStart= and ExecStop= have. */
  readonly starts: number;
  readonly stops: number;
}

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
  readonly holds: (subject: Subject) => boolean;
  readonly message: string;
  readonly hint: string;
}

/** In systemd's order: the first that holds is the one that is named. */
const REFUSALS: readonly Refusal[] = [
  {
    key: "ExecStart",
    holds: ({ starts, stops, unit }) => starts === 0 && stops === 0 && !hasSuccessAction(unit),
    message: "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing.",
    hint: "add ExecStart= with the command to run",
  },
  {
    key: "Type",
    holds: ({ starts, type }) => type !== "oneshot" && starts === 0,
    message: `Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.`,
    hint: "add ExecStart=, or write Type=oneshot",
  },
  {
    key: "ExecStop",
    holds: ({ starts, service, unit }) =>
      starts === 0 && !(service.last("RemainAfterExit") ?? false) && !hasSuccessAction(unit),
    message:
      "Service has no ExecStart= and no SuccessAction= settings and does not have RemainAfterExit=yes set. Refusing.",
    hint: "add ExecStart=, or RemainAfterExit=yes",
  },
  {
    key: "ExecStart",
    holds: ({ starts, type }) => type !== "oneshot" && starts > 1,
    message:
      "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing.",
    hint: "an empty ExecStart= forgets those before it; ExecStartPre= runs commands before the main one",
  },
  // A oneshot that has ended well has done its work, so that nothing may start it again.
  {
    key: "Restart",
    holds: ({ type, service }) =>
      type === "oneshot" && ["always", "on-success"].includes(service.last("Restart") ?? "no"),
    message: `Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing.`,
    hint: "write Restart=on-failure",
  },
  {
    key: "RestartForceExitStatus",
    holds: ({ type, service }) => type === "oneshot" && hasForcedRestarts(service),
    message:
      "Service has RestartForceExitStatus= set, which isn't allowed for Type=oneshot services. Refusing.",
    hint: "write Restart=on-failure",
  },
  {
    key: "ExitType",
    holds: ({ type, service }) => type === "oneshot" && service.last("ExitType") === "cgroup",
    message: "Service has ExitType=cgroup set, which isn't allowed for Type=oneshot services. Refusing.",
    hint: "leave ExitType= out: the commands of a oneshot are waited for one by one",
  },
  {
    key: "Type",
    holds: ({ type, service }) => type === "dbus" && service.last("BusName") === undefined,
    message: "Service is of type D-Bus but no D-Bus service name has been specified. Refusing.",
    hint: "add BusName=",
  },
  // PAM leaves a process of its own behind, which somebody must end.
  {
    key: "PAMName",
    holds: ({ service }) =>
      (service.last("PAMName") ?? "") !== "" && ["process", "none"].includes(service.last("KillMode") ?? ""),
    message: "Service has PAM enabled. Kill mode must be set to 'control-group' or 'mixed'. Refusing.",
    hint: "write KillMode=mixed",
  },
];

/** The first reason to refuse the service, as systemd names only one, or what it drops where there is none. */
export function checkService(
  file: UnitFile,
  service: ServiceReader,
  unit: SectionReader<"Unit">,
): readonly Diagnostic[] {
  const subject = subjectOf(service, unit);
  const found = REFUSALS.find(({ holds }) => holds(subject));
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

function subjectOf(service: ServiceReader, unit: SectionReader<"Unit">): Subject {
  const starts = countCommands(service, "ExecStart");
  const stops = countCommands(service, "ExecStop");
  return { service, unit, starts, stops, type: serviceType(service, starts) };
}

function countCommands(service: ServiceReader, key: "ExecStart" | "ExecStop"): number {
  return service.located(key).reduce((count, { value }) => count + value.length, 0);
}

/** A service without a type is simple; dbus with a name on the bus, oneshot where nothing is started. */
export function serviceType(service: ServiceReader, starts: number): ServiceType {
  const type = service.last("Type");
  if (type !== undefined) return type;
  if (service.last("BusName") !== undefined) return "dbus";
  return starts > 0 ? "simple" : "oneshot";
}

function hasSuccessAction(unit: SectionReader<"Unit">): boolean {
  return (unit.last("SuccessAction") ?? "none") !== "none";
}

function hasForcedRestarts(service: ServiceReader): boolean {
  return service
    .all("RestartForceExitStatus")
    .some(({ codes, signals }) => codes.length + signals.length > 0);
}
