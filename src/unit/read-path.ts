/** [Path] of a unit file as typed settings, with systemd's defaults (systemd.path(5)). Times are milliseconds. */
import { type Diagnostic, hasErrors, inOrder } from "./diagnostic.ts";
import { listInOrder } from "./listed.ts";
import { SectionReader } from "./section-reader.ts";
import type { SpecifierContext } from "./specifiers.ts";
import type { UnitFile } from "./unit-file.ts";

const KINDS = ["PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"] as const;

/** What is looked for, and where. */
export interface PathSpec {
  readonly kind: (typeof KINDS)[number];
  /** Absolute; for PathExistsGlob a pattern. */
  readonly path: string;
}

export interface PathSettings {
  readonly specs: readonly PathSpec[];
  /** What is started; the service of the same name unless Unit= says otherwise. */
  readonly unit: string;
  readonly makeDirectory: boolean;
  readonly directoryMode: number;
  readonly triggerLimit: { readonly intervalMs: number; readonly burst: number };
}

export interface PathReading {
  /** Undefined when an error makes the unit one that cannot run. */
  readonly settings: PathSettings | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a path unit. Never throws; what is wrong is in the diagnostics, in systemd's words. */
export function readPath(file: UnitFile, context: SpecifierContext): PathReading {
  const path = new SectionReader(file, "Path", context);
  const { full, suffix } = context.unit;
  const listed = listInOrder(file, "Path", KINDS, (key) => path.located(key));
  const settings: PathSettings = {
    specs: listed.map(({ key, value }) => ({ kind: key, path: value })),
    unit: path.last("Unit") ?? `${full.slice(0, -suffix.length)}service`,
    makeDirectory: path.last("MakeDirectory") ?? false,
    directoryMode: path.last("DirectoryMode") ?? 0o755,
    triggerLimit: {
      intervalMs: path.last("TriggerLimitIntervalSec") ?? 2000,
      burst: path.last("TriggerLimitBurst") ?? 200,
    },
  };
  const refusals = settings.specs.length > 0 ? [] : [lacksPath(file)];
  const diagnostics = inOrder([...file.diagnostics, ...path.diagnostics, ...refusals]);
  return { settings: hasErrors(diagnostics) ? undefined : settings, diagnostics };
}

function lacksPath(file: UnitFile): Diagnostic {
  return {
    severity: "error",
    code: "bad-combination",
    message: "Path unit lacks path setting. Refusing.",
    place: file.placeOfSection("Path"),
    hint: "add PathExists=, PathChanged= or DirectoryNotEmpty=",
  };
}
