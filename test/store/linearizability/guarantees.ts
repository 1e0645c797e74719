/**
 * What etcd promises beside linearizable keys: revisions that grow with time over all keys, and watches that are
 * ordered, unique, atomic, reliable and resumable (https://etcd.io/docs/v3.5/learning/api_guarantees/).
 * Each function returns what is wrong, in words.
 */
import type { Call } from "./history.ts";

/** One change as a watch has told it; `value` is undefined for a deletion. */
export interface WatchedEvent {
  readonly key: string;
  readonly value: string | undefined;
  readonly revision: bigint;
}

export type Batch = readonly WatchedEvent[];

interface Write {
  readonly call: Call;
  readonly revision: bigint;
  /** Undefined for a deletion. */
  readonly value: string | undefined;
}

/** The calls that were answered and changed something. */
function writesOf(calls: readonly Call[]): Write[] {
  return calls.flatMap((call): Write[] => {
    const { operation, answer } = call;
    if (answer?.kind === "put" && operation.kind === "put") {
      return [{ call, revision: answer.revision, value: operation.value }];
    }
    if (answer?.kind === "swap" && operation.kind === "swap" && answer.swapped) {
      return [{ call, revision: answer.revision, value: operation.value }];
    }
    return answer?.kind === "delete" && answer.deleted
      ? [{ call, revision: answer.revision, value: undefined }]
      : [];
  });
}

/** A write that begins after another has ended must have a higher revision, whatever their keys. */
export function revisionFaults(calls: readonly Call[]): string[] {
  const writes = writesOf(calls).toSorted((a, b) => a.call.startMs - b.call.startMs);
  const ended = writes.toSorted((a, b) => a.call.endMs - b.call.endMs);
  const faults: string[] = [];
  let highest = 0n;
  let next = 0;
  for (const { call, revision } of writes) {
    for (
      let other = ended[next];
      other !== undefined && other.call.endMs < call.startMs;
      other = ended[next]
    ) {
      if (other.revision > highest) highest = other.revision;
      next += 1;
    }
    if (revision <= highest)
      faults.push(`${call.key}: revision ${revision} was given after ${highest} had been`);
  }
  return faults;
}

/** Ordered, unique and atomic: what can be told from one watch alone, over all its connections. */
export function orderFaults(batches: readonly Batch[]): string[] {
  const faults: string[] = [];
  let lastOfBatch = 0n;
  for (const batch of batches) {
    let last = 0n;
    const keys = new Set<string>();
    for (const { key, revision } of batch) {
      const name = `${key}@${revision}`;
      if (revision <= lastOfBatch) faults.push(`${name} came after a batch that ended with ${lastOfBatch}`);
      if (revision < last) faults.push(`${name} came after ${last}`);
      if (keys.has(name)) faults.push(`${name} came twice`);
      keys.add(name);
      last = revision;
    }
    if (last > lastOfBatch) lastOfBatch = last;
  }
  return faults;
}

/** Reliable: each answered write was told of, and nothing was told of that nobody wrote. */
export function reliabilityFaults(batches: readonly Batch[], calls: readonly Call[]): string[] {
  const told = new Map(batches.flat().map((event) => [`${event.key}@${event.revision}`, event]));
  const answered = new Map(writesOf(calls).map((write) => [`${write.call.key}@${write.revision}`, write]));
  const missing = [...answered].flatMap(([name, { value }]) => {
    const event = told.get(name);
    if (event === undefined) return [`${name} was answered and not told of`];
    return event.value === value ? [] : [`${name} was told of with another value`];
  });
  const unanswered = calls.filter(({ answer }) => answer === undefined);
  const possible = new Set(unanswered.map(({ key, operation }) => `${key}=${valueWritten(operation)}`));
  const invented = [...told].flatMap(([name, { key, value }]) =>
    answered.has(name) || possible.has(`${key}=${value}`) ? [] : [`${name} was told of and never written`],
  );
  return [...missing, ...invented];
}

function valueWritten(operation: Call["operation"]): string | undefined {
  return operation.kind === "put" || operation.kind === "swap" ? operation.value : undefined;
}

/** Resumable: watches that were cut at different times, and what a mirror made of it, tell the same. */
export function disagreements(one: readonly Batch[], other: readonly Batch[]): string[] {
  const texts = [one, other].map((batches) =>
    batches.flat().map(({ key, revision, value }) => `${key}@${revision}=${value}`),
  );
  const [first = [], second = []] = texts;
  const length = Math.max(first.length, second.length);
  const at = Array.from({ length }, (_, index) => index).find((index) => first[index] !== second[index]);
  return at === undefined ? [] : [`one watch has ${first[at]} where another has ${second[at]}`];
}
