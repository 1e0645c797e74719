/** Etcd's Lock service: whoever holds the oldest key under a name holds the lock. */
import { toBytes } from "../keys.ts";
import { StoreError } from "../store.ts";
import { headerResponse } from "../wire/etcd-messages.ts";
import { lockRequest, lockResponse, unlockRequest } from "../wire/session-messages.ts";
import type { Service } from "./method-table.ts";
import type { ServedStore } from "./served-store.ts";
import { claim, nameOf, unaryOfSession, waitForTurn } from "./sessions.ts";

const NO_VALUE = new Uint8Array(0);

export function lockMethods(served: ServedStore): Service {
  return new Map([
    [
      "Lock",
      unaryOfSession(lockRequest, lockResponse, async (request, caller, gone) => {
        const store = served.as(caller);
        const name = nameOf(request.name);
        const own = await claim(store, name, request.lease, NO_VALUE, gone());
        const key = toBytes(own.key);
        try {
          const header = await waitForTurn(store, name, own.revision, gone());
          const { kvs } = await store.range({ key });
          if (kvs.length === 0) throw new StoreError("unknown", "mutex: session is expired");
          return { header: served.header(header), key };
        } catch (error) {
          // Who has given up must not hold up those behind.
          await store.deleteRange({ key });
          throw error;
        }
      }),
    ],
    [
      "Unlock",
      unaryOfSession(unlockRequest, headerResponse, async ({ key }, caller) => {
        const { header } = await served.as(caller).deleteRange({ key });
        return { header: served.header(header) };
      }),
    ],
  ]);
}
