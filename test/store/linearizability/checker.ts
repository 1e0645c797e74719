/**
 * Whether a history of one key is linearizable: whether there is an order of its calls, each taking effect at one
 * moment between its start and its end, in which a register answers as the store did.
 *
 * This is Wing and Gong's search ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memory of what was
 * tried (2017): take any call that no other had ended before, carry it out on the register if its answer fits, go on
 * with the rest; otherwise go back. Calls without an answer may be taken at any time after their start, or never.
 */
import type { Answer, Call, Operation, Register } from "./history.ts";

export type Verdict =
  | { readonly linearizable: true; readonly order: readonly Call[] }
  /** `stuckAt`: the calls of which none could come next, where the search came furthest. */
  | { readonly linearizable: false; readonly stuckAt: readonly Call[] };

interface Frame {
  readonly register: Register;
  /** The calls that may come next, and which of them is tried next. */
  readonly candidates: readonly number[];
  next: number;
  /** The call taken to come here. */
  readonly taken: number;
}

export function check(history: readonly Call[]): Verdict {
  const calls = history.toSorted((a, b) => a.startMs - b.startMs);
  const search = new Search(calls);
  return search.run();
}

class Search {
  readonly #calls: readonly Call[];
  readonly #taken: boolean[];
  readonly #tried = new Set<string>();
  /** Calls with an answer that are not taken yet. */
  #answersLeft: number;
  #deepest: { readonly depth: number; readonly candidates: readonly number[] } = {
    depth: -1,
    candidates: [],
  };

  constructor(calls: readonly Call[]) {
    this.#calls = calls;
    this.#taken = calls.map(() => false);
    this.#answersLeft = calls.filter(({ answer }) => answer !== undefined).length;
  }

  run(): Verdict {
    const stack: Frame[] = [this.#frame(undefined, -1)];
    while (this.#answersLeft > 0) {
      const frame = stack.at(-1);
      if (frame === undefined)
        return { linearizable: false, stuckAt: this.#callsAt(this.#deepest.candidates) };
      const next = this.#step(frame);
      if (next !== undefined) stack.push(next);
      else {
        stack.pop();
        if (frame.taken >= 0) this.#put(frame.taken);
      }
    }
    return { linearizable: true, order: this.#callsAt(stack.slice(1).map(({ taken }) => taken)) };
  }

  /** Takes the next candidate whose answer fits and that leads to what has not been tried; undefined: none is left. */
  #step(frame: Frame): Frame | undefined {
    while (frame.next < frame.candidates.length) {
      const at = frame.candidates[frame.next] ?? 0;
      frame.next += 1;
      const call = this.#calls[at];
      const outcome = call === undefined ? undefined : apply(call, frame.register);
      if (outcome === undefined) continue;
      this.#take(at);
      if (this.#isNew(outcome.register)) return this.#frame(outcome.register, at);
      this.#put(at);
    }
    return undefined;
  }

  #frame(register: Register, taken: number): Frame {
    const candidates = this.#minimal();
    const depth = this.#calls.length - this.#answersLeft;
    if (depth > this.#deepest.depth) this.#deepest = { depth, candidates };
    return { register, candidates, next: 0, taken };
  }

  /** The calls left that began before any other one left had ended. */
  #minimal(): number[] {
    let firstEndMs = Number.POSITIVE_INFINITY;
    const candidates: number[] = [];
    for (const [at, call] of this.#calls.entries()) {
      if (this.#taken[at]) continue;
      if (call.startMs > firstEndMs) break;
      firstEndMs = Math.min(firstEndMs, call.endMs);
      candidates.push(at);
    }
    // Calls without an answer come last: mostly they never took effect, and there is always time to take them later.
    return candidates.sort((a, b) => this.#isUnanswered(a) - this.#isUnanswered(b) || a - b);
  }

  #isUnanswered(at: number): number {
    return this.#calls[at]?.answer === undefined ? 1 : 0;
  }

  #take(at: number): void {
    this.#taken[at] = true;
    if (this.#calls[at]?.answer !== undefined) this.#answersLeft -= 1;
  }

  #put(at: number): void {
    this.#taken[at] = false;
    if (this.#calls[at]?.answer !== undefined) this.#answersLeft += 1;
  }

  /** Whether this set of calls has not led to this register before. */
  #isNew(register: Register): boolean {
    const size = this.#tried.size;
    const bits = this.#taken.map((taken) => (taken ? "1" : "0")).join("");
    this.#tried.add(`${bits} ${register?.modRevision} ${register?.value}`);
    return this.#tried.size > size;
  }

  #callsAt(indices: readonly number[]): Call[] {
    return indices.flatMap((at) => this.#calls[at] ?? []);
  }
}

/** The register after the call, as its answer says; undefined when the answer does not fit the register. */
export function apply(
  { operation, answer }: Call,
  before: Register,
): { readonly register: Register } | undefined {
  return answer === undefined ? applyUnanswered(operation, before) : applyAnswered(operation, answer, before);
}

/** Nobody was told at which revision it happened, so the register has that of nothing that is known. */
const UNKNOWN_REVISION = -1n;

function applyUnanswered(
  operation: Operation,
  before: Register,
): { readonly register: Register } | undefined {
  switch (operation.kind) {
    case "put":
      return { register: { value: operation.value, modRevision: UNKNOWN_REVISION } };
    case "delete":
      return before === undefined ? undefined : { register: undefined };
    case "get":
      // Whatever it would have answered, it changes nothing, so it need not be taken.
      return undefined;
    case "swap": {
      const fits = matches(operation.expected, before?.modRevision ?? 0n);
      return fits ? { register: { value: operation.value, modRevision: UNKNOWN_REVISION } } : undefined;
    }
  }
}

function applyAnswered(
  operation: Operation,
  answer: Answer,
  before: Register,
): { readonly register: Register } | undefined {
  const last = before?.modRevision ?? 0n;
  switch (answer.kind) {
    case "get":
      return isSame(before, answer.register) ? { register: answer.register } : undefined;
    case "delete":
      if (answer.deleted !== (before !== undefined) || answer.revision < last) return undefined;
      return { register: undefined };
    case "put":
      if (operation.kind !== "put" || answer.revision <= last) return undefined;
      return { register: { value: operation.value, modRevision: answer.revision } };
    case "swap":
      if (operation.kind !== "swap" || answer.revision < last) return undefined;
      if (answer.swapped !== matches(operation.expected, last)) {
        // At an unknown revision, either outcome may be right.
        if (last !== UNKNOWN_REVISION) return undefined;
      }
      return { register: answer.swapped ? { value: operation.value, modRevision: answer.revision } : before };
  }
}

function matches(expected: bigint, last: bigint): boolean {
  return expected === last || (last === UNKNOWN_REVISION && expected !== 0n);
}

function isSame(before: Register, read: Register): boolean {
  if (before === undefined || read === undefined) return before === read;
  if (before.value !== read.value) return false;
  return before.modRevision === read.modRevision || before.modRevision === UNKNOWN_REVISION;
}
