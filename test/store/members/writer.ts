/** A user who writes without pause and keeps in mind what was acknowledged. */
import { setTimeout as delay } from "node:timers/promises";
import { toFlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";

const AGAIN_MS = 50;

export interface Writer {
  /** What was acknowledged last, by key. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** Values whose write ended without an answer: each may be written at any later time, once, as etcd's proposals are. */
  readonly unanswered: ReadonlySet<string>;
  /** The longest time between two acknowledgements, milliseconds. */
  readonly longestPauseMs: number;
  /** Resolves when the write under way is acknowledged. */
  stop(): Promise<void>;
}

/** Each client writes keys of its own, one after the other; a write that fails is made again until it succeeds. */
export function startWriter(clients: readonly FlotillaClient[]): Writer {
  const acknowledged = new Map<string, string>();
  const unanswered = new Set<string>();
  const pause = { longestMs: 0, lastMs: performance.now() };
  const end = new AbortController();
  const note = (key: string, value: string, isAcknowledged: boolean): void => {
    if (!isAcknowledged) {
      unanswered.add(value);
      return;
    }
    const nowMs = performance.now();
    pause.longestMs = Math.max(pause.longestMs, nowMs - pause.lastMs);
    pause.lastMs = nowMs;
    acknowledged.set(key, value);
  };
  const writing = clients.map((client, index) => write(client, index, note, end.signal));
  return {
    acknowledged,
    unanswered,
    get longestPauseMs() {
      return pause.longestMs;
    },
    stop: async () => {
      end.abort();
      await Promise.all(writing);
    },
  };
}

async function write(
  client: FlotillaClient,
  index: number,
  note: (key: string, value: string, isAcknowledged: boolean) => void,
  end: AbortSignal,
): Promise<void> {
  for (let number = 0; !end.aborted; number += 1) {
    const key = `load/${index}/${number % 200}`;
    for (let attempt = 0; ; attempt += 1) {
      const value = `${index}/${number}/${attempt}`;
      try {
        await client.putKv({ key, value });
        note(key, value, true);
        break;
      } catch (error) {
        note(key, value, false);
        const { code } = toFlotillaError(error);
        if (code === "internal") throw error;
        if (end.aborted) return;
        await delay(AGAIN_MS);
      }
    }
  }
}

/** Asks again while the store is away, which it may be for a moment behind a change. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (toFlotillaError(error).code !== "store-unavailable") throw error;
      await delay(AGAIN_MS);
    }
  }
}

/** Keys whose value is neither the one that was acknowledged last nor one whose write got no answer. */
export async function lost(client: FlotillaClient, writer: Writer): Promise<readonly string[]> {
  const found = new Map<string, string>();
  let from: string | undefined;
  for (;;) {
    const request = { prefix: "load/", ...(from === undefined ? {} : { from }) };
    const page = await answered(() => client.kv(request));
    for (const { key, value } of page.entries) found.set(key, value ?? "");
    if (!page.more) break;
    from = `${page.entries.at(-1)?.key}\0`;
  }
  return [...writer.acknowledged].flatMap(([key, value]) => {
    const now = found.get(key);
    return now === value || (now !== undefined && writer.unanswered.has(now))
      ? []
      : [`${key}: ${value} written, ${now} found`];
  });
}
