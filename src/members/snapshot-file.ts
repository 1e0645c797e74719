/** Snapshot files in the hands of etcd's own programs. */
import { randomBytes } from "node:crypto";
import { run } from "./etcd-program.ts";

/** Programs take options from the environment too, and stop where they are given twice. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("ETCDCTL_"));
  return { ...Object.fromEntries(kept), ETCDCTL_API: "3" };
}

export interface NewMember {
  readonly name: string;
  readonly peerUrl: string;
  /** Must not be there yet. */
  readonly directory: string;
}

/**
 * Makes the first member of a new etcd cluster: same keys, leases and revisions, another cluster ID.
 * @throws FlotillaError `unsupported` with the program's own words for a file that is no snapshot.
 */
export async function restoreMember(restorer: string, path: string, member: NewMember): Promise<void> {
  const { name, peerUrl, directory } = member;
  await run(
    restorer,
    [
      "snapshot",
      "restore",
      path,
      `--name=${name}`,
      `--data-dir=${directory}`,
      `--initial-cluster=${name}=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      // The cluster's ID follows from these; a restored store must be no one's old acquaintance.
      `--initial-cluster-token=flotilla-${randomBytes(8).toString("hex")}`,
    ],
    cleanEnvironment(),
  );
}
