/** Which etcd the tests find: the first on PATH, which need not be the one whose answers the embedded store gives. */
import { execFileSync } from "node:child_process";
import { CLUSTER_VERSION } from "#store/server/served-store.ts";
import { isInstalled } from "./store-subjects.ts";

/** `3.4` */
const SERVED = CLUSTER_VERSION.replace(/\.\d+$/, "");

/** True where answers can be compared word for word; a newer etcd gives some of them in other words. */
export const isServedVersion = isInstalled("etcd") && installedVersion() === SERVED;

function installedVersion(): string | undefined {
  return /etcd Version: (\d+\.\d+)\./.exec(execFileSync("etcd", ["--version"], { encoding: "utf8" }))?.[1];
}
