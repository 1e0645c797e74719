/** Runs scenarios on an embedded supervisor, which has the units of all of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readHierarchies } from "#supervisor/embedded/cgroup/hierarchy.ts";
import type { JobOutcome, Supervisor } from "#supervisor/supervisor.ts";
import { entryWhere, TestMachine, unit } from "../../supervisor/machine.ts";
import type { QueuedJob, ScenarioHost, ScenarioMachine } from "./machine.ts";
import { type Properties, propertiesOf } from "./properties.ts";
import type { Job, Scenario } from "./scenario.ts";
import { expandDirectory, writePrograms } from "./scenario-files.ts";

export class EmbeddedHost implements ScenarioHost, AsyncDisposable {
  readonly side = "embedded";
  readonly #machine: TestMachine;
  readonly #supervisor: Supervisor;

  private constructor(machine: TestMachine, supervisor: Supervisor) {
    this.#machine = machine;
    this.#supervisor = supervisor;
  }

  /** A machine with the units of these scenarios loaded. */
  static async boot(scenarios: readonly Scenario[]): Promise<EmbeddedHost> {
    const machine = new TestMachine();
    const host = new EmbeddedHost(machine, await machine.boot());
    await host.#supervisor.load(
      scenarios.flatMap((scenario) => {
        const directory = host.#directoryOf(scenario);
        return scenario.units.map(({ name, text }) => unit(name, expandDirectory(text, directory)));
      }),
    );
    return host;
  }

  #directoryOf({ name }: Scenario): string {
    return join(this.#machine.directory, "scenarios", name.replaceAll("/", "-"));
  }

  async open(scenario: Scenario): Promise<ScenarioMachine> {
    const directory = this.#directoryOf(scenario);
    writePrograms(scenario, directory, directory);
    return new EmbeddedMachine(this.#machine, this.#supervisor, directory);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#machine[Symbol.asyncDispose]();
  }
}

class EmbeddedMachine implements ScenarioMachine {
  readonly side = "embedded";
  readonly #machine: TestMachine;
  readonly #supervisor: Supervisor;
  readonly directory: string;

  constructor(machine: TestMachine, supervisor: Supervisor, directory: string) {
    this.#machine = machine;
    this.#supervisor = supervisor;
    this.directory = directory;
  }

  async enqueue(job: Job): Promise<QueuedJob> {
    const ended = this.#supervisor.enqueue(job).then(({ result, error }: JobOutcome) => error ?? result);
    // The supervisor queues a job before it yields.
    await new Promise((resolve) => setImmediate(resolve));
    return { ended };
  }

  async kill(unit: string, signal: string, whom: "main" | "all"): Promise<void> {
    const { mainPid } = this.#supervisor.status(unit) ?? {};
    const pids = whom === "all" ? this.#members(unit) : [mainPid].filter((pid) => pid !== undefined);
    if (pids.length === 0) throw new Error(`${unit} has no process to kill`);
    for (const pid of pids) process.kill(pid, `SIG${signal}`);
  }

  #members(unit: string): readonly number[] {
    const mount = readHierarchies().find(({ version }) => version === 2)?.mount ?? "";
    const path = join(mount, this.#machine.cgroupName ?? "", unit, "cgroup.procs");
    return readFileSync(path, "utf8").trim().split("\n").filter(Boolean).map(Number);
  }

  resetFailed(unit: string): Promise<void> {
    return this.#supervisor.resetFailed(unit);
  }

  async properties(unit: string): Promise<Properties> {
    return propertiesOf(unit, this.#supervisor.status(unit));
  }

  onChange(listener: (unit: string) => unknown): () => void {
    return this.#supervisor.onStatus(listener);
  }

  async hasLine(unit: string, text: string): Promise<boolean> {
    const pattern = new RegExp(RegExp.escape(text));
    return entryWhere(this.#supervisor, unit, pattern).then(
      () => true,
      () => false,
    );
  }

  pathOf(path: string): string {
    const { runtimeDirectory = "/run", stateDirectory = "/var/lib" } = this.#machine.options.facts ?? {};
    return path.replace(/^%t(?=\/)/, runtimeDirectory).replace(/^%S(?=\/)/, stateDirectory);
  }
}
