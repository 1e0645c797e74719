/**
 * A cluster for tests of the API and the command line: a memory store, a real mirror, the real planner's explanations
 * and a served API. Engine and agents are imitated by writing the keys they would write.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnswerStream } from "#api/answer.ts";
import { type Api, createApi } from "#api/api.ts";
import type { AuditLog } from "#api/audit.ts";
import type { ApiDependencies } from "#api/dependencies.ts";
import type { ServerTls } from "#api/secure-server.ts";
import { type ServedApi, serveApi } from "#api/serve.ts";
import { silentLogger } from "#base/log.ts";
import { seededRandom } from "#base/random.ts";
import { parseAnswer } from "#client/transport.ts";
import { systemClock } from "#host/system.ts";
import { StoreAdmin } from "#members/store-admin.ts";
import { type ClusterMirror, startClusterMirror } from "#mirror/cluster-mirror.ts";
import { keys } from "#model/keys.ts";
import type { Assignment, ClusterEvent, MachineRecord, UnitState } from "#model/records.ts";
import type { PlanContext } from "#plan/cluster-plan.ts";
import { createPlacementCache } from "#plan/placement-cache.ts";
import { DEFAULT_PLAN_SETTINGS } from "#plan/settings.ts";
import { createMemoryStore } from "#store/memory.ts";
import { putJson } from "#store/ops.ts";
import type { RequestOp, Store } from "#store/store.ts";
import { createFakeSupervisor } from "#supervisor/fake.ts";
import type { JournalEntry } from "#supervisor/supervisor.ts";
import { readPlacement } from "#unit/read-placement.ts";
import { parseUnitFile } from "#unit/unit-file.ts";

export const M1 = "11111111111111111111111111111111";
export const M2 = "12222222222222222222222222222222";

export const SERVICE = "[Unit]\nDescription=A test\n[Service]\nExecStart=/bin/sleep infinity\n";

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

async function* noBody(): AsyncGenerator<Uint8Array> {}

function toStream({ parts, abandon }: AnswerStream): ReadableStream<Uint8Array> {
  const iterator = parts[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(Buffer.from(value));
    },
    cancel: () => abandon(),
  });
}

export class TestCluster {
  readonly store: Store;
  readonly dependencies: ApiDependencies;
  readonly api: Api;
  readonly #mirror: ClusterMirror & { stop(): Promise<void> };
  readonly #undo: (() => Promise<void>)[] = [];

  constructor(changes: Partial<ApiDependencies> = {}) {
    const random = seededRandom(1);
    this.store = changes.store ?? createMemoryStore({ clock: systemClock, random });
    this.#mirror = startClusterMirror({ store: this.store, clock: systemClock, random });
    const cache = createPlacementCache((unit, text) => readPlacement(parseUnitFile(text), unit).placement);
    const { view } = this.#mirror;
    this.dependencies = {
      store: this.store,
      mirror: this.#mirror,
      access: { kind: "unchecked" },
      audit: noAudit,
      journal: noJournal,
      usage: () => ({}),
      machineId: M1,
      version: "0.0.0-test",
      clock: systemClock,
      random,
      log: silentLogger,
      planContext: () => planContext((unit, file) => cache.placementOf(view.files, unit, file)),
      leave: () => Promise.reject(new Error("it stays")),
      storeAccess: () => ({ endpoints: ["http://127.0.0.1:1"] }),
      storeAdmin: async () => this.#storeAdmin(),
      knock: async () => true,
      askPeer: () => Promise.reject(new Error("no peer")),
      ...changes,
    };
    this.api = createApi(this.dependencies);
  }

  /** Of a store that is nowhere on the network. */
  #storeAdmin(): StoreAdmin {
    const unused = (): Promise<never> => Promise.reject(new Error("the store of this test stays what it is"));
    const { store, dependencies } = this;
    return new StoreAdmin({
      ...dependencies,
      supervisor: createFakeSupervisor({ clock: systemClock }),
      place: {
        ...{
          machine: M1,
          name: "m1",
          address: "127.0.0.1",
          clientPort: 1,
          peerPort: 2,
          directory: "/nowhere",
        },
        ...{ tls: undefined, quotaBytes: 0, historyMs: 1 },
      },
      environment: {},
      daemon: {
        ...{ store, handover: undefined, decide: unused, undecide: unused },
        ...{ switchOver: unused, settle: unused },
      },
      access: () => ({ endpoints: ["http://127.0.0.1:1"] }),
      leaving: () => undefined,
    });
  }

  static async start(changes: Partial<ApiDependencies> = {}): Promise<TestCluster> {
    const cluster = new TestCluster(changes);
    await cluster.dependencies.mirror.ready();
    return cluster;
  }

  /** Sends one request to the API without a socket. */
  async call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const init = body === undefined ? {} : { body: JSON.stringify(body), headers: JSON_TYPE };
    const response = await this.fetch(new Request(`http://api${path}`, { method, ...init }));
    return { status: response.status, body: parseAnswer<T>(await response.text()) };
  }

  /** The API as a function from request to response, in the web's terms. */
  async fetch(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const { status, type, body } = await this.api.answer({
      origin: { kind: "socket" },
      method: request.method,
      target: pathname + search,
      headers: Object.fromEntries(request.headers),
      body: request.body ?? noBody(),
      signal: request.signal,
    });
    const headers = { "content-type": type };
    // The web's answer without content must not have a body, not even an empty one.
    if (status === 204) return new Response(null, { status });
    if (typeof body === "string") return new Response(body, { status, headers });
    request.signal.addEventListener("abort", () => void body.abandon(), { once: true });
    return new Response(toStream(body), { status, headers });
  }

  /** Serves the API on a unix socket in a new directory and on a free port of the loopback, with TLS where it is given. */
  async serve(
    tls?: ServerTls,
  ): Promise<{ directory: string; unix: string; http: string; port: number; renew: ServedApi["renew"] }> {
    const directory = await mkdtemp(join(tmpdir(), "flotilla-api-"));
    this.#undo.push(() => rm(directory, { recursive: true, force: true }));
    const socketPath = join(directory, "api.sock");
    const { api, dependencies } = this;
    const where = { api, socketPath, host: "127.0.0.1", log: dependencies.log };
    const served = await serveApi({ ...where, ...(tls === undefined ? {} : { tls }) });
    this.#undo.push(() => served.close());
    const [unix = "", http = ""] = served.addresses;
    return { directory, unix, http, port: served.port, renew: served.renew };
  }

  /** Writes in one transaction and waits until the mirror shows it. */
  async write(...ops: RequestOp[]): Promise<void> {
    const { header } = await this.store.txn({ compare: [], success: ops, failure: [] });
    await this.dependencies.mirror.reached(header.revision);
  }

  addMachine(id: string, name: string, changes: Partial<MachineRecord> = {}): Promise<void> {
    return this.write(putJson(keys.machine(id), { ...machineRecord(id, name), ...changes }));
  }

  /** What the engine would write to put the unit on the machine. */
  assign(unit: string, machine: string): Promise<void> {
    const record = this.dependencies.mirror.view.units.get(unit);
    const assignment: Assignment = {
      file: record?.file ?? "0".repeat(64),
      desired: record?.desired === "loaded" ? "loaded" : "launched",
      launch: record?.launch ?? 0,
      reason: "least loaded",
      assignedMs: 1,
    };
    return this.write(putJson(keys.assignment(machine, unit), assignment));
  }

  /** What engine and agent would write for a unit that runs on the machine, at its present launch. */
  async report(unit: string, machine: string, changes: Partial<UnitState> = {}): Promise<void> {
    await this.assign(unit, machine);
    const record = this.dependencies.mirror.view.units.get(unit);
    const running = { load: "loaded", active: "active", sub: "running", result: "success" };
    const known = {
      file: record?.file ?? "0".repeat(64),
      launch: record?.launch ?? 0,
      sinceMs: 1,
      restarts: 0,
    };
    const state: UnitState = { ...running, ...known, ...changes };
    await this.write(putJson(keys.state(machine, unit), state));
  }

  async addEvent(event: Partial<ClusterEvent>): Promise<void> {
    const timeMs = event.timeMs ?? Date.now();
    const id = Math.random().toString(16).slice(2);
    await this.write(
      putJson(keys.event(timeMs, id), { timeMs, kind: "unit-active", message: "m", ...event }),
    );
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo();
    await this.#mirror.stop();
    await this.store.close();
  }
}

const JSON_TYPE = { "content-type": "application/json" };

function machineRecord(id: string, name: string): MachineRecord {
  return {
    id,
    instance: "i",
    name,
    address: "127.0.0.1",
    api: "http://127.0.0.1:1",
    metadata: {},
    capacity: { cpuMillis: 2_000, memoryBytes: 2 ** 30 },
    version: "0.0.0",
    supervisor: "fake",
    notEnforced: [],
    hasStore: id === M1,
    startedMs: 1,
    bootId: "b",
    leaseTtlS: 5,
  };
}

function planContext(placementOf: PlanContext["placementOf"]): PlanContext {
  return {
    nowMs: 1,
    monotonicMs: 1,
    placementOf,
    lostSince: new Map(),
    settings: DEFAULT_PLAN_SETTINGS,
  };
}

/** A line of `a.service`, unless something else is said. */
export function journalEntry(changes: Partial<JournalEntry> = {}): JournalEntry {
  return {
    cursor: "c1",
    timeUs: 1,
    monotonicUs: 1,
    boot: "b".repeat(32),
    unit: "a.service",
    origin: "unit",
    priority: 6,
    identifier: "a",
    message: "a line",
    fields: { _TRANSPORT: "stdout" },
    ...changes,
  };
}

const noAudit: AuditLog = {
  note: () => Promise.resolve(),
  async *read() {
    // Nobody has changed anything.
  },
  async *follow() {
    // Nobody changes anything.
  },
};

async function* noJournal(): AsyncGenerator<JournalEntry, void> {
  // A machine on which no unit has written anything.
}
