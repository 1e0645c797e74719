/**
 * The supervisor: what runs units on one machine.
 *
 * This file owns the interface. Implementations: embedded/ (Flotilla's own), systemd/ (over D-Bus, when it is built)
 * and fake.ts. One contract suite, test/contract/supervisor.ts, runs against each. A supervisor knows nothing of
 * the cluster: it is handed unit files by name and told to start and stop them.
 *
 * Words are systemd's (org.freedesktop.systemd1(5)): load, active and sub state, job, job result, service result.
 * Invariants: units outlive the supervisor's process (`close` stops none), and a new supervisor on the same
 * directories takes over what runs. Every change of a unit's state reaches `onStatus`, in order.
 */

export type LoadState = "loaded" | "not-found" | "bad-setting" | "error" | "masked";
export type ActiveState = "active" | "reloading" | "inactive" | "failed" | "activating" | "deactivating";

/** systemd's job results (org.freedesktop.systemd1(5), JobRemoved). `invalid`: it, or a unit that it requires, is not loaded. */
export type JobResult =
  | "done"
  | "canceled"
  | "timeout"
  | "failed"
  | "dependency"
  | "skipped"
  | "invalid"
  | "assert"
  | "unsupported"
  | "collected"
  | "once";

/** What a job does to its unit: org.freedesktop.systemd1(5), EnqueueUnitJob. */
export type JobType =
  | "start"
  | "stop"
  | "restart"
  | "try-restart"
  | "reload"
  | "reload-or-restart"
  | "reload-or-try-restart"
  | "verify-active";

/** What becomes of jobs that are in the way: systemctl(1), --job-mode=. */
export type JobMode =
  | "replace"
  | "fail"
  | "replace-irreversibly"
  | "isolate"
  | "flush"
  | "ignore-dependencies"
  | "ignore-requirements"
  | "triggering";

/**
 * Why a job was refused before it began: the last part of the D-Bus error name that systemd answers with. `HoldPassed` is
 * no error of systemd's: the unit may not run until it is held again (`Supervisor.hold`).
 */
export type JobError =
  | "NoSuchUnit"
  | "LoadFailed"
  | "BadUnitSetting"
  | "UnitMasked"
  | "NoIsolation"
  | "OnlyByDependency"
  | "JobTypeNotApplicable"
  | "TransactionIsDestructive"
  | "TransactionJobsConflicting"
  | "TransactionOrderIsCyclic"
  | "InvalidArgs"
  | "ShuttingDown"
  | "HoldPassed";

export interface JobRequest {
  readonly type: JobType;
  readonly unit: string;
  /** `replace` when absent. */
  readonly mode?: JobMode;
}

/** systemd's results of units of every kind: why a unit is failed, or `success`. */
export const UNIT_RESULTS = [
  "success",
  "resources",
  "protocol",
  "timeout",
  "exit-code",
  "signal",
  "core-dump",
  "watchdog",
  "start-limit-hit",
  "oom-kill",
  "exec-condition",
  "dependency",
  // Of the units that start others.
  "trigger-limit-hit",
  "service-start-limit-hit",
  "unit-start-limit-hit",
] as const;

export type UnitResult = (typeof UNIT_RESULTS)[number];

/** A unit file as it is handed to a supervisor. */
export interface UnitSource {
  /** Full name with suffix. A template's makes instances known that others ask for by name; it has no status itself. */
  readonly name: string;
  /** SHA-256 of the text's bytes, 64 hex digits. */
  readonly file: string;
  readonly text: string;
}

/** What is known of one unit; a value, replaced as a whole when anything changes. */
export interface UnitStatus {
  readonly name: string;
  /** Hash of the text that is loaded. */
  readonly file: string;
  readonly load: LoadState;
  readonly active: ActiveState;
  /** systemd's sub state: `running`, `exited`, `dead`, `failed`, `auto-restart`, `waiting`, … */
  readonly sub: string;
  readonly result: UnitResult;
  /** When `active` last changed, wall-clock milliseconds. */
  readonly sinceMs: number;
  /**
   * ID of the current or last run (systemd's INVOCATION_ID, 32 hex digits). Undefined when the unit has not been
   * started since the machine came up, also when what ran was lost with the machine's power: whoever wants it running
   * must start it.
   */
  readonly invocation: string | undefined;
  readonly mainPid?: number;
  /** Exit code of the main process, when it has exited by itself. */
  readonly exitCode?: number;
  /** Name of the signal that ended the main process, without SIG: `KILL`. */
  readonly exitSignal?: string;
  /** That signal made it write its core. */
  readonly coreDumped?: boolean;
  /** The last start was refused because there had been too many; what starts the unit gives up over that. */
  readonly startLimitHit?: boolean;
  /** Automatic restarts since the last explicit start. */
  readonly restarts: number;
  /** STATUS= of the service, as it said it last. */
  readonly statusText?: string;
  /** The last run was ended because its hold had passed ({@link Supervisor.hold}), and none has begun since. */
  readonly expired?: boolean;
  /** One sentence for a person: STATUS= of the service, or what went wrong. */
  readonly message?: string;
  /** True once a oneshot has run to its end with success since its last explicit start. */
  readonly completed: boolean;
}

/** What systemctl(1) shows of a unit of one type beside its state: where a socket listens, when a timer elapses next. */
export type UnitFact = { readonly label: string } & ({ readonly text: string } | { readonly atMs: number });

/** What a unit's processes have used and hold now; what is not counted on the machine is absent. */
export interface UnitUsage {
  readonly memoryBytes?: number;
  readonly memoryPeakBytes?: number;
  /** Time on a processor since the unit was started, milliseconds. */
  readonly cpuMs?: number;
  readonly tasks?: number;
  readonly ioReadBytes?: number;
  readonly ioWriteBytes?: number;
  readonly facts?: readonly UnitFact[];
}

/** Until when a unit may run unless it is told again; see {@link Supervisor.hold}. */
export interface Hold {
  /** Boot time (base/clock.ts). */
  readonly untilMs: number;
  /**
   * FLOTILLA_FENCING_TOKEN= of the runs that begin from now on: whoever runs the unit later, anywhere, has a higher one,
   * so that a storage that remembers the highest can refuse what comes late.
   */
  readonly token: string;
}

export interface JobOutcome {
  readonly result: JobResult;
  /** Why, when the result is not `done`. */
  readonly message?: string;
  /** Set when no job was made at all. */
  readonly error?: JobError;
}

/** A value by journalctl's JSON rules: text, the bytes of what is no text, or several of these. */
export type JournalValue = string | readonly number[] | readonly (string | readonly number[])[];

/** Fields by systemd's names (systemd.journal-fields(7)): `_PID`, `SYSLOG_IDENTIFIER`, `UNIT`, … */
export type JournalFields = Readonly<Record<string, JournalValue>>;

/** One line that a unit wrote, or that the supervisor wrote about it. */
export interface JournalEntry {
  /** Opaque; pass it as `after` to resume behind this entry, among those of all units. */
  readonly cursor: string;
  /** Microseconds since 1970; beyond 2^53 only after the year 2255. */
  readonly timeUs: number;
  /** Microseconds since the machine came up; together with `boot` it orders entries whatever the clock did. */
  readonly monotonicUs: number;
  /** ID of the boot, 32 hex digits. */
  readonly boot: string;
  /** The unit that wrote it, or that it is about. */
  readonly unit: string;
  readonly origin: "unit" | "supervisor";
  /** syslog priority, 0 (emergency) to 7 (debug). */
  readonly priority: number;
  readonly pid?: number;
  /** SYSLOG_IDENTIFIER. */
  readonly identifier: string;
  /** Bytes that are no UTF-8 are replaced in it; as they were, they are in `fields`. */
  readonly message: string;
  /** Every other field, and MESSAGE where it is no text. journal-fields.ts puts all of them together. */
  readonly fields: JournalFields;
}

/** Which entries; whatever is absent selects nothing away. journalctl(1) has an option for each. */
export interface JournalQuery {
  /** Names, or patterns with `*`, `?` and `[…]`; absent: all units, and the supervisor's own log (`init.scope`). */
  readonly units?: readonly string[] | undefined;
  /** From the gravest to the least grave, both included. */
  readonly priority?: { readonly from: number; readonly to: number } | undefined;
  /** Wall-clock microseconds, both included. */
  readonly sinceUs?: number | undefined;
  readonly untilUs?: number | undefined;
  /** A boot's ID, or `0` for this one, `-1` for the one before, `1` for the first that is known. */
  readonly boot?: string | undefined;
  readonly identifiers?: readonly string[] | undefined;
  /** INVOCATION_ID of a run. */
  readonly invocation?: string | undefined;
  /** A regular expression for the message. */
  readonly grep?: { readonly pattern: string; readonly ignoreCase: boolean } | undefined;
  /** `FIELD=value`: of one field any, of several fields all; `+` between two groups: either. */
  readonly matches?: readonly string[] | undefined;
  /** The last so many of those that are selected; absent: all that are kept. */
  readonly lines?: number | undefined;
  /** Only entries behind this cursor. */
  readonly after?: string | undefined;
  /** Newest first; not together with `follow`. */
  readonly reverse?: boolean | undefined;
  /** Go on with new entries until the signal is aborted. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What this machine can hold units to; shown to the user, because a limit silently not enforced is a trap. */
export interface Enforcement {
  /** How the processes of a unit are found: by cgroup, or by descent from its shim. */
  readonly tracking: "cgroup2" | "cgroup1" | "process-tree" | "systemd" | "none";
  readonly memory: boolean;
  readonly cpu: boolean;
  readonly tasks: boolean;
  /** Whether units may run as another user. */
  readonly users: boolean;
  /** One sentence each on what cannot be enforced and why; empty when all can. */
  readonly notes: readonly string[];
}

export interface Supervisor {
  readonly kind: "embedded" | "systemd" | "fake";
  readonly enforcement: Enforcement;
  /** Makes unit files known, replacing those of the same name; running processes are left alone. A bad file yields a status with load `bad-setting`, not an exception. */
  load(units: readonly UnitSource[]): Promise<void>;
  /** Stops what still runs, to the end of ExecStopPost, and forgets the units. Unknown names are ignored. */
  unload(names: readonly string[]): Promise<void>;
  /** Resolves when the start job has ended; starting an active unit is `done` at once. */
  start(name: string): Promise<JobOutcome>;
  stop(name: string): Promise<JobOutcome>;
  restart(name: string): Promise<JobOutcome>;
  /** Any job in any mode; the three above are its plain cases. Resolves when the unit's job has ended. */
  enqueue(request: JobRequest): Promise<JobOutcome>;
  /**
   * Lets the unit run until then and no longer: all of its processes are killed when the time has come, whether or not
   * this process is still there, and a start is refused until it is put off. Undefined: it may run as long as it likes.
   * For units that must not run here once they may run elsewhere. Unknown names are ignored.
   */
  hold(name: string, hold: Hold | undefined): void;
  /** Until when the unit may run, as it was said last, also by an earlier supervisor; undefined: as long as it likes. */
  heldUntil(name: string): number | undefined;
  /** Clears `failed` and the start limit. */
  resetFailed(name: string): Promise<void>;
  status(name: string): UnitStatus | undefined;
  statuses(): readonly UnitStatus[];
  /** Read at this moment; empty for a unit that does not run or is not known. Without a name: of all units together. */
  usage(name?: string): UnitUsage;
  /** Calls `listener` after each change; `undefined` status: the unit was unloaded. Returns how to stop listening. */
  onStatus(listener: (name: string, status: UnitStatus | undefined) => void): () => void;
  /** Entries in the order of their writing, over all units that the query names. */
  journal(query: JournalQuery): AsyncIterable<JournalEntry>;
  /** Lets go of everything without stopping any unit. */
  close(): Promise<void>;
}
