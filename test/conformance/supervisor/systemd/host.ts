/** Runs scenarios on a real systemd: one machine, which has the units of all of them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { QueuedJob, ScenarioHost, ScenarioMachine } from "../machine.ts";
import {
  hasProperty,
  PROPERTIES,
  type Properties,
  type Property,
  SERVICE_ONLY,
  signalNumber,
} from "../properties.ts";
import type { Job, Scenario } from "../scenario.ts";
import { expandDirectory, writePrograms } from "../scenario-files.ts";
import type { Bus } from "./bus.ts";
import { Container } from "./container.ts";
import { JournalLines } from "./journal-lines.ts";
import { PINS, pinsOf } from "./machine-root.ts";
import { Manager } from "./manager.ts";
import type { Value } from "./wire.ts";

const UNIT_FILES = "etc/systemd/system";

export class SystemdHost implements ScenarioHost, AsyncDisposable {
  readonly side = "systemd";
  readonly #container: Container;
  readonly #bus: Bus;
  readonly #manager: Manager;
  readonly #journal: JournalLines;

  /** Boots a machine and loads the units of these scenarios. */
  static async boot(scenarios: readonly Scenario[]): Promise<SystemdHost> {
    const { container, bus } = await Container.boot();
    const host = new SystemdHost(container, bus);
    await host.#load(scenarios);
    return host;
  }

  private constructor(container: Container, bus: Bus) {
    this.#container = container;
    this.#bus = bus;
    this.#manager = new Manager(bus);
    this.#journal = new JournalLines(container.root);
  }

  async #load(scenarios: readonly Scenario[]): Promise<void> {
    const directory = join(this.#container.root, UNIT_FILES);
    for (const { name, units } of scenarios) {
      for (const unit of units)
        writeFileSync(join(directory, unit.name), expandDirectory(unit.text, seenBy(name)));
    }
    const units = scenarios.flatMap((scenario) => scenario.units.map(({ name }) => name));
    writeFileSync(join(directory, PINS), pinsOf(units.filter((name) => !name.includes("@."))));
    await this.#manager.reload();
    const { ended } = await this.#manager.enqueue({ type: "start", unit: PINS, mode: "replace" });
    if ((await ended) !== "done") throw new Error(`the units could not be loaded: ${await ended}`);
  }

  async open(scenario: Scenario): Promise<ScenarioMachine> {
    const directory = seenBy(scenario.name);
    writePrograms(scenario, join(this.#container.shared, directory.slice("/scenarios/".length)), directory);
    return new SystemdMachine(this.#container, this.#manager, this.#journal, directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bus.close();
    await this.#journal.close();
    await this.#container[Symbol.asyncDispose]();
  }
}

/** Where the units of a scenario see its directory. */
function seenBy(scenario: string): string {
  return `/scenarios/${scenario.replaceAll("/", "-")}`;
}

class SystemdMachine implements ScenarioMachine {
  readonly side = "systemd";
  readonly #container: Container;
  readonly #manager: Manager;
  readonly #journal: JournalLines;
  readonly directory: string;

  constructor(container: Container, manager: Manager, journal: JournalLines, directory: string) {
    this.#container = container;
    this.#manager = manager;
    this.#journal = journal;
    this.directory = directory;
  }

  enqueue(job: Job): Promise<QueuedJob> {
    return this.#manager.enqueue(job);
  }

  kill(unit: string, signal: string, whom: "main" | "all"): Promise<void> {
    return this.#manager.kill(unit, signalNumber(signal), whom);
  }

  resetFailed(unit: string): Promise<void> {
    return this.#manager.resetFailed(unit);
  }

  async properties(unit: string): Promise<Properties> {
    const wanted = PROPERTIES.filter((property) => hasProperty(unit, property));
    const values = await Promise.all(
      wanted.map(async (property) => {
        const value = await this.#manager.property(unit, interfaceOf(unit, property), property);
        return [property, textOf(property, value)] as const;
      }),
    );
    return Object.fromEntries(values);
  }

  onChange(listener: (unit: string) => unknown): () => void {
    return this.#manager.onChange(listener);
  }

  hasLine(unit: string, text: string): Promise<boolean> {
    return this.#journal.has(unit, text);
  }

  pathOf(path: string): string {
    const seen = path.replace(/^%t(?=\/)/, "/run").replace(/^%S(?=\/)/, "/var/lib");
    return `${this.#container.root}${seen}`;
  }
}

function interfaceOf(unit: string, property: Property): string {
  if (!SERVICE_ONLY.includes(property) && property !== "Result") return "Unit";
  const kind = unit.slice(unit.lastIndexOf(".") + 1);
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}

/** A property's value as machine.ts has it. */
function textOf(property: Property, value: Value): string {
  if (property === "MainPID") return value === 0 ? "0" : "set";
  if (property !== "InvocationID") return String(value);
  return Array.isArray(value) && value.length > 0 ? "set" : "";
}
