/** A user who writes without pause and keeps in mind what was acknowledged. */
import { setTimeout as delay } from "node:timers/promises";
import { toFlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";

const AGAIN_MS = 50;

export interface Writer {
  /** Value by key, each acknowledged. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** The longest time between two acknowledgements, milliseconds. */
  readonly longestPauseMs: number;
  /** Resolves when the write under way is acknowledged. */
  stop(): Promise<void>;
}

/** Each client writes keys of its own, one after the other; a write that fails is made again until it succeeds. */
export function startWriter(clients: readonly FlotillaClient[]): Writer {
  const acknowledged = new Map<string, string>();
  const pause = { longestMs: 0, lastMs: performance.now() };
  const end = new AbortController();
  const note = (key: string, value: string): void => {
    const nowMs = performance.now();
    pause.longestMs = Math.max(pause.longestMs, nowMs - pause.lastMs);
    pause.lastMs = nowMs;
    acknowledged.set(key, value);
  };
  const writing = clients.map((client, index) => write(client, index, note, end.signal));
  return {
    acknowledged,
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
  note: (key: string, value: string) => void,
  end: AbortSignal,
): Promise<void> {
  for (let number = 0; !end.aborted; number += 1) {
    const key = `load/${index}/${number % 200}`;
    const value = String(number);
    for (;;) {
      try {
        await client.putKv({ key, value });
        note(key, value);
        break;
      } catch (error) {
        const { code } = toFlotillaError(error);
        if (code === "internal") throw error;
        if (end.aborted) return;
        await delay(AGAIN_MS);
      }
    }
  }
}

/** Keys whose value is not the one that was acknowledged last; one more may have been written without an answer. */
export async function lost(client: FlotillaClient, writer: Writer): Promise<readonly string[]> {
  const found = new Map<string, string>();
  let from: string | undefined;
  for (;;) {
    const page = await client.kv({ prefix: "load/", ...(from === undefined ? {} : { from }) });
    for (const { key, value } of page.entries) found.set(key, value ?? "");
    if (!page.more) break;
    from = `${page.entries.at(-1)?.key}\0`;
  }
  return [...writer.acknowledged].flatMap(([key, value]) => {
    const now = found.get(key);
    return now !== undefined && Number(now) >= Number(value)
      ? []
      : [`${key}: ${value} written, ${now} found`];
  });
}
