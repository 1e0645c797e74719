/** The variables of a command: systemd.exec(5), ENVIRONMENT VARIABLES IN SPAWNED PROCESSES. Pure. */
import type { ExecSettings } from "#unit/exec-settings.ts";
import { LATE_VALUES } from "../shim/run-request.ts";
import type { Account } from "./accounts.ts";
import { directoryVariables } from "./directories.ts";

/** Where systemd looks for programs that are named without a directory. */
export const DEFAULT_PATH: readonly string[] = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

export interface EnvironmentSources {
  readonly invocation: string;
  readonly user: Account | undefined;
  /** MAINPID, NOTIFY_SOCKET and the like, which the unit itself adds. */
  readonly variables: Readonly<Record<string, string>>;
  /** The daemon's own environment, for PassEnvironment=. */
  readonly daemon: Readonly<Record<string, string | undefined>>;
  /** What the files of EnvironmentFile= say, in order. */
  readonly files: readonly (readonly [name: string, value: string])[];
  /** Absent where there are no credentials. */
  readonly credentials?: string;
  readonly writesJournal: boolean;
}

/** Later sources win: systemd's own variables, PassEnvironment=, Environment=, EnvironmentFile=; then UnsetEnvironment= takes away. */
export function buildEnvironment(
  settings: ExecSettings,
  sources: EnvironmentSources,
): Record<string, string> {
  const environment: Record<string, string> = {
    ...ownVariables(settings, sources),
    ...passed(settings.passEnvironment, sources.daemon),
    ...Object.fromEntries(settings.environment),
    ...Object.fromEntries(sources.files),
  };
  for (const unset of settings.unsetEnvironment) {
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(unset) ?? [];
    if (value === undefined || environment[name] === value) delete environment[name];
  }
  return environment;
}

function ownVariables(settings: ExecSettings, sources: EnvironmentSources): Record<string, string> {
  const path = settings.execSearchPath.length > 0 ? settings.execSearchPath : DEFAULT_PATH;
  return {
    LANG: sources.daemon.LANG ?? "C.UTF-8",
    PATH: path.join(":"),
    ...sources.variables,
    ...(sources.invocation === "" ? {} : { INVOCATION_ID: sources.invocation }),
    ...(sources.user === undefined ? {} : userVariables(sources.user)),
    ...directoryVariables(settings.directories),
    ...(sources.credentials === undefined ? {} : { CREDENTIALS_DIRECTORY: sources.credentials }),
    ...(sources.writesJournal ? { JOURNAL_STREAM: LATE_VALUES.journalStream } : {}),
    SYSTEMD_EXEC_PID: LATE_VALUES.process,
  };
}

/** A home or shell that says nothing is not told. */
function userVariables({ name, home, shell }: Account): Record<string, string> {
  const hasHome = home !== "" && home !== "/";
  const hasShell = shell !== "" && !/\/(nologin|false)$/.test(shell);
  return {
    LOGNAME: name,
    USER: name,
    ...(hasHome ? { HOME: home } : {}),
    ...(hasShell ? { SHELL: shell } : {}),
  };
}

function passed(
  names: readonly string[],
  daemon: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = daemon[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
