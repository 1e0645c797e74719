/** A unit file as this supervisor understands it. */
import { type Diagnostic, hasErrors } from "#unit/diagnostic.ts";
import { readDependencies, type UnitDependencies } from "#unit/read-dependencies.ts";
import { readPath } from "#unit/read-path.ts";
import { readService } from "#unit/read-service.ts";
import { readSocket } from "#unit/read-socket.ts";
import { readTimer } from "#unit/read-timer.ts";
import { readResources } from "#unit/resources.ts";
import { SectionReader } from "#unit/section-reader.ts";
import { type MachineFacts, specifierContext } from "#unit/specifiers.ts";
import { parseUnitFile } from "#unit/unit-file.ts";
import type { UnitSource } from "../supervisor.ts";
import { keysNotApplied } from "./not-applied.ts";
import type { LoadedUnit, UnitDefinition } from "./unit.ts";

const NO_BUS =
  "Type=dbus is not supported by the embedded supervisor, which has no D-Bus: write Type=notify or Type=exec, " +
  "or run the unit on a machine with systemd";

/** Reads a unit file. What is wrong with it is in the definition; throws only for a name that is none. */
export function loadUnit(source: UnitSource, facts: Partial<MachineFacts>): LoadedUnit {
  const context = specifierContext(source.name, facts);
  const file = parseUnitFile(source.text, source.name);
  const dependencies: UnitDependencies = readDependencies(file, context);
  const done = (definition: UnitDefinition): LoadedUnit => ({
    source,
    dependencies: withImplied(dependencies, definition),
    definition,
    notApplied: keysNotApplied(file),
  });
  // An empty file masks the unit, as a link to /dev/null does.
  if (source.text === "") return done({ kind: "masked" });
  if (hasErrors(file.diagnostics)) return done(bad(file.diagnostics));
  switch (context.unit.suffix) {
    case "service": {
      const { settings, diagnostics } = readService(file, context);
      if (settings?.type === "dbus") return done({ kind: "unsupported", message: NO_BUS });
      return done(settings === undefined ? bad(diagnostics) : { kind: "service", settings });
    }
    case "timer": {
      const { settings, diagnostics } = readTimer(file, context);
      return done(settings === undefined ? bad(diagnostics) : { kind: "timer", settings });
    }
    case "slice": {
      const reader = new SectionReader(file, "Slice", context);
      return done({ kind: "slice", limits: readResources(reader) });
    }
    case "socket": {
      const { settings, diagnostics } = readSocket(file, context);
      if (settings === undefined) return done(bad(diagnostics));
      const unsupported = settings.ports.find((port) => port.kind === "unsupported");
      if (unsupported !== undefined) {
        const message = `${unsupported.setting} is not supported by the embedded supervisor; a machine with systemd has it`;
        return done({ kind: "unsupported", message });
      }
      return done({ kind: "socket", settings });
    }
    case "path": {
      const { settings, diagnostics } = readPath(file, context);
      return done(settings === undefined ? bad(diagnostics) : { kind: "path", settings });
    }
    case "target":
      return done({ kind: "target" });
    default:
      return done({
        kind: "unsupported",
        message: `the embedded supervisor does not run ${context.unit.suffix} units; a machine with systemd does`,
      });
  }
}

/** What follows from a unit's own section: it comes before what it starts; a service wants the sockets it names. */
function withImplied(dependencies: UnitDependencies, definition: UnitDefinition): UnitDependencies {
  if (definition.kind === "service") {
    const { sockets } = definition.settings;
    const { wants, after } = dependencies;
    return { ...dependencies, wants: [...wants, ...sockets], after: [...after, ...sockets] };
  }
  const started = startedBy(definition);
  return started === undefined
    ? dependencies
    : { ...dependencies, before: [...dependencies.before, started] };
}

/** The unit that a timer, a path or a socket starts; undefined for others, and where each connection has one of its own. */
export function startedBy(definition: UnitDefinition): string | undefined {
  if (definition.kind === "socket") return definition.settings.service;
  return definition.kind === "timer" || definition.kind === "path" ? definition.settings.unit : undefined;
}

function bad(diagnostics: readonly Diagnostic[]): UnitDefinition {
  const first = diagnostics.find(({ severity }) => severity === "error");
  if (first === undefined) return { kind: "bad-setting", message: "the unit file cannot be run" };
  return { kind: "bad-setting", message: `${first.place.file}:${first.place.line}: ${first.message}` };
}
