/** Commands that have another outcome on the embedded store than on etcd, by script and line, each with the reason. */
import { isServedVersion } from "../../contract/etcd-version.ts";

type Differences = ReadonlyMap<string, string>;

/** Etcd has closed this since (3.4.26 and 3.4.42): with authentication on, 3.4.23 lets anybody do it. */
const CLOSED_SINCE = "3.4.23 lets it be done by who is nobody";

const closedSince: Differences = new Map(
  [
    "lease grant 100",
    "lease list",
    "lease timetolive $R",
    "lease timetolive $R --keys",
    "lease keep-alive $R --once",
    "lease revoke 1",
    "compaction 3",
    "alarm list",
    "alarm disarm",
    "move-leader 1",
  ].map((line) => [`auth.script: ${line}`, CLOSED_SINCE]),
);

const ofNewerVersions: Differences = new Map([
  ["maintenance.script: endpoint status -w json", "its version"],
  ["maintenance.script: endpoint status -w fields", "its version"],
  ["maintenance.script: alarm list -w json", "since 3.5 the answer has a header"],
]);

export const knownDifferences: Differences = isServedVersion
  ? closedSince
  : new Map([...closedSince, ...ofNewerVersions]);
