/** What a service says over its notification socket: sd_notify(3). */
import type { Draft } from "./draft.ts";
import { enterStartPost } from "./enter.ts";
import type { ServiceEvent } from "./state.ts";

type Notification = Extract<ServiceEvent, { kind: "notify" }>;

const MAX_STATUS_CHARACTERS = 256;

export function notified(draft: Draft, event: Notification): void {
  if (!maySpeak(draft, event)) {
    draft.log(
      `${draft.context.unit}: a notification was refused (NotifyAccess=${draft.settings.notifyAccess}).`,
      4,
    );
    return;
  }
  const fields = parseNotification(event.text);
  const pid = Number(fields.get("MAINPID"));
  if (Number.isInteger(pid) && pid > 0 && pid !== draft.state.mainPid) draft.watchMain(pid);
  const status = fields.get("STATUS");
  if (status !== undefined) draft.state.message = status.slice(0, MAX_STATUS_CHARACTERS);
  extendDeadline(draft, fields);
  const isStarting = draft.state.sub === "start" && draft.settings.type === "notify";
  if (fields.get("READY") === "1" && isStarting) enterStartPost(draft);
}

/** NotifyAccess=: the main process alone, those the unit's Exec lines started, or every process of the unit. */
function maySpeak({ state, settings }: Draft, { run }: Notification): boolean {
  switch (settings.notifyAccess) {
    case "none":
      return false;
    case "main":
      return run !== undefined && run === state.mainRun;
    case "exec":
      return run !== undefined;
    case "all":
      return true;
  }
}

function parseNotification(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").filter((line) => line.includes("="));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

function extendDeadline(draft: Draft, fields: ReadonlyMap<string, string>): void {
  const { state, settings, context } = draft;
  const extensionMs = Number(fields.get("EXTEND_TIMEOUT_USEC")) / 1000;
  if (extensionMs > 0 && state.deadlineMs !== undefined) {
    state.deadlineMs = Math.max(state.deadlineMs, context.nowMs + extensionMs);
  }
  const pings = fields.get("WATCHDOG") === "1" && state.sub === "running" && settings.watchdogMs > 0;
  if (pings) state.deadlineMs = context.nowMs + settings.watchdogMs;
}
