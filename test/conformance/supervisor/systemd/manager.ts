/** systemd's manager over its private socket: jobs with their results, and properties of units. */
import type { QueuedJob } from "../machine.ts";
import type { Job } from "../scenario.ts";
import { type Bus, BusError } from "./bus.ts";
import type { Call, Value } from "./wire.ts";

const UNITS = "/org/freedesktop/systemd1/unit/";

export class Manager {
  readonly #bus: Bus;
  readonly #listeners = new Set<(unit: string) => unknown>();
  /** Jobs that are waited for, and results that came before the answer which names their job. */
  readonly #jobs = new Map<number, PromiseWithResolvers<string>>();

  constructor(bus: Bus) {
    this.#bus = bus;
    bus.onSignal(({ member, path, body }) => {
      if (member === "JobRemoved") this.#job(Number(body[0])).resolve(String(body[3]));
      if (member === "PropertiesChanged" && path.startsWith(UNITS)) this.#changed(unitOfPath(path));
    });
  }

  #changed(unit: string): void {
    for (const listener of [...this.#listeners]) listener(unit);
  }

  #job(id: number): PromiseWithResolvers<string> {
    const known = this.#jobs.get(id) ?? Promise.withResolvers<string>();
    this.#jobs.set(id, known);
    return known;
  }

  onChange(listener: (unit: string) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads all unit files again. */
  async reload(): Promise<void> {
    await this.#call("Reload", "");
  }

  async enqueue({ type, unit, mode }: Job): Promise<QueuedJob> {
    try {
      const [id] = await this.#call("EnqueueUnitJob", "sss", unit, type, mode);
      return { ended: this.#job(Number(id)).promise };
    } catch (error) {
      if (error instanceof BusError) return { ended: Promise.resolve(error.code) };
      throw error;
    }
  }

  async kill(unit: string, signal: number, whom: "main" | "all"): Promise<void> {
    await this.#call("KillUnit", "ssi", unit, whom, signal);
  }

  async resetFailed(unit: string): Promise<void> {
    await this.#call("ResetFailedUnit", "s", unit);
  }

  /** A property of the unit; `kind` is `Unit` or the kind of the unit: `Service`. */
  async property(unit: string, kind: string, property: string): Promise<Value> {
    const [value = ""] = await this.#bus.call({
      path: pathOfUnit(unit),
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
      signature: "ss",
      body: [`org.freedesktop.systemd1.${kind}`, property],
    });
    return value;
  }

  #call(member: string, signature: string, ...body: Call["body"]): Promise<readonly Value[]> {
    return this.#bus.call({
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      member,
      signature,
      body,
    });
  }
}

/** `a@b.service` is `/org/freedesktop/systemd1/unit/a_40b_2eservice`. */
function pathOfUnit(unit: string): string {
  const hex = (letter: string): string => `_${Buffer.from(letter).toString("hex")}`;
  return UNITS + unit.replace(/[^A-Za-z0-9]/g, hex).replace(/^\d/, hex);
}

function unitOfPath(path: string): string {
  const letter = (_: string, hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));
  return path.slice(UNITS.length).replace(/_([0-9a-f]{2})/g, letter);
}
