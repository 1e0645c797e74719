/**
 * When Node compiles. A daemon is started so that it compiles only what has been called very often (bin/daemon.env), which
 * saves an idle one several MiB and makes a busy one half as fast as it could be.
 */
import { setFlagsFromString } from "node:v8";

/** V8's own thresholds, in calls of a function, and what goes with them. */
const EAGER = [
  "--sparkplug",
  "--no-optimize-for-size",
  "--invocation-count-for-maglev=400",
  "--invocation-count-for-maglev-osr=100",
  "--invocation-count-for-turbofan=3000",
  "--invocation-count-for-osr=500",
];

/** From now on speed counts more than memory in this process: what is called often is compiled as Node does by default. */
export function compileEagerly(): void {
  for (const flag of EAGER) setFlagsFromString(flag);
}
