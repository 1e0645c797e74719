/** A command of a unit file, with everything around it, as the shim is asked to run it. */
import { readFileSync } from "node:fs";
import { parseEnvironmentFile } from "#unit/environment.ts";
import { expandEnvironment } from "#unit/exec.ts";
import type { EnvironmentFile, OutputTarget, ServiceDirectories } from "#unit/exec-settings.ts";
import type { ExecCommand, ServiceSettings } from "#unit/service.ts";
import type { RunRequest, SetupStep } from "../shim/protocol.ts";
import { type PassedSockets, socketVariables } from "../triggers/socket/passed-sockets.ts";
import { type Account, findGroup, findUser, groupsOf } from "./accounts.ts";
import { directoryVariables, makeDirectories } from "./directories.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What is known about the run that a command belongs to. */
export interface RunContext {
  readonly run: number;
  readonly invocation: string;
  readonly notifySocket: string;
  readonly cgroupProcs: readonly string[];
  /** MAINPID and the like. */
  readonly variables: Readonly<Record<string, string>>;
  /** Sockets of other units that the command gets. */
  readonly sockets?: PassedSockets | undefined;
  /** The daemon's own environment, for PassEnvironment=. */
  readonly daemonEnvironment: Readonly<Record<string, string | undefined>>;
  /** Whether the daemon may become other users. */
  readonly isRoot: boolean;
}

/** Thrown within this file: what cannot be resolved, and the step that fails because of it. */
class Refusal extends Error {
  readonly step: SetupStep;
  constructor(step: SetupStep, message: string) {
    super(message);
    this.step = step;
  }
}

/** The request for a command. What cannot be resolved becomes a refusal in it, so that every failure takes one way. */
export function runRequest(settings: ServiceSettings, command: ExecCommand, context: RunContext): RunRequest {
  try {
    const account = resolveAccount(settings, command, context);
    provideDirectories(settings, account);
    const environment = buildEnvironment(settings, account, context);
    return {
      ...plainRequest(settings, command, context),
      ...identity(settings, account),
      ...commandLine(command, environment),
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return {
      ...plainRequest(settings, command, context),
      refusal: { step: error.step, error: error.message },
    };
  }
}

function plainRequest(settings: ServiceSettings, command: ExecCommand, context: RunContext): RunRequest {
  return {
    run: context.run,
    path: command.path,
    argv: command.argv,
    env: [],
    cwd: settings.workingDirectory ?? { path: "/", optional: false },
    umask: settings.umask,
    groups: [],
    ...(settings.nice === undefined ? {} : { nice: settings.nice }),
    ...(settings.oomScoreAdjust === undefined ? {} : { oomScoreAdjust: settings.oomScoreAdjust }),
    rlimits: settings.rlimits.map(({ name, soft, hard }) => `${name}:${limitText(soft)}:${limitText(hard)}`),
    noNewPrivileges: settings.noNewPrivileges,
    cgroupProcs: context.cgroupProcs,
    sockets: context.sockets?.sources ?? [],
    stdout: targetText(settings.standardOutput),
    stderr: targetText(
      settings.standardError.kind === "inherit" ? settings.standardOutput : settings.standardError,
    ),
  };
}

function limitText(limit: number): string {
  return Number.isFinite(limit) ? String(limit) : "infinity";
}

function targetText(target: OutputTarget): string {
  switch (target.kind) {
    case "inherit":
    case "journal":
      return "journal";
    case "null":
    case "kmsg":
    case "socket":
      return target.kind;
    case "fd":
      return `fd:${target.name}`;
    default:
      return `${target.kind}:${target.path}`;
  }
}

// --- user and groups ------------------------------------------------------------------------------------------

interface Identity {
  readonly user: Account | undefined;
  readonly gid: number | undefined;
}

function resolveAccount(settings: ServiceSettings, command: ExecCommand, { isRoot }: RunContext): Identity {
  if (command.privileges === "full" || command.privileges === "no-setuid")
    return { user: undefined, gid: undefined };
  if (settings.user === undefined && settings.group === undefined) return { user: undefined, gid: undefined };
  const user = settings.user === undefined ? undefined : findUser(readAccounts("/etc/passwd"), settings.user);
  if (settings.user !== undefined && user === undefined)
    throw new Refusal("user", `there is no user ${settings.user}`);
  const gid =
    settings.group === undefined ? user?.gid : findGroup(readAccounts("/etc/group"), settings.group);
  if (settings.group !== undefined && gid === undefined) {
    throw new Refusal("group", `there is no group ${settings.group}`);
  }
  if (!isRoot && user !== undefined && user.uid !== process.getuid?.()) {
    throw new Refusal("user", `cannot become ${user.name}: the daemon does not run as root`);
  }
  return { user, gid };
}

function readAccounts(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function identity(
  settings: ServiceSettings,
  { user, gid }: Identity,
): Pick<RunRequest, "uid" | "gid" | "groups" | "cwd"> {
  const known = readAccounts("/etc/group");
  const own = user === undefined ? [] : groupsOf(known, user.name);
  const extra = settings.supplementaryGroups.map((group) => {
    const found = findGroup(known, group);
    if (found === undefined) throw new Refusal("group", `there is no group ${group}`);
    return found;
  });
  const { path, optional } = settings.workingDirectory ?? { path: "/", optional: false };
  return {
    ...(user === undefined ? {} : { uid: user.uid }),
    ...(gid === undefined ? {} : { gid }),
    groups: [...new Set([...(gid === undefined ? [] : [gid]), ...own, ...extra])],
    cwd: { path: path === "~" ? (user?.home ?? process.env.HOME ?? "/root") : path, optional },
  };
}

/** systemd's names for the steps at which a directory cannot be made. */
const DIRECTORY_STEPS = {
  runtime: "runtime-directory",
  state: "state-directory",
  cache: "cache-directory",
  logs: "logs-directory",
  configuration: "configuration-directory",
} as const satisfies Record<ServiceDirectories["kind"], SetupStep>;

function provideDirectories({ directories }: ServiceSettings, { user, gid }: Identity): void {
  const owner = user === undefined ? undefined : { uid: user.uid, gid: gid ?? user.gid };
  for (const wanted of directories) {
    try {
      // The configuration stays its administrator's.
      makeDirectories(wanted, wanted.kind === "configuration" ? undefined : owner);
    } catch (error) {
      throw new Refusal(DIRECTORY_STEPS[wanted.kind], error instanceof Error ? error.message : String(error));
    }
  }
}

// --- environment and command line --------------------------------------------------------------------------------

function buildEnvironment(
  settings: ServiceSettings,
  { user }: Identity,
  context: RunContext,
): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: DEFAULT_PATH,
    LANG: "C.UTF-8",
    INVOCATION_ID: context.invocation,
    ...(user === undefined
      ? {}
      : { HOME: user.home, LOGNAME: user.name, USER: user.name, SHELL: user.shell }),
    ...(settings.notifyAccess === "none" ? {} : { NOTIFY_SOCKET: context.notifySocket }),
    ...(settings.watchdogMs > 0 ? { WATCHDOG_USEC: String(settings.watchdogMs * 1000) } : {}),
    ...directoryVariables(settings.directories),
    ...context.variables,
    ...(context.sockets === undefined ? {} : socketVariables(context.sockets, false)),
  };
  for (const name of settings.passEnvironment) {
    const value = context.daemonEnvironment[name];
    if (value !== undefined) environment[name] = value;
  }
  for (const [name, value] of settings.environment) environment[name] = value;
  for (const file of settings.environmentFiles) Object.assign(environment, readEnvironmentFile(file));
  for (const unset of settings.unsetEnvironment) delete environment[unset];
  return environment;
}

function readEnvironmentFile({ path, optional }: EnvironmentFile): Record<string, string> {
  try {
    return Object.fromEntries(parseEnvironmentFile(readFileSync(path, "utf8")));
  } catch (error) {
    if (optional) return {};
    throw new Refusal("environment", error instanceof Error ? error.message : String(error));
  }
}

function commandLine(
  command: ExecCommand,
  environment: Record<string, string>,
): Pick<RunRequest, "argv" | "env"> {
  const argv = command.literalEnvironment ? command.argv : expandEnvironment(command.argv, environment);
  return { argv, env: Object.entries(environment).map(([name, value]) => `${name}=${value}`) };
}
