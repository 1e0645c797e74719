/** Clients that read and write a few keys all at once, and note what they asked and were answered. */
import { sleep } from "#base/clock.ts";
import { type Random, randomInteger, seededRandom } from "#base/random.ts";
import { systemClock } from "#host/system.ts";
import { UnsentError } from "#store/etcd/errors.ts";
import { toBytes, toText } from "#store/keys.ts";
import { ifModRevision } from "#store/ops.ts";
import { type KeyValue, type RequestOp, type Store, StoreError } from "#store/store.ts";
import type { Answer, Call, Operation, Register } from "./history.ts";

export const PREFIX = "lin/";

export interface WorkloadOptions {
  /** One a client. */
  readonly stores: readonly Store[];
  readonly keys: number;
  readonly seed: number;
  /** Aborted when the clients shall stop. */
  readonly signal: AbortSignal;
  readonly onAnswer: () => void;
}

/** Runs the clients until the signal; resolves with all their calls. */
export async function runClients({ stores, keys, seed, signal, onAnswer }: WorkloadOptions): Promise<Call[]> {
  const clients = stores.map(
    (store, number) => new Client(store, number, seededRandom(seed + number), keys, onAnswer),
  );
  await Promise.all(clients.map((client) => client.run(signal)));
  return clients.flatMap((client) => client.calls);
}

class Client {
  readonly calls: Call[] = [];
  readonly #store: Store;
  readonly #number: number;
  readonly #random: Random;
  readonly #keys: number;
  readonly #onAnswer: () => void;
  /** The revision at which each key was last seen, for swaps that have a chance. */
  readonly #seen = new Map<string, bigint>();
  #writes = 0;

  constructor(store: Store, number: number, random: Random, keys: number, onAnswer: () => void) {
    this.#store = store;
    this.#number = number;
    this.#random = random;
    this.#keys = keys;
    this.#onAnswer = onAnswer;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const went = this.#random.next() < 0.1 ? await this.#putMany() : await this.#callOne();
      // A store that is away refuses at once; asking it again at once would only fill the history.
      if (!went) await sleep(systemClock, 20);
    }
  }

  async #callOne(): Promise<boolean> {
    const key = this.#anyKey();
    const operation = this.#anyOperation(key);
    return this.#note([key], operation, () => this.#ask(key, operation));
  }

  /** One transaction that writes the same value to several keys, at one revision. */
  async #putMany(): Promise<boolean> {
    const names = [...new Set([this.#anyKey(), this.#anyKey(), this.#anyKey()])];
    const operation: Operation = { kind: "put", value: this.#newValue() };
    return this.#note(names, operation, async () => {
      const puts = names.map((name) => putOp(name, operation.value));
      const { header } = await this.#store.txn({ compare: [], success: puts, failure: [] });
      return { kind: "put", revision: header.revision };
    });
  }

  /** False when the store was away. */
  async #note(names: readonly string[], operation: Operation, ask: () => Promise<Answer>): Promise<boolean> {
    const startMs = performance.now();
    const note = (endMs: number, answer: Answer | undefined): void => {
      for (const key of names) this.calls.push({ key, operation, startMs, endMs, answer });
    };
    try {
      const answer = await ask();
      note(performance.now(), answer);
      this.#onAnswer();
      return true;
    } catch (error) {
      if (!(error instanceof StoreError) || !error.retryable) throw error;
      // What was never sent has no effect, and what only reads tells nothing without its answer.
      if (!(error instanceof UnsentError) && operation.kind !== "get")
        note(Number.POSITIVE_INFINITY, undefined);
      return false;
    }
  }

  #anyOperation(key: string): Operation {
    const chance = this.#random.next();
    if (chance < 0.35) return { kind: "get" };
    if (chance < 0.65) return { kind: "put", value: this.#newValue() };
    if (chance < 0.75) return { kind: "delete" };
    return { kind: "swap", expected: this.#seen.get(key) ?? 0n, value: this.#newValue() };
  }

  async #ask(key: string, operation: Operation): Promise<Answer> {
    const bytes = toBytes(key);
    switch (operation.kind) {
      case "get": {
        const { kvs } = await this.#store.range({ key: bytes });
        const register = registerOf(kvs[0]);
        this.#seen.set(key, register?.modRevision ?? 0n);
        return { kind: "get", register };
      }
      case "put": {
        const { header } = await this.#store.put({ key: bytes, value: toBytes(operation.value) });
        return { kind: "put", revision: header.revision };
      }
      case "delete": {
        const { header, deleted } = await this.#store.deleteRange({ key: bytes });
        return { kind: "delete", revision: header.revision, deleted: deleted > 0 };
      }
      case "swap":
        return this.#swap(key, operation.expected, operation.value);
    }
  }

  async #swap(key: string, expected: bigint, value: string): Promise<Answer> {
    const { header, succeeded } = await this.#store.txn({
      compare: [ifModRevision(key, expected)],
      success: [putOp(key, value)],
      failure: [],
    });
    if (succeeded) this.#seen.set(key, header.revision);
    return { kind: "swap", revision: header.revision, swapped: succeeded };
  }

  #anyKey(): string {
    return `${PREFIX}${randomInteger(this.#random, 0, this.#keys - 1)}`;
  }

  #newValue(): string {
    this.#writes += 1;
    return `${this.#number}-${this.#writes}`;
  }
}

function putOp(key: string, value: string): RequestOp {
  return { kind: "put", request: { key: toBytes(key), value: toBytes(value) } };
}

function registerOf(kv: KeyValue | undefined): Register {
  return kv === undefined ? undefined : { value: toText(kv.value), modRevision: kv.modRevision };
}
