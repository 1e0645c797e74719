/** How the processes of a unit are killed, shared by every section that runs any: systemd.kill(5). */
import { oneOf } from "../grammar.ts";
import { last } from "../key.ts";
import { boolean, signal } from "../values.ts";

export const KILL_KEYS = {
  KillMode: last(oneOf("kill mode specification", ["control-group", "mixed", "process", "none"]), "run"),
  KillSignal: last(signal, "run"),
  RestartKillSignal: last(signal, "run", { since: 244 }),
  FinalKillSignal: last(signal, "run"),
  WatchdogSignal: last(signal, "run"),
  SendSIGKILL: last(boolean, "run"),
  SendSIGHUP: last(boolean, "run"),
} as const;
