/** A machine of its own for a test: directories, an embedded supervisor on them, and nothing left behind. */
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { systemClock, systemRandom } from "#host/system.ts";
import { createEmbeddedSupervisor, type EmbeddedOptions } from "#supervisor/embedded/embedded-supervisor.ts";
import { cutPower } from "#supervisor/embedded/power-cut.ts";
import { readProcesses } from "#supervisor/embedded/process-table.ts";
import type { JournalEntry, Supervisor, UnitSource, UnitStatus } from "#supervisor/supervisor.ts";

export function unit(name: string, text: string): UnitSource {
  return { name, text, file: createHash("sha256").update(text).digest("hex") };
}

/** A service of these lines in [Service]. */
export function service(name: string, ...lines: readonly string[]): UnitSource {
  return unit(name, `[Service]\n${lines.join("\n")}\n`);
}

export interface TestMachineOptions {
  readonly cgroups?: boolean;
  /** Further directories between the temporary one and the machine's own. */
  readonly below?: string;
  readonly journalLimits?: NonNullable<EmbeddedOptions["journalLimits"]>;
}

export class TestMachine implements AsyncDisposable {
  readonly directory: string;
  readonly cgroupName: string | undefined;
  readonly #root: string;
  readonly #journalLimits: NonNullable<EmbeddedOptions["journalLimits"]>;
  readonly #holders: ChildProcess[] = [];
  #supervisor: Supervisor | undefined;

  constructor(options: TestMachineOptions = {}) {
    this.#journalLimits = options.journalLimits ?? {};
    this.#root = mkdtempSync(join(tmpdir(), "flotilla-supervisor-"));
    this.directory = join(this.#root, options.below ?? "");
    this.cgroupName = options.cgroups === false ? undefined : `flotilla-test-${basename(this.#root)}`;
  }

  get options(): EmbeddedOptions {
    const { directory, cgroupName } = this;
    return {
      directory,
      runDirectory: join(directory, "run"),
      cgroupName,
      clock: systemClock,
      random: systemRandom,
      journalLimits: this.#journalLimits,
      facts: {
        runtimeDirectory: join(this.#root, "of-units/run"),
        stateDirectory: join(this.#root, "of-units/state"),
      },
    };
  }

  /** Starts the machine's supervisor; a running one is closed first, as when a daemon is replaced. */
  async boot(): Promise<Supervisor> {
    await this.#supervisor?.close();
    this.#supervisor = await createEmbeddedSupervisor(this.options);
    return this.#supervisor;
  }

  /** A process that has a supervisor on this machine; it ends with the machine at the latest. */
  isHeldBy(process: ChildProcess): void {
    this.#holders.push(process);
  }

  async cutPower(): Promise<void> {
    await this.#supervisor?.close();
    this.#supervisor = undefined;
    await cutPower(this.options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#holders.map(end));
    await this.cutPower();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  process.kill("SIGKILL");
  await once(process, "exit");
}

/** A machine with these units loaded. */
export async function machineWith(
  units: readonly UnitSource[],
  options: TestMachineOptions = {},
): Promise<{ machine: TestMachine; supervisor: Supervisor } & AsyncDisposable> {
  const machine = new TestMachine(options);
  const supervisor = await machine.boot();
  await supervisor.load(units);
  return { machine, supervisor, [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose]() };
}

/** Resolves with the first status of the unit, now or later, that is as wanted. */
export function statusWhere(
  supervisor: Supervisor,
  name: string,
  wanted: (status: UnitStatus) => boolean,
): Promise<UnitStatus> {
  const now = supervisor.status(name);
  if (now !== undefined && wanted(now)) return Promise.resolve(now);
  return new Promise((resolve, reject) => {
    const give_up = setTimeout(() => {
      forget();
      reject(new Error(`${name} did not get there: ${JSON.stringify(supervisor.status(name))}`));
    }, 15_000);
    const forget = supervisor.onStatus((changed, status) => {
      if (changed !== name || status === undefined || !wanted(status)) return;
      clearTimeout(give_up);
      forget();
      resolve(status);
    });
  });
}

/** Everything in the unit's journal. */
export async function entries(supervisor: Supervisor, name: string): Promise<readonly JournalEntry[]> {
  const found: JournalEntry[] = [];
  for await (const entry of supervisor.journal({ units: [name] })) found.push(entry);
  return found;
}

/** What the unit itself wrote. */
export async function output(supervisor: Supervisor, name: string): Promise<readonly string[]> {
  const found = await entries(supervisor, name);
  return found.filter(({ origin }) => origin === "unit").map(({ message }) => message);
}

/** Resolves with the first journal entry, now or later, whose message matches. */
export async function entryWhere(
  supervisor: Supervisor,
  name: string,
  pattern: RegExp,
): Promise<JournalEntry> {
  const signal = AbortSignal.timeout(15_000);
  for await (const entry of supervisor.journal({ units: [name], follow: true, signal })) {
    if (pattern.test(entry.message)) return entry;
  }
  throw new Error(`${name} did not write ${pattern}`);
}

/** Whether the process runs: one that has ended and waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  return readProcesses().isAlive(pid);
}

/** The shim of a unit's command. */
export function shimOf(pid: number): number {
  const { pids, descendantsOf } = readProcesses();
  const above = pids.filter((one) => descendantsOf(one).includes(pid));
  const shim = above.find((one) => readFileSync(`/proc/${one}/comm`, "utf8").startsWith("flotilla-shim"));
  if (shim === undefined) throw new Error(`process ${pid} has no shim`);
  return shim;
}
