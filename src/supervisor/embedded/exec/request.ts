/**
 * A command of a unit file, with everything around it, as the shim is asked to run it.
 *
 * Makes what must be there before a command can run: directories, credentials, a /tmp of its own. What cannot be
 * resolved or made becomes a refusal in the request, so that every failure takes one way.
 */
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { type EnvironmentAssignment, parseEnvironmentFile } from "#unit/environment.ts";
import { expandEnvironment } from "#unit/exec.ts";
import type { EnvironmentFile, ExecSettings } from "#unit/exec-settings.ts";
import type { ExecCommand } from "#unit/service.ts";
import type { AttributesRequest, LogRequest, RunRequest } from "../shim/run-request.ts";
import type { Account } from "./accounts.ts";
import { provideCredentials } from "./credentials.ts";
import { directoriesOfRun, provideDirectories } from "./directories.ts";
import { buildEnvironment, DEFAULT_PATH } from "./environment.ts";
import type { ExecHost } from "./exec-host.ts";
import { type Identity, resolveIdentity, unitIdentity } from "./identity.ts";
import type { JoinedUnit } from "./joined-unit.ts";
import { needsMounts } from "./mount-plan.ts";
import { passOnPrivateTmp, privateTmpOf, providePrivateTmp } from "./private-tmp.ts";
import { Refusal } from "./refusal.ts";
import { removeTrees } from "./remove.ts";
import { attributesOf, type SandboxPlace, sandboxOf, unprotected } from "./sandbox.ts";
import { streamsOf, writesJournal } from "./streams.ts";

/** What is known of the run that a command belongs to. */
export interface RunContext {
  readonly unit: string;
  readonly run: number;
  /** Of the unit's run. */
  readonly invocation: string;
  readonly cgroupProcs: readonly string[];
  /** MAINPID, NOTIFY_SOCKET and the like. */
  readonly variables: Readonly<Record<string, string>>;
  /** Shims of socket units whose sockets are handed over. */
  readonly sockets?: readonly string[];
  /** Numbers of what the service has stored. */
  readonly stored?: readonly number[];
  /** Whose namespaces the run shares. */
  readonly joined?: JoinedUnit | undefined;
}

/** The request for a command; never throws for what a unit file asks for in vain. */
export function runRequest(
  settings: ExecSettings,
  command: ExecCommand,
  context: RunContext,
  host: ExecHost,
): RunRequest {
  try {
    return resolvedRequest(settings, command, context, host);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      ...plainRequest(settings, command, context),
      refusal: { step: error.step, error: error.message },
    };
  }
}

function resolvedRequest(
  settings: ExecSettings,
  command: ExecCommand,
  context: RunContext,
  host: ExecHost,
): RunRequest {
  const files = settings.environmentFiles.flatMap(readEnvironmentFile);
  const owner = unitIdentity(context.unit, settings, host);
  const identity = resolveIdentity(context.unit, settings, command, host);
  const ownership = owner.user && { uid: owner.user.uid, gid: owner.gid ?? owner.user.gid };
  provideDirectories(settings.directories, ownership);
  const { credentials } = settings;
  const hasCredentials = provideCredentials(credentials, credentials.directory, ownership);
  const environment = buildEnvironment(settings, {
    invocation: context.invocation,
    // Also a command that is run with other rights is told of the unit's user.
    user: owner.user,
    variables: context.variables,
    daemon: host.environment,
    files,
    ...(hasCredentials ? { credentials: credentials.directory } : {}),
    writesJournal: writesJournal(settings),
  });
  return {
    ...plainRequest(settings, command, context),
    ...accountOf(settings, identity, owner.user?.home ?? host.environment.HOME ?? "/root"),
    ...confinement(settings, command, identity, context, host),
    argv: command.literalEnvironment ? command.argv : expandEnvironment(command.argv, environment),
    env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  };
}

function plainRequest(settings: ExecSettings, command: ExecCommand, context: RunContext): RunRequest {
  return {
    run: context.run,
    path: command.path,
    searchPath: settings.execSearchPath.length > 0 ? settings.execSearchPath : DEFAULT_PATH,
    skipMissing: command.ignoreFailure,
    argv: command.argv,
    env: [],
    cwd: settings.workingDirectory ?? { path: "/", optional: false },
    umask: settings.umask,
    groups: [],
    ...(settings.nice === undefined ? {} : { nice: settings.nice }),
    ...(settings.oomScoreAdjust === undefined ? {} : { oomScoreAdjust: settings.oomScoreAdjust }),
    rlimits: limitsOf(settings),
    noNewPrivileges: settings.noNewPrivileges,
    ignoreSigpipe: settings.ignoreSigpipe,
    cgroupProcs: context.cgroupProcs,
    ...(context.sockets === undefined ? {} : { sockets: context.sockets }),
    ...(context.stored === undefined ? {} : { stored: context.stored }),
    ...streamsOf(settings),
    log: logOf(settings, command),
  };
}

/** systemd's own limits hold where the unit sets none: systemd-system.conf(5), DefaultLimitNOFILE= and DefaultLimitMEMLOCK=. */
const DEFAULT_LIMITS: ExecSettings["rlimits"] = [
  { name: "nofile", soft: 1024, hard: 524_288 },
  { name: "memlock", soft: 8 << 20, hard: 8 << 20 },
];

function limitsOf({ rlimits }: ExecSettings): readonly string[] {
  const defaults = DEFAULT_LIMITS.filter(({ name }) => rlimits.every((limit) => limit.name !== name));
  return [...defaults, ...rlimits].map(
    ({ name, soft, hard }) => `${name}:${limitText(soft)}:${limitText(hard)}`,
  );
}

function limitText(limit: number): string {
  return Number.isFinite(limit) ? String(limit) : "infinity";
}

function logOf({ log }: ExecSettings, command: ExecCommand): LogRequest {
  return { ...log, identifier: log.identifier ?? basename(command.path) };
}

function accountOf(
  settings: ExecSettings,
  { user, gid, groups }: Identity,
  home: string,
): Pick<RunRequest, "uid" | "gid" | "groups" | "cwd"> {
  const { path, optional } = settings.workingDirectory ?? { path: "/", optional: false };
  return {
    ...(user === undefined ? {} : { uid: user.uid }),
    ...(gid === undefined ? {} : { gid }),
    groups,
    cwd: { path: path === "~" ? home : path, optional },
  };
}

/** A `+` command keeps its rights. */
function confinement(
  settings: ExecSettings,
  command: ExecCommand,
  { user }: Identity,
  context: RunContext,
  host: ExecHost,
): Pick<RunRequest, "noNewPrivileges" | "attributes" | "sandbox"> {
  const isConfined = command.privileges !== "full";
  const attributes = attributesOf(settings, { isConfined, missing: host.missing });
  const applied = isConfined ? settings : unprotected(settings);
  const place = (): SandboxPlace => sandboxPlace(applied, context, host);
  const sandbox = sandboxOf(applied, place, host.missing, context.joined);
  return {
    noNewPrivileges: isConfined && (settings.noNewPrivileges || needsNoNewPrivileges(attributes, user)),
    ...(attributes === undefined ? {} : { attributes }),
    ...(sandbox === undefined ? {} : { sandbox }),
  };
}

/** Only root may filter the calls of programs that can still gain privileges. */
function needsNoNewPrivileges(attributes: AttributesRequest | undefined, user: Account | undefined): boolean {
  return attributes?.seccomp !== undefined && user !== undefined && user.uid !== 0;
}

function sandboxPlace(
  settings: ExecSettings,
  { unit, invocation, joined }: RunContext,
  host: ExecHost,
): SandboxPlace {
  const directories = Refusal.at("namespace", () => host.sandboxDirectories());
  if (!settings.sandbox.privateTmp) return directories;
  const other = joined?.has.privateTmp ? privateTmpOf(joined.unit, host.boot, joined.invocation) : undefined;
  const { tmp, varTmp } = providePrivateTmp(privateTmpOf(unit, host.boot, invocation), other);
  return { ...directories, privateTmp: tmp, privateVarTmp: varTmp };
}

/** Those of a pattern's files that can be read, in order; without `-` there must be one. */
function readEnvironmentFile({ path, optional }: EnvironmentFile): readonly EnvironmentAssignment[] {
  const paths = /[*?[]/.test(path) ? globSync(path).sort() : [path];
  if (paths.length === 0 && !optional) throw new Refusal("environment", `there is no file ${path}`);
  return paths.flatMap((file) => {
    try {
      return parseEnvironmentFile(readFileSync(file, "utf8"));
    } catch (error) {
      if (optional) return [];
      throw new Refusal("environment", error instanceof Error ? error.message : String(error));
    }
  });
}

/** Removes what a run was given and nobody else shall find; answers what had to stay. `restarts`: another run follows at once. */
export function endRun(
  settings: ExecSettings,
  {
    unit,
    invocation,
    restarts,
  }: { readonly unit: string; readonly invocation: string; readonly restarts: boolean },
  host: ExecHost,
): readonly string[] {
  const { loaded, set, directory } = settings.credentials;
  const hasTmp = settings.sandbox.privateTmp && needsMounts(settings);
  return removeTrees([
    ...directoriesOfRun(settings.directories, restarts),
    ...(loaded.length + set.length > 0 ? [directory] : []),
    ...(hasTmp ? passOnPrivateTmp(privateTmpOf(unit, host.boot, invocation)) : []),
  ]);
}
