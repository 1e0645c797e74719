/** The cluster's authorities, read from the store where something is to be signed. */
import { FlotillaError } from "#base/errors.ts";
import { keys } from "#model/keys.ts";
import { type TrustRecord, trustRecordSchema } from "#model/trust-records.ts";
import { toBytes, toText } from "#store/keys.ts";
import type { Store } from "#store/store.ts";

/** @throws FlotillaError `unsupported` in a cluster that has none */
export async function readAuthorities(store: Pick<Store, "range">): Promise<TrustRecord> {
  const [kv] = (await store.range({ key: toBytes(keys.trust()) })).kvs;
  if (kv !== undefined) return trustRecordSchema.parse(JSON.parse(toText(kv.value)));
  throw new FlotillaError("unsupported", "this cluster has no authorities: its machines are not checked", {
    hint: "a cluster whose machines are checked begins with: flotilla init",
  });
}
