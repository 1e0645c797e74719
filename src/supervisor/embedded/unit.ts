/** What every kind of unit is to the supervisor, and what the supervisor is to a unit. */
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { UnitDependencies } from "#unit/read-dependencies.ts";
import type { PathSettings } from "#unit/read-path.ts";
import type { SocketSettings } from "#unit/read-socket.ts";
import type { TimerSettings } from "#unit/read-timer.ts";
import type { ResourceLimits } from "#unit/resources.ts";
import type { ServiceSettings } from "#unit/service.ts";
import type { ActiveState, Hold, JobOutcome, UnitFact, UnitSource, UnitStatus } from "../supervisor.ts";
import type { Cgroups } from "./cgroup/cgroups.ts";
import type { ExecHost } from "./exec/exec-host.ts";
import type { JoinedUnit } from "./exec/joined-unit.ts";
import type { Journal } from "./journal/journal.ts";
import type { RunDirectory } from "./run-directory.ts";
import type { ShimSpawner } from "./shim/spawner.ts";
import type { PassedSockets } from "./triggers/socket/passed-sockets.ts";

/** What a unit's file says, for the kind it is. */
export type UnitDefinition =
  | { readonly kind: "service"; readonly settings: ServiceSettings }
  | { readonly kind: "timer"; readonly settings: TimerSettings }
  | { readonly kind: "socket"; readonly settings: SocketSettings }
  | { readonly kind: "path"; readonly settings: PathSettings }
  | { readonly kind: "target" }
  | { readonly kind: "slice"; readonly limits: ResourceLimits }
  | { readonly kind: "masked" }
  /** A kind this supervisor does not run. */
  | { readonly kind: "unsupported"; readonly message: string }
  | { readonly kind: "bad-setting"; readonly message: string };

/** A unit file that has been read. */
export interface LoadedUnit {
  readonly source: UnitSource;
  readonly dependencies: UnitDependencies;
  readonly definition: UnitDefinition;
  /** Keys of the file that have no effect here, without `=`. */
  readonly notApplied: readonly string[];
}

/** The unit as the journal calls it: its name, and its description where it has one. */
export function titleOf({ source, dependencies }: LoadedUnit): string {
  const { description } = dependencies;
  return description === source.name ? source.name : `${source.name} - ${description}`;
}

/** The means and the surroundings that units share. */
export interface UnitHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly cgroups: Cgroups;
  readonly journal: Journal;
  readonly run: RunDirectory;
  readonly spawner: ShimSpawner;
  /** What commands are given beside what their unit files say. */
  readonly exec: ExecHost;
  /** What the clock's monotonic time was when the machine came up. */
  readonly monotonicBootMs: number;
  /** What OnBootSec= and OnStartupSec= count from: when the machine and its first supervisor came up, since the boot. */
  readonly bootMs: number;
  readonly startupMs: number;
  /** A text of this machine's own, for what must differ between machines and stay. */
  readonly machineSeed: string;
  /** The machine's time zone, for OnCalendar=. */
  readonly zone: string;
  /** Called after each change of a unit's status. */
  changed(name: string): void;
  /** For units that start others: the state of another unit, and a request to start it. */
  statusOf(name: string): UnitStatus | undefined;
  /** Whether a job of the unit is waiting or under way. */
  hasJob(name: string): boolean;
  /** Whether no job of any unit is waiting or under way. */
  hasNoJobs(): boolean;
  /** Makes an instance of a loaded template known; false when there is no such template. */
  instantiate(name: string): boolean;
  /** Those that `instantiate` has made of a template. */
  instancesOf(template: string): readonly string[];
  /** Forgets an instance that `instantiate` made and that has come to its end, once nothing of it is left. */
  forgetInstance(name: string): void;
  /** Whether the service names the socket unit in its Sockets=. */
  usesSocket(service: string, socket: string): boolean;
  /** The sockets of others that a service's commands get. */
  socketsFor(service: string): PassedSockets;
  /** The unit that a run of the service is to share namespaces with; undefined: it makes its own. */
  joinedBy(service: string): JoinedUnit | undefined;
  /** A run has come to its end and the unit starts again by itself: the state that it was in for no time. */
  passed(name: string, state: "inactive" | "failed"): void;
  /**
   * The time to start again by itself has come: asks for the restart job that does so, since it takes along what is
   * bound to the unit. The unit stays as it is and is asked to start; a queued stop goes before it. `refused` is
   * called with the reason when there can be no such job.
   */
  requestRestart(name: string, refused: (reason: string) => void): void;
  /** `ended` is called when the start job has ended, with how it did. `variables`: what a run that begins by it is told. */
  requestStart(
    name: string,
    ended: (outcome: JobOutcome) => void,
    variables?: Readonly<Record<string, string>>,
  ): void;
  /** What the unit that asked for this one's start has to tell it: TRIGGER_UNIT= and the like. */
  triggerVariables(name: string): Readonly<Record<string, string>>;
  /** When a persistent timer last elapsed, kept over reboots. */
  lastTrigger(timer: string): number | undefined;
  saveTrigger(timer: string, triggeredMs: number): void;
}

/** A unit of any kind; it runs by itself once started and tells its host of each change. */
export interface Unit {
  readonly loaded: LoadedUnit;
  readonly active: ActiveState;
  status(): UnitStatus;
  /** What is to be seen of this type beside the status, at this moment. */
  facts?(): readonly UnitFact[];
  /** Takes a new version of the file; what runs is left alone. */
  replace(loaded: LoadedUnit): void;
  /** Takes over what an earlier supervisor left. */
  adopt(): Promise<void>;
  start(): Promise<JobOutcome>;
  /** `restarts`: it is the first half of a restart. */
  stop(how?: { readonly restarts: boolean }): Promise<JobOutcome>;
  /** Whether a reload job applies: the unit is of a kind, and has the commands, that can reload. */
  readonly canReload: boolean;
  /** Resolves when the reload has ended; only asked of an active unit that can. */
  reload(): Promise<JobOutcome>;
  resetFailed(): void;
  /** For units with processes: until when they may run (Supervisor.hold). */
  hold?(hold: Hold | undefined): void;
  readonly heldUntil?: number | undefined;
  /** All units have been taken over: what waited for that goes on. */
  resume?(): void;
  /** For units that start others: another one has changed its state, or its job has ended. */
  unitChanged?(name: string): void;
  /** The wall clock has been set, or the machine is in another time zone. */
  timeChanged?(what: "clock" | "zone"): void;
  /** At rest, and yet there is something of it that must not be lost from view, such as processes. */
  readonly isHeld?: boolean;
  /** It is not known any more, and at rest: what is still kept for it goes. */
  forget?(): void;
  /** Lets go without stopping anything. */
  close(): void;
}
