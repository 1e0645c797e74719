/** How the processes of a unit are killed, shared by every section that runs any: systemd.kill(5). */
import { oneOf, resettableOneOf } from "../grammar.ts";
import { last } from "../key.ts";
import { boolean, signal } from "../values.ts";

/** What the end of one process by want of memory means for the others. */
export const oomPolicy = oneOf("OOM policy", ["continue", "stop", "kill"]);

const killModes = resettableOneOf("kill mode specification", ["control-group", "mixed", "process", "none"]);

/** One of the modes leaves processes behind, which systemd warns about. */
const killMode: typeof killModes = {
  ...killModes,
  parse: (value, context) => {
    if (value === "none") {
      context.warn(
        "Unit uses KillMode=none. This is unsafe, as it disables systemd's process lifecycle management for the " +
          "service. Please update the service to use a safer KillMode=, such as 'mixed' or 'control-group'. Support " +
          "for KillMode=none is deprecated and will eventually be removed.",
      );
    }
    return killModes.parse(value, context);
  },
};

export const KILL_KEYS = {
  KillMode: last(killMode, "run"),
  KillSignal: last(signal, "run"),
  RestartKillSignal: last(signal, "run", { since: 244 }),
  FinalKillSignal: last(signal, "run"),
  WatchdogSignal: last(signal, "run"),
  SendSIGKILL: last(boolean, "run"),
  SendSIGHUP: last(boolean, "run"),
} as const;
