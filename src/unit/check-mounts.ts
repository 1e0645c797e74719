/** What systemd refuses in a mount, an automount or a swap as a whole, in its words. None of them is run here. */
import { type Diagnostic, hasErrors } from "./diagnostic.ts";
import type { SectionName } from "./keys.ts";
import { escapeUnitName } from "./name.ts";
import { SectionReader } from "./section-reader.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

interface Checked {
  readonly diagnostics: readonly Diagnostic[];
}

/** Without Where= the name says where. */
export function checkMount(file: UnitFile, context: SpecifierContext): Checked {
  const mount = new SectionReader(file, "Mount", context);
  const where = mount.last("Where");
  return checked(file, "Mount", mount.diagnostics, [
    [where !== undefined && !isNamed(context, where), "Where= setting doesn't match unit name. Refusing."],
    [where !== undefined && isApi(where), `Cannot create mount unit for API file system ${where}. Refusing.`],
    [(mount.last("What") ?? "") === "", "What= setting is missing. Refusing."],
  ]);
}

export function checkAutomount(file: UnitFile, context: SpecifierContext): Checked {
  const automount = new SectionReader(file, "Automount", context);
  const where = automount.last("Where");
  return checked(file, "Automount", automount.diagnostics, [
    [where === "/", "Cannot have an automount unit for the root directory. Refusing."],
    [where !== undefined && !isNamed(context, where), "Where= setting doesn't match unit name. Refusing."],
  ]);
}

export function checkSwap(file: UnitFile, context: SpecifierContext): Checked {
  const swap = new SectionReader(file, "Swap", context);
  const what = swap.last("What");
  return checked(file, "Swap", swap.diagnostics, [
    [
      what !== undefined && !isNamed(context, what),
      "Value of What= and unit name do not match, not loading.",
    ],
  ]);
}

/** The first refusal that holds, unless a line has spoilt the unit already. */
function checked(
  file: UnitFile,
  section: SectionName,
  diagnostics: readonly Diagnostic[],
  refusals: readonly (readonly [holds: boolean, message: string])[],
): Checked {
  const message = refusals.find(([holds]) => holds)?.[1];
  if (message === undefined || hasErrors(diagnostics)) return { diagnostics };
  const place = file.placeOfSection(section);
  return { diagnostics: [...diagnostics, { severity: "error", code: "bad-combination", message, place }] };
}

function isNamed({ unit }: SpecifierContext, path: string): boolean {
  return escapeUnitName(path, { path: true }) === unit.full.slice(0, -unit.suffix.length - 1);
}

/** File systems that are mounted before systemd reads anything, and what is below the control groups. */
function isApi(path: string): boolean {
  return API_PATHS.includes(path) || path.startsWith("/sys/fs/cgroup/");
}

const API_PATHS = [
  ...[
    "/proc",
    "/sys",
    "/dev",
    "/dev/shm",
    "/dev/pts",
    "/run",
    "/run/lock",
    "/sys/fs/cgroup",
    "/sys/fs/pstore",
  ],
  ...[
    "/sys/fs/bpf",
    "/sys/fs/selinux",
    "/sys/fs/smackfs",
    "/sys/kernel/security",
    "/sys/firmware/efi/efivars",
  ],
];
