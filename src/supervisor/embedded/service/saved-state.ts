/** A service's state as it is kept for the next supervisor, checked when it is read back. */
import * as z from "zod";
import { UNIT_RESULTS } from "../../supervisor.ts";
import { ACTIVE_OF, CONTROL_SUBS, type ControlList, type ServiceState, type ServiceSub } from "./state.ts";

const isSub = (sub: string): sub is ServiceSub => Object.hasOwn(ACTIVE_OF, sub);
const isList = (list: string): list is ControlList => Object.hasOwn(CONTROL_SUBS, list);

const end = z.object({
  code: z.number().exactOptional(),
  signal: z.string().exactOptional(),
  core: z.boolean().exactOptional(),
});

/** What has a default was not kept by every version that can be updated from. */
const savedState = z.object({
  sub: z.string().refine(isSub),
  result: z.enum(UNIT_RESULTS),
  reloadResult: z.enum(UNIT_RESULTS).default("success"),
  sinceMs: z.number(),
  activeSinceMs: z.number().default(0),
  invocation: z.string().exactOptional(),
  namespaceOwner: z.string().exactOptional(),
  variables: z.record(z.string(), z.string()).exactOptional(),
  nextRun: z.number(),
  mainRun: z.number().exactOptional(),
  mainPid: z.number().exactOptional(),
  mainAlive: z.boolean(),
  mainIndex: z.number(),
  mainEnd: end.exactOptional(),
  candidate: z
    .object({
      run: z.number(),
      from: z.enum(["guess", "pid-file", "named", "notify"]),
      pid: z.number().exactOptional(),
      distrust: z.enum(["owner", "path"]).exactOptional(),
      end: end.exactOptional(),
    })
    .exactOptional(),
  control: z
    .object({
      run: z.number(),
      list: z.string().refine(isList),
      index: z.number(),
      pid: z.number().exactOptional(),
    })
    .exactOptional(),
  unspawned: z.number().exactOptional(),
  empty: z.boolean(),
  deadlineMs: z.number().exactOptional(),
  watchdogDueMs: z.number().exactOptional(),
  watchdogOverrideMs: z.number().exactOptional(),
  notifyState: z.enum(["unknown", "ready", "reloading", "stopping"]).default("unknown"),
  reloadBeginUs: z.number().exactOptional(),
  statusText: z.string().exactOptional(),
  statusErrno: z.number().exactOptional(),
  startLimitHit: z.boolean().exactOptional(),
  starts: z.array(z.number()),
  restarts: z.number(),
  restartsOver: z.boolean().default(false),
  stopping: z.boolean(),
  restarting: z.boolean().default(false),
  stored: z.array(z.object({ fd: z.number(), name: z.string() })).default([]),
  startJob: z.boolean().default(false),
  reloadJob: z.boolean().default(false),
  stopJob: z.boolean().default(false),
  completed: z.boolean(),
  hold: z.object({ untilMs: z.number(), token: z.string() }).exactOptional(),
  expired: z.boolean().exactOptional(),
  message: z.string().exactOptional(),
});

/** The state in what was kept; undefined when it is of no use, as after an update that changed its form. */
export function readSavedState(value: unknown): ServiceState | undefined {
  const parsed = savedState.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
