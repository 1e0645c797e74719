/** The way to other machines, for the engine that asks who is still there (engine/reach.ts). */
import type { ApiDependencies } from "#api/dependencies.ts";
import { reachableSchema } from "#api/reachable.ts";
import type { Reach } from "#engine/reach.ts";
import { knock } from "#host/knock.ts";
import type { MachineRecord } from "#model/records.ts";

/** How long a machine has for a sign. A machine that is only far away takes a tenth of it. */
export const KNOCK_MS = 300;
/** A peer knocks for so long itself. */
const PEER_MS = 2 * KNOCK_MS;

export function createReach(askPeer: ApiDependencies["askPeer"]): Reach {
  return {
    knock: knockAt,
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

/** Knocks where the machine's API listens. */
export function knockAt({ api }: MachineRecord): Promise<boolean> {
  const { hostname, port, protocol } = new URL(api);
  const usual = protocol === "https:" ? 443 : 80;
  return knock(hostname.replace(/^\[|\]$/g, ""), port === "" ? usual : Number(port), KNOCK_MS);
}
