/**
 * Flotilla's own supervisor: runs units on a machine without systemd.
 *
 * It owns the table of loaded units and passes requests to them through jobs. What outlives this process is with the
 * shims (shim/), in the run directory until the machine goes down (run-directory.ts), and in the directory for good
 * (unit-files.ts, journal/). It must not know the cluster.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { programFolder } from "#host/program-files.ts";
import { isUnitName, parseUnitName } from "#unit/name.ts";
import type { MachineFacts } from "#unit/specifiers.ts";
import type {
  Enforcement,
  Hold,
  JobOutcome,
  JobRequest,
  Supervisor,
  UnitSource,
  UnitStatus,
  UnitUsage,
} from "../supervisor.ts";
import { Cgroups } from "./cgroup/cgroups.ts";
import { readHierarchies } from "./cgroup/hierarchy.ts";
import { probeCgroups, type UsableCgroups } from "./cgroup/probe.ts";
import { detectVirtualization } from "./conditions/virtualization.ts";
import { createExecHost } from "./exec/exec-host.ts";
import { describeMissing, missingFeatures } from "./exec/features.ts";
import type { JoinedUnit } from "./exec/joined-unit.ts";
import { createJobUnits } from "./job-units.ts";
import { JobEngine } from "./jobs/job-engine.ts";
import { Journal, SUPERVISOR_UNIT } from "./journal/journal.ts";
import type { JournalLimits } from "./journal/limits.ts";
import { loadUnit } from "./load-unit.ts";
import { RunDirectory } from "./run-directory.ts";
import { ServiceUnit } from "./service/service-unit.ts";
import { PROGRAM_FOLDER, requirePerl, ShimSpawner } from "./shim/spawner.ts";
import { SimpleUnit } from "./simple-unit.ts";
import { PathUnit } from "./triggers/path/path-unit.ts";
import type { PassedSockets } from "./triggers/socket/passed-sockets.ts";
import { SocketUnit } from "./triggers/socket/socket-unit.ts";
import { localZone, TimeWatch, timesOfBoot } from "./triggers/timer/time-watch.ts";
import { TimerStamps } from "./triggers/timer/timer-stamps.ts";
import { TimerUnit } from "./triggers/timer/timer-unit.ts";
import type { LoadedUnit, Unit, UnitHost } from "./unit.ts";
import { UnitFiles } from "./unit-files.ts";
import { UnitTable } from "./unit-table.ts";

export interface EmbeddedOptions {
  /** For good: unit files, journals, times of persistent timers. */
  readonly directory: string;
  /** Until the machine goes down: sockets and memory of units. May be shared with others; only `units/` in it is used. */
  readonly runDirectory: string;
  /** Name of this machine's own cgroup, unlike that of any other on this host; undefined: cgroups are not used. */
  readonly cgroupName?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** What specifiers in unit files say of this machine. */
  readonly facts?: Partial<MachineFacts>;
  /** The environment that PassEnvironment= passes from. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What is not given is as in journald. */
  readonly journalLimits?: Partial<JournalLimits>;
  /** Told of faults that belong to no unit. */
  readonly log?: (message: string) => void;
}

type StatusListener = (name: string, status: UnitStatus | undefined) => void;

const NO_CGROUPS: UsableCgroups = {
  tracking: undefined,
  limits: new Map(),
  builtIn: new Map(),
  notes: ["MemoryMax=, CPUQuota=, TasksMax= and their like are not enforced: cgroups are switched off"],
};

/** Starts the supervisor on its directories and takes over what an earlier one left running. */
export async function createEmbeddedSupervisor(options: EmbeddedOptions): Promise<Supervisor> {
  requirePerl();
  const usable =
    options.cgroupName === undefined ? NO_CGROUPS : probeCgroups(readHierarchies(), options.cgroupName);
  const supervisor = new EmbeddedSupervisor(options, usable);
  await supervisor.adopt();
  return supervisor;
}

class EmbeddedSupervisor implements Supervisor {
  readonly kind = "embedded";
  #enforcement: Enforcement;
  readonly #options: EmbeddedOptions;
  readonly #boot: string;
  readonly #files: UnitFiles;
  readonly #journal: Journal;
  readonly #run: RunDirectory;
  readonly #cgroups: Cgroups;
  readonly #spawner: ShimSpawner;
  readonly #timeWatch: TimeWatch;
  readonly #host: UnitHost;
  readonly #jobs: JobEngine;
  readonly #units = new UnitTable();
  readonly #templates = new Map<string, UnitSource>();
  /** Units that were made from a template because something asked for them; gone at the latest with the machine's power. */
  readonly #instances = new Set<string>();
  /** Those that are to be forgotten once nothing of them is left. */
  readonly #ended = new Set<string>();
  /** What those tell that were asked to start by others, while their jobs last. */
  readonly #triggered = new Map<string, Readonly<Record<string, string>>>();
  readonly #listeners = new Set<StatusListener>();
  #closed = false;

  constructor(options: EmbeddedOptions, usable: UsableCgroups) {
    this.#options = options;
    this.#enforcement = enforcementOf(usable);
    this.#files = new UnitFiles(join(options.directory, "units"));
    this.#boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    this.#journal = openJournal(options, this.#boot);
    this.#run = new RunDirectory(join(options.runDirectory, "units"), this.#boot);
    this.#cgroups = new Cgroups(usable);
    this.#spawner = new ShimSpawner(
      (message) => this.#log(message),
      () => this.#timeChanged("clock"),
      programFolder(PROGRAM_FOLDER, options.runDirectory),
    );
    this.#timeWatch = new TimeWatch(() => this.#timeChanged("zone"));
    this.#host = this.#createHost();
    this.#jobs = new JobEngine(
      createJobUnits({
        table: this.#units,
        journal: this.#journal,
        run: this.#run,
        clock: options.clock,
        instantiate: (name) => isUnitName(name) && this.#instantiate(name),
        jobEnded: (name) => {
          this.#tellOthers(name);
          this.#forgetEnded(name);
        },
      }),
    );
  }

  #createHost(): UnitHost {
    const { clock, random, environment = process.env, directory } = this.#options;
    const stamps = new TimerStamps(join(directory, "timers"));
    return {
      clock,
      random,
      cgroups: this.#cgroups,
      journal: this.#journal,
      run: this.#run,
      spawner: this.#spawner,
      exec: createExecHost({
        isRoot: process.getuid?.() === 0,
        environment,
        boot: this.#boot,
        runDirectory: this.#options.runDirectory,
      }),
      ...timesOfBoot(clock, this.#run, detectVirtualization()?.kind === "container"),
      machineSeed: `${this.#options.facts?.machineId ?? ""}${this.#boot}`,
      get zone() {
        return localZone();
      },
      changed: (name) => this.#changed(name),
      statusOf: (name) => this.#units.get(name)?.status(),
      passed: (name, state) => this.#jobs.passed(name, state),
      requestRestart: (name, refused) => this.#jobs.restartByItself(name, refused),
      hasJob: (name) => this.#jobs.has(name),
      hasNoJobs: () => this.#jobs.isIdle,
      instantiate: (name) => this.#instantiate(name),
      instancesOf: (template) => this.#instancesOf(template),
      forgetInstance: (name) => {
        if (this.#instances.has(name)) this.#ended.add(name);
        this.#forgetEnded(name);
      },
      usesSocket: (service, socket) => {
        const definition = this.#units.get(service)?.loaded.definition;
        return definition?.kind === "service" && definition.settings.sockets.includes(socket);
      },
      socketsFor: (service) => this.#socketsFor(service),
      joinedBy: (service) => this.#joinedBy(service),
      requestStart: (name, ended, variables) => {
        this.#triggered.set(name, variables ?? {});
        const request = { type: "start", unit: this.#units.resolve(name), mode: "replace" } as const;
        void this.#jobs.add(request).then((outcome) => {
          this.#triggered.delete(name);
          ended(outcome);
        });
      },
      triggerVariables: (name) => this.#triggered.get(name) ?? {},
      lastTrigger: (timer) => stamps.read(timer),
      saveTrigger: (timer, triggeredMs) => stamps.write(timer, triggeredMs),
    };
  }

  get enforcement(): Enforcement {
    return this.#enforcement;
  }

  /** Takes over what runs; ends what runs of units that are not loaded any more. */
  async adopt(): Promise<void> {
    await this.#probe();
    for (const source of this.#files.readAll()) this.#put(source);
    const orphans = this.#run.units().filter((name) => !this.#instantiate(name));
    await Promise.all([...this.#units.values()].map((unit) => unit.adopt()));
    await Promise.all(orphans.map((name) => this.#endOrphan(name)));
    for (const name of this.#units.names()) this.#jobs.changed(name);
    for (const unit of [...this.#units.values()]) unit.resume?.();
    this.#journal.sweep((name) => this.#units.has(name));
    this.#jobs.begin();
  }

  /** What units cannot be confined by here is known before one runs. */
  async #probe(): Promise<void> {
    const found = await this.#spawner.probe().catch((error: unknown) => toError(error));
    const missing = missingFeatures(found);
    this.#host.exec.missing = missing;
    const notes = [...this.#enforcement.notes, ...describeMissing(missing)];
    this.#enforcement = { ...this.#enforcement, notes };
  }

  async #endOrphan(name: string): Promise<void> {
    const definition = { source: { name, file: "", text: "[Service]\nExecStart=/bin/true\n" } };
    const loaded = loadUnit(definition.source, {});
    if (loaded.definition.kind === "service") {
      const unit = new ServiceUnit(
        { ...this.#host, changed: () => {}, passed: () => {}, requestRestart: () => {} },
        loaded,
        loaded.definition.settings,
      );
      await unit.adopt();
      unit.resume();
      await unit.stop();
      unit.close();
    }
    this.#run.forget(name);
  }

  async load(units: readonly UnitSource[]): Promise<void> {
    // Every name is checked before anything is written.
    for (const { name } of units) parseUnitName(name);
    for (const source of units) {
      this.#files.save(source);
      this.#put(source);
      this.#changed(source.name);
    }
  }

  #put(source: UnitSource): void {
    if (parseUnitName(source.name).isTemplate) {
      this.#templates.set(source.name, source);
      return;
    }
    const loaded = loadUnit(source, this.#options.facts ?? {});
    if (loaded.definition.kind === "slice") this.#cgroups.setSlice(source.name, loaded.definition.limits);
    const known = this.#units.get(source.name);
    const isFirst = known === undefined || (known instanceof SimpleUnit && !hasNoProcesses(loaded));
    if (isFirst) this.#units.set(source.name, this.#create(loaded));
    else known.replace(loaded);
    this.#units.reread();
  }

  #instantiate(name: string): boolean {
    if (this.#units.has(name)) return true;
    const template = this.#templates.get(parseUnitName(name).template ?? "");
    if (template === undefined) return false;
    this.#instances.add(name);
    this.#put({ ...template, name });
    return true;
  }

  #instancesOf(template: string): readonly string[] {
    return [...this.#instances].filter((name) => parseUnitName(name).template === template);
  }

  /** Once everybody has been told of its end, who might ask for it again by its name. */
  #forgetEnded(name: string): void {
    if (!this.#ended.has(name)) return;
    queueMicrotask(() => {
      const unit = this.#units.get(name);
      if (unit?.active !== "inactive" || unit.isHeld === true || this.#jobs.has(name) || this.#closed) return;
      this.#forget(name);
    });
  }

  #socketsFor(service: string): PassedSockets {
    const found = [...this.#units.values()].flatMap((unit) =>
      unit instanceof SocketUnit ? (unit.socketsFor(service) ?? []) : [],
    );
    return {
      sources: found.flatMap(({ sources }) => sources),
      names: found.flatMap(({ names }) => names),
      variables: Object.fromEntries(found.flatMap(({ variables }) => Object.entries(variables))),
    };
  }

  /** Namespaces of those that the service names come before its own, which others can be in still. */
  #joinedBy(service: string): JoinedUnit | undefined {
    for (const owner of [...this.#units.related(service, "joins-namespace"), service]) {
      for (const name of [owner, ...this.#units.related(owner, "namespace-joined-by")]) {
        const unit = this.#units.get(name);
        const joined = name !== service && unit instanceof ServiceUnit ? unit.toJoin : undefined;
        if (joined?.owner === owner) return joined;
      }
    }
    return undefined;
  }

  #create(loaded: LoadedUnit): Unit {
    const { definition } = loaded;
    switch (definition.kind) {
      case "service":
        return new ServiceUnit(this.#host, loaded, definition.settings);
      case "timer":
        return new TimerUnit(this.#host, loaded, definition.settings);
      case "path":
        return new PathUnit(this.#host, loaded, definition.settings);
      case "socket":
        return new SocketUnit(this.#host, loaded, definition.settings);
      default:
        return new SimpleUnit(this.#host, loaded);
    }
  }

  async unload(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#unloadOne(name)));
  }

  async #unloadOne(name: string): Promise<void> {
    this.#templates.delete(name);
    this.#files.remove(name);
    const unit = this.#units.get(name);
    if (unit === undefined) return;
    await this.#jobs.add({ type: "stop", unit: name, mode: "replace" });
    // Also where its job was replaced by another.
    await unit.stop();
    this.#forget(name);
  }

  #forget(name: string): void {
    const unit = this.#units.get(name);
    unit?.forget?.();
    unit?.close();
    this.#units.delete(name);
    this.#instances.delete(name);
    this.#ended.delete(name);
    this.#jobs.forget(name);
    this.#run.forget(name);
    this.#notify(name, undefined);
  }

  start(name: string): Promise<JobOutcome> {
    return this.enqueue({ type: "start", unit: name });
  }

  stop(name: string): Promise<JobOutcome> {
    return this.enqueue({ type: "stop", unit: name });
  }

  restart(name: string): Promise<JobOutcome> {
    return this.enqueue({ type: "restart", unit: name });
  }

  enqueue(request: JobRequest): Promise<JobOutcome> {
    return this.#jobs.request({ ...request, unit: this.#units.resolve(request.unit) });
  }

  hold(name: string, hold: Hold | undefined): void {
    this.#units.get(name)?.hold?.(hold);
  }

  heldUntil(name: string): number | undefined {
    return this.#units.get(name)?.heldUntil;
  }

  async resetFailed(name: string): Promise<void> {
    this.#units.get(name)?.resetFailed();
  }

  status(name: string): UnitStatus | undefined {
    return this.#units.get(name)?.status();
  }

  statuses(): readonly UnitStatus[] {
    return [...this.#units.values()].map((unit) => unit.status());
  }

  usage(name?: string): UnitUsage {
    if (name === undefined) return this.#cgroups.usage();
    const unit = this.#units.get(name);
    if (unit === undefined) return {};
    const facts = unit.facts?.() ?? [];
    return { ...this.#cgroups.usage(name), ...(facts.length === 0 ? {} : { facts }) };
  }

  onStatus(listener: StatusListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  journal: Supervisor["journal"] = (query) => this.#journal.read(query);

  /** A fault that belongs to no unit. */
  #log(message: string): void {
    this.#journal.append(SUPERVISOR_UNIT, 4, message);
    this.#options.log?.(message);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#jobs.close();
    for (const unit of this.#units.values()) unit.close();
    this.#spawner.close();
    this.#timeWatch.close();
    this.#cgroups.close();
  }

  #changed(name: string): void {
    const status = this.#units.get(name)?.status();
    if (status === undefined || this.#closed) return;
    this.#notify(name, status);
    this.#tellOthers(name);
    this.#jobs.changed(name);
    this.#forgetEnded(name);
  }

  #timeChanged(what: "clock" | "zone"): void {
    for (const unit of [...this.#units.values()]) unit.timeChanged?.(what);
  }

  #tellOthers(name: string): void {
    for (const unit of [...this.#units.values()]) unit.unitChanged?.(name);
  }

  #notify(name: string, status: UnitStatus | undefined): void {
    for (const listener of [...this.#listeners]) listener(name, status);
  }
}

function openJournal({ directory, clock, facts, journalLimits }: EmbeddedOptions, boot: string): Journal {
  return new Journal({
    directory: join(directory, "journal"),
    clock,
    boot: boot.replaceAll("-", ""),
    machine: facts?.machineId ?? "",
    host: facts?.host ?? hostname(),
    ...(journalLimits === undefined ? {} : { limits: journalLimits }),
  });
}

function enforcementOf({ tracking, limits, builtIn, notes }: UsableCgroups): Enforcement {
  const isRoot = process.getuid?.() === 0;
  const users = isRoot ? [] : ["User= and Group= are not possible: the daemon does not run as root"];
  return {
    tracking: tracking === undefined ? trackingWithout(builtIn) : "cgroup2",
    memory: limits.has("memory"),
    cpu: limits.has("cpu"),
    tasks: limits.has("pids"),
    users: isRoot,
    notes: [...notes, ...users],
  };
}

function trackingWithout(builtIn: UsableCgroups["builtIn"]): "cgroup1" | "process-tree" {
  return builtIn.has("freezer") ? "cgroup1" : "process-tree";
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function hasNoProcesses({ definition: { kind } }: LoadedUnit): boolean {
  return kind === "target" || kind === "slice";
}
