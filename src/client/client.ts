/**
 * The typed client of the API: what the command line, `flotilla dev` and programs use.
 *
 * One method a route, in the types of the API's bodies. It keeps nothing between calls and tries nothing again: whoever
 * calls knows whether that is safe. Streams are async iterables that end quietly when their signal is aborted.
 */
import type {
  AuditEntry,
  AuditWish,
  ClusterBody,
  DrainBody,
  DrainWish,
  EventBody,
  EventList,
  JournalLine,
  JournalWish,
  MachineConfigured,
  MachineList,
  MachinePatch,
  MachineRow,
  RebalanceBody,
  RebalanceRequest,
  SubmitRequest,
  UnitChange,
  UnitDetail,
  UnitFileList,
  UnitList,
  UnitResult,
  UnitResults,
  UnitUsageBody,
  VerifyResult,
  VersionBody,
  Whoami,
  Why,
} from "#api/bodies.ts";
import type {
  KvChange,
  KvDelete,
  KvDeleteResult,
  KvList,
  KvPut,
  KvPutResult,
  KvQuery,
  KvWatchQuery,
} from "#api/store-bodies.ts";
import type {
  Joined,
  JoinRequest,
  PersonCreate,
  PersonCreated,
  Removed,
  TokenCreate,
  TokenCreated,
  TokenRow,
} from "#api/trust-bodies.ts";
import type { StoreStatus } from "#model/store-status.ts";
import { type Credentials, parseEndpoints } from "./endpoint.ts";
import {
  type Call,
  parseAnswer,
  readLines,
  readStreamError,
  readText,
  send,
  type Target,
} from "./transport.ts";

export interface ClientOptions {
  /** `unix:PATH`, `http://HOST:PORT` or `https://HOST:PORT`, or several of them with commas between. */
  readonly endpoint: string;
  readonly credentials?: Credentials;
  /** How long an answer may take to begin; default 30 s. */
  readonly timeoutMs?: number;
}

export interface UnitFilter {
  readonly units?: readonly string[];
  readonly machine?: string;
}

export interface EventFilter {
  readonly unit?: string;
  readonly machine?: string;
}

/** For a unit's journal: the machine, where several have one. */
export type JournalOptions = JournalWish & { readonly machine?: string };

/** What `stop`, `unload`, `restart` and `destroy` are called in the API. */
export type UnitVerb = "stop" | "unload" | "restart" | "destroy";

/** What can be done about the store, as the last part of its route. */
export type StoreVerb = "promote" | "use" | "add" | "remove" | "replace" | "defrag";

type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

const DEFAULT_TIMEOUT_MS = 30_000;

export class FlotillaClient {
  readonly #target: Target;
  readonly #timeoutMs: number;

  /** @throws FlotillaError `usage` for an endpoint that is none */
  constructor(options: ClientOptions) {
    this.#target = { endpoints: parseEndpoints(options.endpoint), credentials: options.credentials ?? {} };
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  version(signal?: AbortSignal): Promise<VersionBody> {
    return this.#json("GET", "/v1/version", undefined, signal);
  }

  /** Resolves when the daemon answers and its store does; else rejects with `store-unavailable`. */
  async health(signal?: AbortSignal): Promise<void> {
    await this.#json("GET", "/v1/health", undefined, signal);
  }

  /** @throws FlotillaError `not-authenticated` where the API does not know who asks */
  whoami(signal?: AbortSignal): Promise<Whoami> {
    return this.#json("GET", "/v1/whoami", undefined, signal);
  }

  cluster(signal?: AbortSignal): Promise<ClusterBody> {
    return this.#json("GET", "/v1/cluster", undefined, signal);
  }

  units(filter: UnitFilter = {}, signal?: AbortSignal): Promise<UnitList> {
    const query = { unit: filter.units, machine: filter.machine };
    return this.#json("GET", withQuery("/v1/units", query), undefined, signal);
  }

  unit(unit: string, signal?: AbortSignal): Promise<UnitDetail> {
    return this.#json("GET", unitPath(unit), undefined, signal);
  }

  why(unit: string, signal?: AbortSignal): Promise<Why> {
    return this.#json("GET", `${unitPath(unit)}/why`, undefined, signal);
  }

  /** The unit file as it was submitted. */
  async unitText(unit: string, signal?: AbortSignal): Promise<string> {
    return readText(await this.#send("GET", `${unitPath(unit)}/file`, undefined, signal));
  }

  unitFiles(signal?: AbortSignal): Promise<UnitFileList> {
    return this.#json("GET", "/v1/unit-files", undefined, signal);
  }

  async submit(request: SubmitRequest, signal?: AbortSignal): Promise<readonly UnitResult[]> {
    const answer: UnitResults = await this.#json("POST", "/v1/units", request, signal);
    return answer.results;
  }

  async change(
    verb: UnitVerb,
    units: readonly string[],
    signal?: AbortSignal,
  ): Promise<readonly UnitResult[]> {
    const answer: UnitResults = await this.#json("POST", `/v1/units/${verb}`, { units }, signal);
    return answer.results;
  }

  machines(signal?: AbortSignal): Promise<MachineList> {
    return this.#json("GET", "/v1/machines", undefined, signal);
  }

  /** @param machine ID, unambiguous prefix or name */
  machine(machine: string, signal?: AbortSignal): Promise<MachineRow> {
    return this.#json("GET", `/v1/machines/${encodeURIComponent(machine)}`, undefined, signal);
  }

  /** @param machine ID, unambiguous prefix or name */
  configureMachine(machine: string, patch: MachinePatch, signal?: AbortSignal): Promise<MachineConfigured> {
    return this.#json("PATCH", `/v1/machines/${encodeURIComponent(machine)}`, patch, signal);
  }

  /** Drains a machine; how far that is, with each change, until it is over. @param machine ID, unambiguous prefix or name */
  async *drain(machine: string, wish: DrainWish, signal?: AbortSignal): AsyncGenerator<DrainBody, void> {
    const path = `/v1/machines/${encodeURIComponent(machine)}/drain`;
    yield* this.#events<DrainBody>(path, signal, { method: "POST", body: wish });
  }

  /** Asks for a machine's certificate, by a token for it. */
  join(request: JoinRequest, signal?: AbortSignal): Promise<Joined> {
    return this.#json("POST", "/v1/join", request, signal);
  }

  /** The machine that is asked leaves its cluster. @param now without waiting for others to have its units */
  async leave(now: boolean, signal?: AbortSignal): Promise<void> {
    await this.#json("POST", "/v1/leave", { now }, signal);
  }

  createToken(wish: TokenCreate, signal?: AbortSignal): Promise<TokenCreated> {
    return this.#json("POST", "/v1/tokens", wish, signal);
  }

  async tokens(signal?: AbortSignal): Promise<readonly TokenRow[]> {
    const answer: { tokens: TokenRow[] } = await this.#json("GET", "/v1/tokens", undefined, signal);
    return answer.tokens;
  }

  async revokeToken(id: string, signal?: AbortSignal): Promise<void> {
    await this.#json("POST", `/v1/tokens/${encodeURIComponent(id)}/revoke`, {}, signal);
  }

  removeMachine(machine: string, force: boolean, signal?: AbortSignal): Promise<Removed> {
    return this.#json("POST", `/v1/machines/${encodeURIComponent(machine)}/remove`, { force }, signal);
  }

  /** What would be better placed elsewhere. @param strict also units that stop before they start elsewhere */
  rebalance(strict = false, signal?: AbortSignal): Promise<RebalanceBody> {
    return this.#json("GET", withQuery("/v1/rebalance", { strict }), undefined, signal);
  }

  /** Resolves to the revision behind which events tell of it. */
  applyRebalance(request: RebalanceRequest, signal?: AbortSignal): Promise<{ readonly revision: string }> {
    return this.#json("POST", "/v1/rebalance", request, signal);
  }

  /** The latest events, oldest first. */
  async events(
    filter: EventFilter = {},
    limit?: number,
    signal?: AbortSignal,
  ): Promise<readonly EventBody[]> {
    const answer: EventList = await this.#json(
      "GET",
      withQuery("/v1/events", { ...filter, limit }),
      undefined,
      signal,
    );
    return answer.events;
  }

  /** What the store is, who its members are, and what is wrong with it. */
  store(signal?: AbortSignal): Promise<StoreStatus> {
    return this.#json("GET", "/v1/store", undefined, signal);
  }

  /** All of the store, as a snapshot file of etcd's. */
  async *backup(signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
    yield* (await this.#send("GET", "/v1/store/backup", undefined, signal)).body;
  }

  /** Changes the store; the steps as they are told. Going away stops nothing. */
  async *changeStore(verb: StoreVerb, body: object, signal?: AbortSignal): AsyncGenerator<string, void> {
    const answer = await this.#send("POST", `/v1/store/${verb}`, body, signal);
    for await (const { step } of readValues<{ readonly step: string }>(answer, signal)) yield step;
  }

  /** A key, or a page of those that begin with a prefix. */
  kv(query: KvQuery, signal?: AbortSignal): Promise<KvList> {
    return this.#json("GET", withQuery("/v1/kv", query), undefined, signal);
  }

  putKv(put: KvPut, signal?: AbortSignal): Promise<KvPutResult> {
    return this.#json("POST", "/v1/kv", put, signal);
  }

  deleteKv(request: KvDelete, signal?: AbortSignal): Promise<KvDeleteResult> {
    return this.#json("POST", "/v1/kv/delete", request, signal);
  }

  /** The changes, and first of all the revision that watching began at, when nothing has happened yet. */
  async *watchKv(
    query: KvWatchQuery,
    signal?: AbortSignal,
  ): AsyncGenerator<KvChange | { readonly revision: string }, void> {
    yield* this.#events<KvChange | { readonly revision: string }>(withQuery("/v1/kv/watch", query), signal);
  }

  verify(unit: string, text: string, signal?: AbortSignal): Promise<VerifyResult> {
    return this.#json("POST", "/v1/verify", { unit, text }, signal);
  }

  /** The units' rows now, then the rows of those that change; `units` absent: all. */
  async *watchUnits(
    units: readonly string[] | undefined,
    signal?: AbortSignal,
  ): AsyncGenerator<UnitChange, void> {
    yield* this.#events<UnitChange>(withQuery("/v1/units/watch", { unit: units }), signal);
  }

  /** Events after the one with the ID `after`; absent: from now on. */
  async *followEvents(
    filter: EventFilter = {},
    after?: string,
    signal?: AbortSignal,
  ): AsyncGenerator<EventBody, void> {
    yield* this.#events<EventBody>(withQuery("/v1/events/watch", { ...filter, after }), signal);
  }

  /** What a unit wrote, on the machine that has it. */
  async *journal(
    unit: string,
    options: JournalOptions = {},
    signal?: AbortSignal,
  ): AsyncGenerator<JournalLine, void> {
    yield* this.#journal(withQuery(`${unitPath(unit)}/journal`, options), signal);
  }

  /** @param machine ID, unambiguous prefix or name */
  async *machineJournal(
    machine: string,
    wish: JournalWish = {},
    signal?: AbortSignal,
  ): AsyncGenerator<JournalLine, void> {
    yield* this.#journal(withQuery(`/v1/machines/${encodeURIComponent(machine)}/journal`, wish), signal);
  }

  createPerson(request: PersonCreate, signal?: AbortSignal): Promise<PersonCreated> {
    return this.#json("POST", "/v1/people", request, signal);
  }

  async revokePerson(name: string, signal?: AbortSignal): Promise<void> {
    await this.#json("POST", `/v1/people/${encodeURIComponent(name)}/revoke`, undefined, signal);
  }

  /** What was changed by way of a machine's API, oldest first. @param machine ID, unambiguous prefix or name */
  async *audit(machine: string, wish: AuditWish, signal?: AbortSignal): AsyncGenerator<AuditEntry, void> {
    const path = withQuery(`/v1/machines/${encodeURIComponent(machine)}/audit`, wish);
    yield* readValues<AuditEntry>(await this.#send("GET", path, undefined, signal), signal);
  }

  /** What a unit uses now. @param machine ID, unambiguous prefix or name */
  usage(machine: string, unit: string, signal?: AbortSignal): Promise<UnitUsageBody> {
    const path = `/v1/machines/${encodeURIComponent(machine)}/units/${encodeURIComponent(unit)}/usage`;
    return this.#json("GET", path, undefined, signal);
  }

  async *#journal(path: string, signal: AbortSignal | undefined): AsyncGenerator<JournalLine, void> {
    yield* readValues<JournalLine>(await this.#send("GET", path, undefined, signal), signal);
  }

  async *#events<T>(
    path: string,
    signal: AbortSignal | undefined,
    { method, body }: { readonly method: Call["method"]; readonly body?: unknown } = { method: "GET" },
  ): AsyncGenerator<T, void> {
    const answer = await this.#send(method, path, body, signal);
    let event = "";
    for await (const line of readLines(answer, signal)) {
      if (line.startsWith("event: ")) event = line.slice("event: ".length);
      if (!line.startsWith("data: ")) continue;
      const data = line.slice("data: ".length);
      if (event === "error") throw readStreamError(data);
      yield parseAnswer<T>(data);
    }
  }

  async #json<T>(
    method: Call["method"],
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return parseAnswer<T>(await readText(await this.#send(method, path, body, signal)));
  }

  #send(
    method: Call["method"],
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): ReturnType<typeof send> {
    return send(this.#target, { method, path, body, signal, timeoutMs: this.#timeoutMs });
  }
}

/** Lines of JSON, of which the last may be a failure. */
async function* readValues<T extends object>(
  answer: Awaited<ReturnType<typeof send>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  for await (const line of readLines(answer, signal)) {
    // What stands before an error that cuts a line off is the beginning of that line.
    if (line === "") continue;
    const value = parseAnswer<T | { readonly error: object }>(line);
    if ("error" in value) throw readStreamError(JSON.stringify(value.error));
    yield value;
  }
}

function unitPath(unit: string): string {
  return `/v1/units/${encodeURIComponent(unit)}`;
}

function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search.size === 0 ? path : `${path}?${search}`;
}
