/** The store's figures under the names that etcd's have, in the text format of Prometheus. */
import { ETCD_VERSION, type ServedStore } from "../served-store.ts";

type Kind = "gauge" | "counter";

export function metrics(served: ServedStore): string {
  const status = served.store.status();
  const revision = Number(status.revision);
  const rows: readonly (readonly [name: string, kind: Kind, value: number])[] = [
    ["etcd_server_has_leader", "gauge", 1],
    ["etcd_server_is_leader", "gauge", 1],
    ["etcd_server_is_learner", "gauge", 0],
    ["etcd_server_leader_changes_seen_total", "counter", 1],
    // Each revision stands for one entry of the log that etcd has.
    ["etcd_server_proposals_committed_total", "gauge", revision],
    ["etcd_server_proposals_applied_total", "gauge", revision],
    ["etcd_server_proposals_pending", "gauge", 0],
    ["etcd_server_proposals_failed_total", "counter", 0],
    ["etcd_server_quota_backend_bytes", "gauge", status.quotaBytes],
    ["etcd_mvcc_db_total_size_in_bytes", "gauge", status.sizeBytes],
    ["etcd_mvcc_db_total_size_in_use_in_bytes", "gauge", status.sizeInUseBytes],
    ["etcd_debugging_mvcc_db_total_size_in_bytes", "gauge", status.sizeBytes],
    ["etcd_debugging_mvcc_current_revision", "gauge", revision],
    ["etcd_debugging_mvcc_compact_revision", "gauge", Number(status.compactRevision)],
    ["etcd_debugging_mvcc_watcher_total", "gauge", status.watches],
  ];
  const { count, seconds } = status.syncs;
  return [
    ...rows.map(([name, kind, value]) => `# TYPE ${name} ${kind}\n${name} ${value}\n`),
    `# TYPE etcd_server_version gauge\netcd_server_version{server_version="${ETCD_VERSION}"} 1\n`,
    // There is one write to the disk, the log's; it is etcd's of the log and of the database at once.
    histogram("etcd_disk_wal_fsync_duration_seconds", count, seconds),
    histogram("etcd_disk_backend_commit_duration_seconds", count, seconds),
  ].join("");
}

/** Count and sum alone: the average is what can be told without keeping each duration. */
function histogram(name: string, count: number, sum: number): string {
  return [
    `# TYPE ${name} histogram`,
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${sum}`,
    `${name}_count ${count}`,
    "",
  ].join("\n");
}
