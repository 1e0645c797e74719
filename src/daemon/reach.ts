/** The way to other machines, for the engine that asks who is still there (engine/reach.ts). */
import type { ApiDependencies } from "#api/dependencies.ts";
import { reachableSchema } from "#api/reachable.ts";
import { type Reach, SILENT_MS } from "#engine/reach.ts";
import type { Heard } from "#host/heard.ts";
import { knock } from "#host/knock.ts";
import type { MachineRecord } from "#model/records.ts";

/**
 * How long a machine has for a sign when others have missed it: what a bad network takes there and back. A machine that
 * is only slow is to come to no harm.
 */
const LATE_MS = 800;
/** A peer knocks for so long itself. */
const PEER_MS = LATE_MS + 400;

export function createReach(askPeer: ApiDependencies["askPeer"], heard: Heard): Reach {
  return {
    knock: (machine) => knockWithin(machine, SILENT_MS + LATE_MS),
    heardMsAgo: ({ api }) => heard.msAgo(hostOf(new URL(api))),
    knockFrom: async (peer, { id }) => {
      const url = new URL(`/v1/machines/${id}/reachable`, peer.api).href;
      try {
        const answer = await askPeer(url, {
          machine: peer.id,
          headers: {},
          signal: AbortSignal.timeout(PEER_MS),
        });
        const parts: Uint8Array[] = [];
        for await (const part of answer.body) parts.push(part);
        const parsed = reachableSchema.safeParse(JSON.parse(Buffer.concat(parts).toString("utf8")));
        return parsed.data?.reachable;
      } catch {
        return undefined;
      }
    },
  };
}

/** Knocks for another machine that has missed this one. */
export function knockAt(machine: MachineRecord): Promise<boolean> {
  return knockWithin(machine, LATE_MS);
}

/** Knocks where the machine's API listens. */
function knockWithin({ api }: MachineRecord, withinMs: number): Promise<boolean> {
  const url = new URL(api);
  const usual = url.protocol === "https:" ? 443 : 80;
  return knock(hostOf(url), url.port === "" ? usual : Number(url.port), withinMs);
}

/** An address of IPv6 without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}
