import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FlotillaError } from "#base/errors.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { VirtualClock } from "#base/virtual-clock.ts";
import { keys, ranges } from "#model/keys.ts";
import { type Assignment, type UnitState, unitStateSchema } from "#model/records.ts";
import { ClusterBuilder, machineId } from "#plan/testing/cluster-builder.ts";
import { prefixRange, toBytes, toText } from "#store/keys.ts";
import { createMemoryStore } from "#store/memory.ts";
import { deleteKey, putBytes, putJson } from "#store/ops.ts";
import type { Store } from "#store/store.ts";
import { type FakeBehaviour, FakeMachine, type FakeRun } from "#supervisor/fake.ts";
import type { Supervisor } from "#supervisor/supervisor.ts";
import { passTime } from "../../test/simulation/time.ts";
import { Agent } from "./agent.ts";
import { type AgentMemory, emptyMemory, type MemoryFile } from "./memory.ts";
import { type FileCache, hashOf } from "./unit-files.ts";

const M1 = machineId("1");
const TEXT = "[Service]\nExecStart=/bin/true\n";
const OTHER_TEXT = `${TEXT}# another\n`;

/** A machine whose daemon can be started and killed, beside a store that can be away. */
class Bench {
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
      isStrict: (unit) => unit.startsWith("strict"),
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

let bench: Bench;
beforeEach(async () => {
  bench = new Bench();
  await bench.cluster();
  await bench.file(TEXT);
});
afterEach(async () => {
  await bench.stop();
  await bench.memoryStore.close();
});

/** A store that does not answer. */
function away(): Store {
  const store = createMemoryStore({ clock: bench.clock, random: seededRandom(9) });
  void store.close();
  return store;
}

describe("an assignment", () => {
  test("is written down, then started, then told of", async () => {
    await bench.start();
    bench.trace.length = 0;
    await bench.assign("a.service");
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect(bench.trace.indexOf("save")).toBeLessThan(bench.trace.indexOf("start a.service"));
    expect(bench.memory.applied["a.service"]).toMatchObject({ desired: "launched", launch: 1 });
    expect(await bench.state("a.service")).toMatchObject({ active: "active", launch: 1 });
  });

  test("is not started while it cannot be written down, which its state says", async () => {
    await bench.start();
    bench.diskIsFull = true;
    await bench.assign("a.service");
    expect(bench.hardware.running()).toEqual([]);
    expect((await bench.state("a.service"))?.message).toBe("cannot start it: no space left on the disk");
    bench.diskIsFull = false;
    await bench.pass(6_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect((await bench.state("a.service"))?.message).toBe(undefined);
  });

  test("that is taken away stops the unit, and nothing of it stays", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.unassign("a.service");
    expect(bench.hardware.running()).toEqual([]);
    expect(await bench.state("a.service")).toBe(undefined);
    expect(bench.memory.applied).toEqual({});
    expect([...bench.files]).toEqual([]);
  });

  test("that is taken away while its unit starts does not wait for the start", async () => {
    bench.runs.set("slow.service", { kind: "serve", startMs: 60_000 });
    await bench.start();
    await bench.assign("slow.service");
    expect(bench.hardware.running()).toEqual(["slow.service"]);
    await bench.unassign("slow.service");
    expect(bench.hardware.running()).toEqual([]);
    expect(bench.hardware.supervisor().status("slow.service")).toBe(undefined);
  });

  test("of a new file stops what runs by the old one and starts the new", async () => {
    await bench.start();
    await bench.assign("a.service");
    const file = await bench.file(OTHER_TEXT);
    bench.trace.length = 0;
    await bench.assign("a.service", { file });
    expect(bench.trace.filter((what) => what !== "save")).toEqual([
      "stop a.service",
      "load a.service",
      "start a.service",
    ]);
    expect(await bench.state("a.service")).toMatchObject({ file, active: "active" });
  });
});

describe("the template of a socket with Accept=yes", () => {
  const SOCKET = "[Socket]\nListenStream=1\nAccept=yes\n";
  const loads = (): readonly string[] => bench.trace.filter((what) => what !== "save");
  let socket: string;

  beforeEach(async () => {
    socket = await bench.file(SOCKET);
    await bench.submit("echo@.service", hashOf(TEXT));
  });

  test("is loaded before the socket, and remembered", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    expect(loads()).toEqual(["load echo@.service", "load echo.socket", "start echo.socket"]);
    expect(bench.memory.templates).toEqual({ "echo@.service": hashOf(TEXT) });
    expect([...bench.files.keys()].sort()).toEqual([socket, hashOf(TEXT)].sort());
  });

  test("is there again when the machine comes up without the store", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    await bench.stop();
    bench.hardware.supervisor().unload(["echo.socket"]);
    bench.trace.length = 0;
    await bench.start(away());
    await bench.pass(4_000);
    expect(loads()).toEqual(["load echo@.service", "load echo.socket", "start echo.socket"]);
  });

  test("is not waited for where nobody has submitted one, and loaded when somebody does", async () => {
    await bench.destroy("echo@.service");
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    expect(loads()).toEqual(["load echo.socket", "start echo.socket"]);
    expect(bench.memory.templates).toEqual({ "echo@.service": null });
    await bench.submit("echo@.service", hashOf(TEXT));
    expect(loads().at(-1)).toBe("load echo@.service");
  });

  test("is loaded anew when it is replaced; the socket is left alone", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    bench.trace.length = 0;
    await bench.submit("echo@.service", await bench.file(OTHER_TEXT));
    expect(loads()).toEqual(["load echo@.service"]);
    expect(bench.memory.templates).toEqual({ "echo@.service": hashOf(OTHER_TEXT) });
  });

  test("keeps only its socket waiting while its file is missing, which the state says", async () => {
    await bench.submit("echo@.service", hashOf(OTHER_TEXT));
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    await bench.assign("a.service");
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect((await bench.state("echo.socket"))?.message).toBe(
      `cannot read the unit file of echo@.service: the store has no unit file ${hashOf(OTHER_TEXT).slice(0, 7)}`,
    );
    await bench.file(OTHER_TEXT);
    await bench.pass(2_000);
    expect(bench.hardware.running()).toEqual(["a.service", "echo.socket"]);
    expect((await bench.state("echo.socket"))?.message).toBe(undefined);
  });

  test("leaves with the last socket that needs it", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    await bench.assign("echo@2.socket", { file: socket });
    bench.trace.length = 0;
    await bench.unassign("echo.socket");
    expect(loads()).toEqual(["unload echo.socket"]);
    await bench.unassign("echo@2.socket");
    expect(loads()).toEqual(["unload echo.socket", "unload echo@2.socket", "unload echo@.service"]);
    expect(bench.memory.templates).toEqual({});
    expect([...bench.files]).toEqual([]);
  });

  test("makes units that are neither taken away nor told of, and end with the socket", async () => {
    await bench.start();
    await bench.assign("echo.socket", { file: socket });
    const supervisor = bench.hardware.supervisor();
    await supervisor.load([{ name: "echo@0-1.service", file: hashOf(TEXT), text: TEXT }]);
    await supervisor.start("echo@0-1.service");
    await bench.pass(2_000);
    expect(bench.hardware.running()).toEqual(["echo.socket", "echo@0-1.service"]);
    expect(await bench.state("echo@0-1.service")).toBe(undefined);
    await bench.unassign("echo.socket");
    expect(bench.hardware.running()).toEqual([]);
  });
});

describe("a unit file that is missing", () => {
  test("is told of in the unit's state, and asked for until it comes", async () => {
    await bench.start();
    await bench.assign("a.service", { file: hashOf(OTHER_TEXT) });
    expect(await bench.state("a.service")).toMatchObject({
      load: "error",
      message: expect.stringMatching(/cannot read its unit file: the store has no unit file/),
    });
    await bench.file(OTHER_TEXT);
    await bench.pass(2_000);
    expect(await bench.state("a.service")).toMatchObject({ load: "loaded", active: "active" });
  });

  test("is no longer told of when the unit is taken away", async () => {
    await bench.start();
    await bench.assign("a.service", { file: hashOf(OTHER_TEXT) });
    await bench.unassign("a.service");
    expect(await bench.state("a.service")).toBe(undefined);
  });

  test("holds up no other unit once that is known", async () => {
    await bench.start();
    await bench.assign("a.service", { file: hashOf(OTHER_TEXT) });
    await bench.assign("b.service");
    expect(bench.hardware.running()).toEqual(["b.service"]);
  });
});

describe("a store that is away", () => {
  test("does not keep a machine that boots from starting what it was assigned last", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.assign("b.service", { desired: "loaded" });
    await bench.stop();
    bench.hardware.cutPower();
    await bench.start(away());
    expect(bench.hardware.running()).toEqual([]);
    await bench.pass(3_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
  });

  test("is waited for, so that what was moved while the machine was off does not run a second time", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.stop();
    bench.hardware.cutPower();
    await bench.unassign("a.service");
    bench.trace.length = 0;
    await bench.start();
    await bench.pass(10_000);
    expect(bench.trace.filter((what) => what.startsWith("start"))).toEqual([]);
    expect(bench.hardware.running()).toEqual([]);
  });

  test("stops nothing but strict units, whose lease may end", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.assign("strict.service");
    expect(bench.hardware.running()).toEqual(["a.service", "strict.service"]);
    await bench.memoryStore.close();
    await bench.pass(3_400);
    expect(bench.hardware.running()).toContain("a.service");
    await bench.pass(60_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
  });
});

describe("a daemon that comes back", () => {
  test("repeats nothing that it finds running", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.stop();
    bench.trace.length = 0;
    await bench.start();
    await bench.pass(10_000);
    expect(bench.trace.filter((what) => what !== "save")).toEqual([]);
    expect(await bench.state("a.service")).toMatchObject({ active: "active", launch: 1 });
  });

  test("does not run a finished oneshot again, also not after a reboot, until it is launched anew", async () => {
    bench.runs.set("job.service", { kind: "finish", afterMs: 50 });
    await bench.start();
    await bench.assign("job.service");
    expect(bench.memory.applied["job.service"]).toMatchObject({ completed: true });
    await bench.stop();
    bench.hardware.cutPower();
    bench.trace.length = 0;
    await bench.start();
    expect(bench.trace).not.toContain("start job.service");
    await bench.assign("job.service", { launch: 2 });
    expect(bench.trace).toContain("start job.service");
  });

  test("tells of a oneshot that finished while nobody could be told", async () => {
    bench.runs.set("job.service", { kind: "finish", afterMs: 50 });
    await bench.memoryStore.put({ key: toBytes(keys.unit("job.service")), value: toBytes("{}") });
    await bench.start();
    await bench.assign("job.service");
    expect(await bench.has(keys.outcome("job.service"))).toBe(1);
    await bench.stop();
    const untold = { launch: 7, file: hashOf(TEXT), machine: M1, finishedMs: 1 };
    bench.memory = { ...bench.memory, applied: {}, untold: { "job.service": untold } };
    await bench.start();
    const { kvs } = await bench.memoryStore.range({ key: toBytes(keys.outcome("job.service")) });
    expect(JSON.parse(toText(kvs[0]?.value ?? new Uint8Array()))).toEqual(untold);
  });
});

describe("a machine that leaves", () => {
  test("has stopped its strict units before its lease ends, and leaves the others to its daemon", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.assign("strict.service");
    const revoke = bench.memoryStore.leaseRevoke.bind(bench.memoryStore);
    let runningAtTheEnd: readonly string[] = [];
    bench.memoryStore.leaseRevoke = (id) => {
      runningAtTheEnd = bench.hardware.running();
      return revoke(id);
    };
    await bench.agent?.leave();
    expect(runningAtTheEnd).toEqual(["a.service"]);
    expect(await bench.has(keys.machine(""))).toBe(0);
    await bench.pass(60_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
  });
});

describe("the store of another cluster", () => {
  test("is refused, and what the machine had runs on", async () => {
    await bench.start();
    await bench.assign("a.service");
    await bench.stop();
    await bench.cluster("another");
    await bench.unassign("a.service");
    const machines = await bench.has(keys.machine(""));
    await bench.start();
    await bench.pass(60_000);
    expect(bench.hardware.running()).toEqual(["a.service"]);
    expect(await bench.has(keys.machine(""))).toBeLessThanOrEqual(machines);
    expect(await bench.has(ranges.states(M1))).toBe(0);
    expect(bench.memory.cluster).toBe("c");
  });
});

describe("what belongs together", () => {
  test("is loaded as a whole before anything of it starts", async () => {
    const file = await bench.file(OTHER_TEXT);
    await bench.memoryStore.txn({
      compare: [],
      success: ["a.service", "b.service"].map((unit, index) =>
        putJson(keys.assignment(M1, unit), {
          file: index === 0 ? hashOf(TEXT) : file,
          desired: "launched",
          launch: 1,
          reason: "r",
          assignedMs: 0,
        }),
      ),
      failure: [],
    });
    await bench.start();
    const did = bench.trace.filter((what) => what !== "save");
    expect(did.slice(2).sort()).toEqual(["start a.service", "start b.service"]);
    expect(did.slice(0, 2).sort()).toEqual(["load a.service", "load b.service"]);
  });

  test("a unit whose peer was not there yet is started again once the peer is loaded", async () => {
    const supervisor = bench.hardware.supervisor();
    const real = bench.hardware.supervisor.bind(bench.hardware);
    let starts = 0;
    bench.hardware.supervisor = () => ({
      ...real(),
      start: async (name) => {
        if (name !== "sidekick.service") return real().start(name);
        starts += 1;
        if (supervisor.status("peer.service") !== undefined) return real().start(name);
        return { result: "invalid", message: "peer.service is not loaded" };
      },
    });
    await bench.start();
    await bench.assign("sidekick.service");
    expect(bench.hardware.running()).toEqual([]);
    expect((await bench.state("sidekick.service"))?.message).toBe("peer.service is not loaded");
    await bench.pass(10_000);
    expect(starts).toBe(1);
    await bench.assign("peer.service");
    expect(bench.hardware.running()).toEqual(["peer.service", "sidekick.service"]);
    expect((await bench.state("sidekick.service"))?.message).toBe(undefined);
  });
});
