/** A service's state as it is kept for the next supervisor, checked when it is read back. */
import * as z from "zod";
import type { UnitResult } from "../../supervisor.ts";
import { ACTIVE_OF, type ServiceState, type ServiceSub } from "./state.ts";

const RESULTS = [
  "success",
  "resources",
  "protocol",
  "timeout",
  "exit-code",
  "signal",
  "core-dump",
  "watchdog",
  "start-limit-hit",
  "oom-kill",
  "exec-condition",
  "dependency",
] as const satisfies readonly UnitResult[];

const LISTS = [
  "execCondition",
  "execStartPre",
  "execStart",
  "execStartPost",
  "execReload",
  "execStop",
  "execStopPost",
] as const;

const savedState = z.object({
  sub: z.string().refine((sub): sub is ServiceSub => Object.hasOwn(ACTIVE_OF, sub)),
  result: z.enum(RESULTS),
  sinceMs: z.number(),
  invocation: z.string().exactOptional(),
  nextRun: z.number(),
  mainRun: z.number().exactOptional(),
  mainPid: z.number().exactOptional(),
  mainAlive: z.boolean(),
  mainIndex: z.number(),
  mainEnd: z.object({ code: z.number().exactOptional(), signal: z.string().exactOptional() }).exactOptional(),
  control: z.object({ run: z.number(), list: z.enum(LISTS), index: z.number() }).exactOptional(),
  unspawned: z.number().exactOptional(),
  empty: z.boolean(),
  deadlineMs: z.number().exactOptional(),
  starts: z.array(z.number()),
  restarts: z.number(),
  stopping: z.boolean(),
  startAgain: z.boolean(),
  completed: z.boolean(),
  message: z.string().exactOptional(),
});

/** The state in what was kept; undefined when it is of no use, as after an update that changed its form. */
export function readSavedState(value: unknown): ServiceState | undefined {
  const parsed = savedState.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

export function parseSavedState(json: string): ServiceState | undefined {
  try {
    return readSavedState(JSON.parse(json));
  } catch {
    return undefined;
  }
}
