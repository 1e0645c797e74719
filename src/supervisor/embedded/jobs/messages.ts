/** What the journal says at the end of a job, in systemd's words. What units say themselves is not said again. */
import type { JobResult } from "../../supervisor.ts";
import type { QueuedType } from "./job-type.ts";

interface Line {
  readonly priority: number;
  readonly text: string;
}

type Lines = Readonly<Partial<Record<JobResult, (title: string) => Line>>>;

const warning =
  (before: string, after = "") =>
  (title: string): Line => ({ priority: 4, text: `${before}${title}${after}.` });
const error =
  (before: string, after = "") =>
  (title: string): Line => ({ priority: 3, text: `${before}${title}${after}.` });

const STARTING: Lines = {
  timeout: error("Timed out starting "),
  dependency: warning("Dependency failed for "),
  assert: error("Assertion failed for "),
  unsupported: error("Starting of ", " unsupported"),
  once: error("Unit ", " has been started before and cannot be started again"),
};

const STOPPING: Lines = { timeout: error("Timed out stopping ") };

const LINES: Readonly<Record<QueuedType, Lines>> = {
  start: STARTING,
  "verify-active": { ...STARTING, skipped: (title) => ({ priority: 6, text: `${title} is inactive.` }) },
  stop: STOPPING,
  restart: STOPPING,
  reload: { timeout: error("Timed out reloading ") },
  nop: {},
};

export function endMessage(type: QueuedType, result: JobResult, title: string): Line | undefined {
  return LINES[type][result]?.(title);
}
