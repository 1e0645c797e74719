/** Names of exit codes: those of the C library, of LSB and BSD daemons, and of systemd itself (systemd.exec(5), "Process Exit Codes"). */

const FROM_0 =
  "SUCCESS FAILURE INVALIDARGUMENT NOTIMPLEMENTED NOPERMISSION NOTINSTALLED NOTCONFIGURED NOTRUNNING";
const FROM_64 =
  "USAGE DATAERR NOINPUT NOUSER NOHOST UNAVAILABLE SOFTWARE OSERR OSFILE CANTCREAT IOERR TEMPFAIL PROTOCOL NOPERM CONFIG";
/** A `-` is a code without a name. */
const FROM_200 =
  "CHDIR NICE FDS EXEC MEMORY LIMITS OOM_ADJUST SIGNAL_MASK STDIN STDOUT CHROOT IOPRIO TIMERSLACK SECUREBITS " +
  "SETSCHEDULER CPUAFFINITY GROUP USER CAPABILITIES CGROUP SETSID CONFIRM STDERR - PAM NETWORK NAMESPACE " +
  "NO_NEW_PRIVILEGES SECCOMP SELINUX_CONTEXT PERSONALITY APPARMOR ADDRESS_FAMILIES RUNTIME_DIRECTORY - CHOWN " +
  "SMACK_PROCESS_LABEL KEYRING STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY CONFIGURATION_DIRECTORY NUMA_POLICY " +
  "CREDENTIALS - BPF";

const CODES: ReadonlyMap<string, number> = new Map([
  ...numbered(FROM_0, 0),
  ...numbered(FROM_64, 64),
  ...numbered(FROM_200, 200),
  ["EXCEPTION", 255],
]);

function numbered(names: string, first: number): readonly (readonly [string, number])[] {
  return names.split(" ").flatMap((name, index) => (name === "-" ? [] : [[name, first + index] as const]));
}

/** The code that SuccessExitStatus= and its like may call by this name. */
export function exitCodeOf(name: string): number | undefined {
  return CODES.get(name);
}

/** The name that goes with a code in a log line; undefined for most. */
export function exitCodeName(code: number): string | undefined {
  return [...CODES].find(([, known]) => known === code)?.[0];
}
