/**
 * Whether the cluster takes this machine for one that was removed, asked of other machines' APIs. Etcd only closes the
 * connections of such a machine, which looks like a store that is away.
 */
import { FlotillaError } from "#base/errors.ts";
import type { ClusterView } from "#model/cluster-state.ts";
import { machineRemoved } from "#trust/identity.ts";
import type { LiveTrust } from "#trust/live-trust.ts";

/** False also where no other machine answers. @param machine this machine's ID */
export async function isRefusedByOthers(
  machine: string,
  trust: LiveTrust,
  { machines }: Pick<ClusterView, "machines">,
): Promise<boolean> {
  const { name, address, apis } = trust.current.cluster;
  const present = [...machines.values()].filter(({ id }) => id !== machine).map(({ api }) => api);
  const others = [...new Set([...present, ...apis])].filter(
    (api) => hostOf(api) !== hostOf(`https://${bracketed(address)}`),
  );
  if (others.length === 0) return false;
  const { FlotillaClient } = await import("#client/client.ts");
  const { cert, key, ca } = trust.clientTls();
  const client = new FlotillaClient({
    endpoint: others.join(","),
    credentials: { cert, key, ca: ca.join("\n") },
  });
  return client.whoami().then(
    () => false,
    (error: unknown) => error instanceof FlotillaError && error.message === machineRemoved(name).message,
  );
}

function hostOf(url: string): string | undefined {
  return URL.parse(url)?.hostname;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
