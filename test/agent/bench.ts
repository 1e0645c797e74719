/** The agent of one machine in virtual time, with everything around it in memory. */

import { Agent } from "#agent/agent.ts";
import { type AgentMemory, emptyMemory, type MemoryFile } from "#agent/memory.ts";
import { type FileCache, hashOf } from "#agent/unit-files.ts";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys } from "#model/keys.ts";
import { type Assignment, type UnitState, unitStateSchema } from "#model/records.ts";
import { ClusterBuilder, machineId } from "#plan/testing/cluster-builder.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { deleteKey, putBytes, putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import { type FakeBehaviour, FakeMachine, type FakeRun } from "#supervisor/fake.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { passTime } from "../simulation/time.ts";

export const M1 = machineId("1");
export const TEXT = "[Service]\nExecStart=/bin/true\n";
export const OTHER_TEXT = `${TEXT}# another\n`;

/** A machine whose daemon can be started and killed, beside a store that can be away. */
export class Bench {
  readonly clock = new VirtualClock();
  readonly memoryStore = createMemoryStore({ clock: this.clock, random: seededRandom(1) });
  readonly runs = new Map<string, FakeRun>();
  readonly hardware: FakeMachine;
  readonly files = new Map<string, string>();
  /** What was asked of the supervisor and written to the disk, in order. */
  readonly trace: string[] = [];
  memory: AgentMemory = emptyMemory();
  diskIsFull = false;
  agent: Agent | undefined;

  constructor() {
    const behaviour: FakeBehaviour = ({ name }) => this.runs.get(name) ?? { kind: "serve" };
    this.hardware = new FakeMachine({ clock: this.clock, behaviour });
  }

  get #memoryFile(): MemoryFile {
    return {
      load: async () => structuredClone(this.memory),
      save: async (memory) => {
        if (this.diskIsFull) throw new FlotillaError("disk-full", "no space left on the disk");
        this.memory = structuredClone(memory);
        this.trace.push("save");
      },
    };
  }

  get #fileCache(): FileCache {
    return {
      read: async (hash) => this.files.get(hash),
      write: async (hash, text) => void this.files.set(hash, text),
      keep: async (hashes) => {
        for (const hash of this.files.keys()) if (!hashes.has(hash)) this.files.delete(hash);
      },
    };
  }

  get #supervisor(): Supervisor {
    const real = this.hardware.supervisor();
    const note = (what: string): void => void this.trace.push(what);
    return {
      ...real,
      load: (units) => {
        for (const { name } of units) note(`load ${name}`);
        return real.load(units);
      },
      unload: (names) => {
        note(`unload ${names.join(" ")}`);
        return real.unload(names);
      },
      start: (name) => {
        note(`start ${name}`);
        return real.start(name);
      },
      stop: (name) => {
        note(`stop ${name}`);
        return real.stop(name);
      },
    };
  }

  async start(store: Store = this.memoryStore): Promise<void> {
    const machine = new ClusterBuilder().machine("1").state.machines.get(M1);
    if (machine === undefined) throw new Error("no machine");
    this.agent = new Agent({
      store,
      supervisor: this.#supervisor,
      clock: this.clock,
      random: seededRandom(2),
      log: silentLogger,
      memory: this.#memoryFile,
      files: this.#fileCache,
      machine,
      strictStopMs: (unit) => (unit.startsWith("strict") ? 90_000 : undefined),
    });
    await this.agent.start();
    await this.pass(200);
  }

  async stop(): Promise<void> {
    await this.agent?.stop();
    this.agent = undefined;
  }

  pass(durationMs: number): Promise<void> {
    return passTime(this.clock, durationMs);
  }

  async cluster(id = "c"): Promise<void> {
    await this.#write(putJson(keys.cluster(), { id, name: "n", createdMs: 0 }));
  }

  async file(text: string): Promise<string> {
    await this.#write(putBytes(keys.file(hashOf(text)), toBytes(text)));
    return hashOf(text);
  }

  async assign(unit: string, change: Partial<Assignment> = {}): Promise<void> {
    const assignment = { file: hashOf(TEXT), desired: "launched", launch: 1, reason: "r", assignedMs: 0 };
    await this.#write(putJson(keys.assignment(M1, unit), { ...assignment, ...change }));
    await this.pass(200);
  }

  /** Submits a unit that is assigned to no machine. */
  async submit(unit: string, file: string): Promise<void> {
    await this.#write(putJson(keys.unit(unit), { file, desired: "inactive", launch: 0, changedMs: 0 }));
    await this.pass(200);
  }

  async destroy(unit: string): Promise<void> {
    await this.#write(deleteKey(keys.unit(unit)));
    await this.pass(200);
  }

  async unassign(unit: string): Promise<void> {
    await this.#write(deleteKey(keys.assignment(M1, unit)));
    await this.pass(200);
  }

  async #write(...success: Parameters<Store["txn"]>[0]["success"]): Promise<void> {
    await this.memoryStore.txn({ compare: [], success, failure: [] });
  }

  async state(unit: string): Promise<UnitState | undefined> {
    const { kvs } = await this.memoryStore.range({ key: toBytes(keys.state(M1, unit)) });
    const value = kvs[0]?.value;
    return value === undefined ? undefined : unitStateSchema.parse(JSON.parse(toText(value)));
  }

  async has(prefix: string): Promise<number> {
    return (await this.memoryStore.range({ ...prefixRange(prefix), countOnly: true })).count;
  }
}

/** A store that does not answer. */
export function away(clock: VirtualClock): Store {
  const store = createMemoryStore({ clock: clock, random: seededRandom(9) });
  void store.close();
  return store;
}
