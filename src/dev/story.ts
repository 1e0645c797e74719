/** What happens on a cluster that is up, told line by line until the signal is aborted. */
import type { EventBody } from "#api/bodies.ts";
import { type Clock, sleep } from "#base/clock.ts";
import { FlotillaClient } from "#client/client.ts";
import type { DevHost } from "./host.ts";
import { socketOf } from "./layout.ts";
import type { Screen } from "./screen.ts";

/** A stream that was cut is opened again on the next machine that is on, after a moment. */
const OPEN_AGAIN_MS = 500;

/** Prints each event of the cluster, whichever machines of it are on. Resolves when the signal is aborted. */
export async function tellStory(
  host: DevHost,
  { screen, clock }: { readonly screen: Screen; readonly clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  let after: string | undefined;
  for (let turn = 0; !signal.aborted; turn += 1) {
    try {
      for await (const event of openStory(host, turn, after, signal)) {
        after = event.id;
        screen.print(storyLine(event));
      }
    } catch {
      // The machine that told the story is off; another one goes on behind the last event.
    }
    if (!signal.aborted) await sleep(clock, OPEN_AGAIN_MS, signal).catch(() => undefined);
  }
}

async function* openStory(
  host: DevHost,
  turn: number,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<EventBody, void> {
  const on = host.status.machines.filter((machine) => machine.power === "on");
  const name = on[turn % on.length]?.name;
  const machine = host.layout.machines.find((one) => one.name === name);
  if (machine === undefined) return;
  yield* new FlotillaClient({ endpoint: `unix:${socketOf(machine)}` }).followEvents({}, after, signal);
}

function storyLine(event: EventBody): string {
  return `${new Date(event.timeMs).toTimeString().slice(0, 8)}  ${event.message}`;
}
