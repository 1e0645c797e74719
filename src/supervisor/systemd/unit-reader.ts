/** Asks systemd for the state of units: where nothing has told of it, and where signals may have been missed. */
import type { Clock, Timer } from "#base/clock.ts";
import type { SystemdLink } from "./bus/link.ts";
import { interfaceOfUnit, pathOfUnit } from "./bus/unit-path.ts";
import { hex, list, text } from "./bus/values.ts";
import {
  FIXED_PROPERTIES,
  loadState,
  RESULT_PROPERTIES,
  SERVICE_PROPERTIES,
  UNIT_PROPERTIES,
} from "./unit-status.ts";
import type { UnitTable } from "./unit-table.ts";

const UNIT = "org.freedesktop.systemd1.Unit";
/** Units that are asked for at the same time. */
const AT_ONCE = 32;

/** What there is beside the unit's own properties, by type. */
const OWN_PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  service: [...FIXED_PROPERTIES, ...SERVICE_PROPERTIES],
  socket: RESULT_PROPERTIES,
  timer: [...RESULT_PROPERTIES, "NextElapseUSecRealtime"],
  path: RESULT_PROPERTIES,
  mount: RESULT_PROPERTIES,
  automount: RESULT_PROPERTIES,
  swap: RESULT_PROPERTIES,
};

/** How long units are kept that were just put in place: until a start has been asked for that follows at once. */
const KEEP_MS = 1_000;

export interface UnitReaderOptions {
  readonly link: SystemdLink;
  readonly clock: Clock;
  readonly table: UnitTable;
  /** In systemd's words why a unit file is none. */
  readonly reasonOf: (unit: string) => Promise<string | undefined>;
}

export class UnitReader {
  readonly #link: SystemdLink;
  readonly #table: UnitTable;
  readonly #reasonOf: UnitReaderOptions["reasonOf"];
  readonly #clock: Clock;
  readonly #kept = new Set<string>();
  readonly #timers = new Set<Timer>();

  constructor({ link, clock, table, reasonOf }: UnitReaderOptions) {
    this.#link = link;
    this.#clock = clock;
    this.#table = table;
    this.#reasonOf = reasonOf;
  }

  /**
   * Publishes the state of units that were just put in place. systemd forgets one that does not run as soon as it has
   * answered a question about it: for the next, and for the start that mostly follows, it would read the file again, and
   * each time tell of all units that are ordered beside it. So they are kept for a while.
   */
  async readNew(names: readonly string[]): Promise<void> {
    for (const name of names) if (!this.#kept.has(name)) this.#tellKeep("RefUnit", name);
    for (const name of names) this.#kept.add(name);
    const timer = this.#clock.setTimer(KEEP_MS, () => {
      this.#timers.delete(timer);
      for (const name of names) this.release(name);
    });
    this.#timers.add(timer);
    await this.read(names, true);
  }

  /** Lets systemd read the unit's files again when it is asked for it next. */
  release(name: string): void {
    if (this.#kept.delete(name)) this.#tellKeep("UnrefUnit", name);
  }

  /** Nobody waits for it, since calls are carried out in their order, and nobody minds where it is not possible. */
  #tellKeep(member: "RefUnit" | "UnrefUnit", name: string): void {
    this.#link.manager(member, "s", [name]).catch(() => undefined);
  }

  /** What is kept ends with the connection. */
  close(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** Publishes the state of these units. `isCertain`: no signal can have been missed since they were read last. */
  async read(names: readonly string[], isCertain: boolean): Promise<void> {
    if (names.length === 0) return;
    const [listed] = await this.#link.manager("ListUnitsByNames", "as", [names]);
    const found = list(listed).map((row, index) => ({ name: names[index] ?? "", row: list(row) }));
    for (let at = 0; at < found.length; at += AT_ONCE) {
      const some = found.slice(at, at + AT_ONCE);
      await Promise.all(some.map(({ name, row }) => this.#readOne(name, row, isCertain)));
    }
  }

  async #readOne(name: string, row: readonly unknown[], isCertain: boolean): Promise<void> {
    const [, , load, active, sub] = row.map(text);
    const state = loadState(load);
    const problem = state === "loaded" ? undefined : await this.#problemOf(name, text(load));
    this.#table.setLoad(name, state, problem);
    const known = this.#table.properties(name);
    const isSame = isCertain && known.ActiveState === active && known.SubState === sub;
    if (!isSame && state === "loaded") {
      if (active === "inactive") await this.#readInactive(name, sub);
      else await this.#readProperties(name);
    }
    this.#table.publish(name);
  }

  /** systemd has forgotten most of what is inactive, and reads the file again for each question about such a unit. */
  async #readInactive(name: string, SubState = "dead"): Promise<void> {
    const signals = this.#table.signalsOf(name);
    const fixed = name.endsWith(".service") ? FIXED_PROPERTIES : [];
    const [[, id], ...read] = await Promise.all([
      this.#get(name, UNIT, "InvocationID"),
      ...fixed.map((property) => this.#get(name, interfaceOfUnit(name), property)),
    ]);
    if (/[1-9a-f]/.test(hex(id))) return this.#readProperties(name);
    const state = { ActiveState: "inactive", SubState, InvocationID: "" };
    this.#table.read(name, { ...Object.fromEntries(read), ...state }, signals);
  }

  async #problemOf(name: string, load: string): Promise<string> {
    if (load === "masked") return "its file is empty or a link to /dev/null, so that it cannot be started";
    if (load === "bad-setting") {
      const reason = await this.#reasonOf(name);
      if (reason !== undefined) return reason;
    }
    const [, message] = list(await this.#link.property(pathOfUnit(name), UNIT, "LoadError"));
    return text(message) || `systemd says ${load}`;
  }

  async #readProperties(name: string): Promise<void> {
    const signals = this.#table.signalsOf(name);
    const own = OWN_PROPERTIES[name.slice(name.lastIndexOf(".") + 1)] ?? [];
    const read = await Promise.all([
      ...UNIT_PROPERTIES.map((property) => this.#get(name, UNIT, property)),
      ...own.map((property) => this.#get(name, interfaceOfUnit(name), property)),
    ]);
    this.#table.read(name, Object.fromEntries(read), signals);
  }

  async #get(name: string, from: string, property: string): Promise<readonly [string, unknown]> {
    return [property, await this.#link.property(pathOfUnit(name), from, property)];
  }

  /** Reads one unit again, such as after its failure was reset. */
  async refresh(name: string): Promise<void> {
    await this.#readProperties(name);
    this.#table.publish(name);
  }
}
