/**
 * The supervisor over a real systemd: units are systemd's, this tells it of unit files and jobs and follows what
 * becomes of them, over D-Bus.
 *
 * Invariants: only units whose files were handed over are touched or told of; the machine's own are neither replaced
 * nor stopped. States come from signals alone. A reload or a new execution of systemd, by whomever, changes nothing
 * here: after each all units are listed again. Statuses keep their last values while systemd is away, and calls wait
 * for a bounded time. It must not know the cluster.
 */
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { toFlotillaError } from "#base/errors.ts";
import type { Logger } from "#base/log.ts";
import { present } from "#base/present.ts";
import type { Random } from "#base/random.ts";
import { parseUnitName } from "#unit/name.ts";
import type {
  Enforcement,
  Hold,
  JobOutcome,
  JobRequest,
  JournalEntry,
  JournalQuery,
  Supervisor,
  UnitSource,
  UnitStatus,
  UnitUsage,
} from "../supervisor.ts";
import { BusError, type Signal } from "./bus/bus-connection.ts";
import { systemWays, type Way } from "./bus/dial.ts";
import { SystemdLink } from "./bus/link.ts";
import { interfaceOfUnit, pathOfUnit, unitOfPath } from "./bus/unit-path.ts";
import { flag, list, number, properties, text } from "./bus/values.ts";
import { describeEnforcement, systemHierarchies, unifiedControllers } from "./enforcement.ts";
import { Fence } from "./fence/fence.ts";
import { endedOutcome, presumedResult, refusedOutcome, unknownUnit } from "./job-outcome.ts";
import { Jobs } from "./jobs.ts";
import { Journalctl } from "./journal/journalctl.ts";
import { LastRuns } from "./last-runs.ts";
import { timerFacts } from "./timer-facts.ts";
import { UnitChanges } from "./unit-changes.ts";
import { UnitFiles } from "./unit-files.ts";
import { UnitReader } from "./unit-reader.ts";
import { isUp } from "./unit-status.ts";
import { type StatusListener, UnitTable } from "./unit-table.ts";
import { CgroupUsage } from "./usage.ts";

export interface SystemdOptions {
  /** For unit files, as systemd sees it; what became of their last runs is kept beside it. Gone with the power. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** systemd's root directory as it is seen here, where that is another. */
  readonly root?: string;
  /** How to reach systemd; that of this machine when absent. */
  readonly ways?: readonly Way[];
  /** journalctl, and what is to be run before it. */
  readonly journalctl?: readonly string[];
}

/** How often a unit is stopped that somebody starts again while it is to go. */
const STOPS = 3;
const HAS_CGROUP = /\.(service|socket|mount|swap|slice)$/;
/** How long a unit's journal is searched for the reason why its file is none. */
const REASON_MS = 1_000;

/**
 * Connects with systemd and takes over what an earlier supervisor handed to it.
 * @throws FlotillaError `unreachable` when there is no systemd to talk to
 */
export async function createSystemdSupervisor(options: SystemdOptions): Promise<Supervisor> {
  const supervisor = new SystemdSupervisor(options);
  try {
    await supervisor.adopt();
  } catch (error) {
    await supervisor.close();
    throw error;
  }
  return supervisor;
}

class SystemdSupervisor implements Supervisor {
  readonly kind = "systemd";
  readonly enforcement: Enforcement;
  readonly #log: Logger;
  readonly #files: UnitFiles;
  readonly #table: UnitTable;
  readonly #link: SystemdLink;
  readonly #jobs: Jobs;
  readonly #reader: UnitReader;
  readonly #changes: UnitChanges;
  readonly #journalctl: Journalctl;
  readonly #usage: CgroupUsage;
  readonly #fence: Fence;
  /** Hashes of the files of templates, by name. */
  readonly #templates = new Map<string, string>();
  /** Units that systemd made of them by itself; gone when they end. */
  readonly #made = new Set<string>();
  /** Until the first units are known, signals tell nothing that counts. */
  #isAdopted = false;

  constructor(options: SystemdOptions) {
    const { directory, clock, random, log, root = "/" } = options;
    const hierarchies = systemHierarchies(root);
    const unified = unifiedControllers(hierarchies, root);
    this.enforcement = describeEnforcement(hierarchies, unified, process.getuid?.() === 0);
    this.#log = log;
    this.#files = new UnitFiles(directory, root);
    this.#table = new UnitTable(clock, new LastRuns(join(root, `${directory}.last-runs`)), (unit) =>
      this.#fence.holds.killedRun(unit),
    );
    this.#usage = new CgroupUsage(hierarchies, unified, root);
    this.#journalctl = new Journalctl(options.journalctl ?? ["journalctl"]);
    const onSignal = (signal: Signal): void => this.#onSignal(signal);
    const onUp = (): void => this.#onUp();
    this.#link = new SystemdLink({
      ways: options.ways ?? systemWays(root),
      clock,
      random,
      log,
      onSignal,
      onUp,
    });
    this.#jobs = new Jobs(this.#link);
    this.#fence = new Fence({
      link: this.#link,
      jobs: this.#jobs,
      clock,
      directory: `${directory}.holds`,
      root,
    });
    const reasonOf = (unit: string): Promise<string | undefined> => this.#reasonOf(unit);
    this.#reader = new UnitReader({ link: this.#link, clock, table: this.#table, reasonOf });
    const warn = (unit: string, message: string): void =>
      log.warn({ unit, message }, "systemd did not install it");
    this.#changes = new UnitChanges({ link: this.#link, files: this.#files, warn });
  }

  /** Takes over the units that an earlier supervisor was handed. */
  async adopt(): Promise<void> {
    await this.#link.open();
    this.#table.listen((name, status) => this.#followUsage(name, status));
    const sources = this.#files.readAll();
    for (const source of sources) this.#know(source);
    const lost = sources.filter(({ name }) => !this.#files.isLinked(name));
    for (const source of sources) if (!lost.includes(source)) this.#changes.recall(source);
    if (lost.length > 0) await this.#changes.put(lost);
    this.#isAdopted = true;
    for (const name of await this.#instances()) this.#knowInstance(name);
    await this.#reader.read(this.#table.names(), false);
    await this.#adoptHolds();
  }

  /** Units that an earlier supervisor held go on being held, by this version of the fence. */
  async #adoptHolds(): Promise<void> {
    const { units } = this.#fence.holds;
    for (const unit of units.filter((name) => !this.#table.has(name))) this.#fence.forget(unit);
    await Promise.all(this.#fence.holds.units.map((unit) => this.#guard(unit)));
  }

  #know(source: UnitSource): void {
    if (parseUnitName(source.name).isTemplate) this.#templates.set(source.name, source.file);
    else this.#table.add(source);
  }

  /** Units that were made of our templates and are there. */
  async #instances(): Promise<readonly string[]> {
    if (this.#templates.size === 0) return [];
    const patterns = [...this.#templates.keys()].map((template) => template.replace("@.", "@*."));
    const [listed] = await this.#link.manager("ListUnitsByPatterns", "asas", [[], patterns]);
    return list(listed).map((row) => text(list(row)[0]));
  }

  /** Something asked systemd for a unit that one of our templates makes. */
  #knowInstance(name: string): boolean {
    if (this.#table.has(name)) return true;
    const file = name.includes("@") ? this.#templates.get(parseUnitName(name).template ?? "") : undefined;
    if (file === undefined) return false;
    this.#made.add(name);
    this.#table.add({ name, file });
    return true;
  }

  async load(units: readonly UnitSource[]): Promise<void> {
    // Every name is checked before anything is written.
    for (const { name } of units) parseUnitName(name);
    const refused = await this.#changes.put(units);
    for (const source of units) this.#know(source);
    const names = units.map(({ name }) => name).filter((name) => this.#table.has(name));
    for (const name of names) this.#made.delete(name);
    for (const [name, reason] of refused) {
      this.#table.setLoad(name, "error", reason);
      this.#table.publish(name);
    }
    const put = names.filter((name) => !refused.has(name));
    await this.#reader.readNew(put);
    // systemd looks for new files by the time of their directory, of which two changes may have the same.
    const unseen = put.filter((name) => this.#table.status(name)?.load === "not-found");
    if (unseen.length === 0) return;
    await this.#link.manager("Reload");
    await this.#reader.read(unseen, true);
  }

  async unload(names: readonly string[]): Promise<void> {
    for (const name of names) this.#templates.delete(name);
    const known = names.filter((name) => this.#files.has(name) || this.#table.has(name));
    await Promise.all(known.map((name) => this.#stopForGood(name)));
    for (const name of known) this.#reader.release(name);
    for (const name of known) this.#fence.forget(name);
    await this.#changes.remove(known);
    await Promise.all(known.map((name) => this.#forget(name)));
  }

  /** To the end of ExecStopPost=; again, where somebody has started it meanwhile. */
  async #stopForGood(name: string): Promise<void> {
    for (let tries = 0; tries < STOPS && this.#table.status(name)?.load !== "error"; tries++) {
      await this.stop(name);
      const status = this.#table.status(name);
      if (status === undefined || !isUp(status.active)) return;
    }
  }

  /** systemd would keep a failed unit, and a file of the same name that comes later would find its failure. */
  async #forget(name: string): Promise<void> {
    if (this.#table.status(name)?.active === "failed") await this.#tellReset(name);
    this.#made.delete(name);
    this.#table.forget(name);
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

  async enqueue(request: JobRequest): Promise<JobOutcome> {
    const { type, unit } = request;
    if (!this.#knowInstance(unit)) return unknownUnit(unit);
    const before = this.#table.status(unit);
    // The machine may have a unit of this name that is none of ours.
    if (before?.load === "error")
      return refusedOutcome("LoadFailed", before.message ?? `${unit} is not loaded`);
    const unguarded = type.includes("start") ? await this.#guard(unit) : undefined;
    if (unguarded !== undefined) return unguarded;
    if (type.includes("restart") || (type === "start" && !isUp(before?.active ?? "inactive")))
      this.#table.starting(unit);
    try {
      const told = await this.#jobs.run(request);
      const status = this.#table.status(unit);
      const outcome = endedOutcome(told ?? presumedResult(type, status), type, status);
      return { ...outcome, ...present("message", outcome.message ?? this.#whySkipped(unit, type)) };
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      return refusedOutcome(error.code, error.message);
    }
  }

  /** A condition that does not hold is no failure, but it is why nothing runs. */
  #whySkipped(unit: string, type: JobRequest["type"]): string | undefined {
    const status = this.#table.status(unit);
    const { ConditionResult, ConditionTimestamp } = this.#table.properties(unit);
    if (type === "stop" || status === undefined || status.active !== "inactive" || status.completed) return;
    if (flag(ConditionResult) || number(ConditionTimestamp) === 0) return;
    return `${unit} was not started because a condition of it does not hold`;
  }

  hold(name: string, hold: Hold | undefined): void {
    if (!this.#table.has(name)) return;
    const isNew = this.#fence.holds.until(name) === undefined;
    try {
      this.#fence.holds.set(name, hold, isUp(this.#table.status(name)?.active ?? "inactive"));
    } catch (error) {
      this.#log.error({ unit: name, error: String(error) }, "could not put off until when it may run");
      return;
    }
    if (hold !== undefined && isNew) void this.#guard(name);
  }

  heldUntil(name: string): number | undefined {
    return this.#fence.holds.until(name);
  }

  /** How the start of a unit that is held is refused; undefined: it may be started. */
  async #guard(unit: string): Promise<JobOutcome | undefined> {
    const { holds } = this.#fence;
    if (holds.until(unit) === undefined) return undefined;
    // The fence is a drop-in, which systemd is to find without being reloaded.
    this.#reader.release(unit);
    try {
      await this.#fence.guard(unit);
    } catch (error) {
      const { message } = toFlotillaError(error);
      this.#log.error({ unit, error: message }, "a strict unit is not fenced");
      return { result: "failed", message };
    }
    if (!holds.hasPassed(unit)) return undefined;
    return { result: "failed", message: "its hold has passed", error: "HoldPassed" };
  }

  async resetFailed(name: string): Promise<void> {
    if (!this.#table.has(name)) return;
    this.#fence.holds.forgetKilled(name);
    await this.#tellReset(name);
    await this.#reader.refresh(name);
  }

  async #tellReset(name: string): Promise<void> {
    try {
      await this.#link.manager("ResetFailedUnit", "s", [name]);
    } catch (error) {
      // It is forgotten already.
      if (!(error instanceof BusError && error.code === "NoSuchUnit")) throw error;
    }
  }

  status(name: string): UnitStatus | undefined {
    return this.#table.status(name);
  }

  statuses(): readonly UnitStatus[] {
    return this.#table.statuses();
  }

  usage(name?: string): UnitUsage {
    if (name === undefined) return this.#usage.total();
    const facts = timerFacts(this.#table.properties(name));
    return { ...this.#usage.of(name), ...(facts.length === 0 ? {} : { facts }) };
  }

  onStatus(listener: StatusListener): () => void {
    return this.#table.listen(listener);
  }

  journal(query: JournalQuery): AsyncIterable<JournalEntry> {
    return this.#journalctl.read(query);
  }

  async close(): Promise<void> {
    this.#table.close();
    this.#jobs.close();
    this.#reader.close();
    this.#journalctl.close();
    await this.#link.close();
  }

  #onSignal({ member, path, body }: Signal): void {
    if (member === "JobRemoved") this.#jobs.removed(body);
    else if (member === "Reloading" && body[0] === false) this.#lookAgain(true);
    else if (member === "PropertiesChanged") this.#onProperties(unitOfPath(path), body);
  }

  /** systemd tells first of the properties of the unit's type, then of those that all units have. */
  #onProperties(name: string | undefined, [from, changed]: readonly unknown[]): void {
    if (name === undefined || !this.#isAdopted || !this.#knowInstance(name)) return;
    this.#table.told(name, properties(changed));
    if (from === "org.freedesktop.systemd1.Unit") this.#table.publish(name);
    if (this.#made.has(name) && this.#table.status(name)?.active === "inactive") {
      this.#made.delete(name);
      this.#table.forget(name);
    }
  }

  #onUp(): void {
    if (this.#isAdopted) this.#lookAgain(false);
  }

  /** `isCertain`: no signal can have been missed. */
  #lookAgain(isCertain: boolean): void {
    const names = this.#table.names().filter((name) => this.#table.status(name)?.load !== "error");
    const look = async (): Promise<void> => {
      await this.#reader.read(names, isCertain);
      if (!isCertain) await this.#jobs.recheck();
    };
    look().catch((error: unknown) => this.#log.warn({ error: String(error) }, "could not look at all units"));
  }

  /** systemd says where a unit's cgroup is once it has one. */
  #followUsage(name: string, status: UnitStatus | undefined): void {
    if (status === undefined || !isUp(status.active)) this.#usage.forget(name);
    else if (!this.#usage.has(name) && HAS_CGROUP.test(name)) void this.#findCgroup(name);
  }

  async #findCgroup(name: string): Promise<void> {
    try {
      const path = await this.#link.property(pathOfUnit(name), interfaceOfUnit(name), "ControlGroup");
      if (isUp(this.#table.status(name)?.active ?? "inactive")) this.#usage.set(name, text(path));
    } catch (error) {
      this.#log.debug({ unit: name, error: String(error) }, "its cgroup is not known");
    }
  }

  /** What systemd has written on a unit file that it does not take. */
  async #reasonOf(unit: string): Promise<string | undefined> {
    const signal = AbortSignal.timeout(REASON_MS);
    const query = { matches: [`UNIT=${unit}`, "_PID=1"], priority: { from: 0, to: 4 }, boot: "0", lines: 20 };
    try {
      for await (const { message } of this.#journalctl.read({ ...query, follow: true, signal }))
        if (/Refusing|fatal error/.test(message)) return message.replace(`${unit}: `, "");
    } catch (error) {
      this.#log.debug({ unit, error: String(error) }, "could not read why its file is none");
    }
    return undefined;
  }
}
