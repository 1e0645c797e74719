/** Following keys for as long as it takes: a daemon that goes away is asked again until it is back. */
import type { KvChange, KvWatchQuery } from "#api/store-bodies.ts";
import { backoffDelayMs } from "#base/backoff.ts";
import { sleep } from "#base/clock.ts";
import { toFlotillaError } from "#base/errors.ts";
import type { FlotillaClient } from "#client/client.ts";
import { systemClock, systemRandom } from "#host/system.ts";

/** Told of each loss of the daemon, once, until it is back. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly onAway: (reason: string) => void;
}

/**
 * Every change behind `query.after`, each once and in order.
 * @throws FlotillaError when the daemon refuses, as for a revision that is no longer kept
 */
export async function* followKv(
  client: FlotillaClient,
  query: KvWatchQuery,
  { signal, onAway }: FollowOptions,
): AsyncGenerator<KvChange, void> {
  let after = query.after;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const change of client.watchKv({ ...query, after }, signal)) {
        failures = 0;
        // Without changes, too, the place to go on from is known.
        if (!("type" in change)) after ??= change.revision;
        else {
          yield change;
          after = change.revision;
        }
      }
      if (signal.aborted) return;
    } catch (error) {
      const known = toFlotillaError(error);
      if (signal.aborted) return;
      if (!known.retryable && known.code !== "store-unavailable") throw error;
      if (failures === 0) onAway(known.message);
    }
    await sleep(systemClock, backoffDelayMs(failures + 1, systemRandom), signal).catch(() => undefined);
  }
}
