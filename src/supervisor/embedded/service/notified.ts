/** What a service says over its notification socket: sd_notify(3). */

import { closeDescriptors, removeStored, storeDescriptors } from "./descriptor-store.ts";
import type { Draft } from "./draft.ts";
import { enterReloadByNotify, enterRunning, enterStartPost, resetWatchdog } from "./starting.ts";
import type { ServiceEvent, ServiceSub } from "./state.ts";
import { enterSignal, enterStopByNotify } from "./stopping.ts";

type Notification = Extract<ServiceEvent, { kind: "notify" }>;

const MAX_STATUS_CHARACTERS = 4096;
/** The sub states in which a service has a main process, or is to get one. */
const WITH_MAIN: readonly ServiceSub[] = [
  "start",
  "start-post",
  "running",
  "reload",
  "reload-signal",
  "reload-notify",
];

export function notified(draft: Draft, event: Notification): void {
  const refusal = refusalOf(draft, event);
  if (refusal !== undefined) {
    draft.warn(`Got notification message from PID ${event.pid}, but reception ${refusal}`);
    closeDescriptors(draft, event.fds);
    return;
  }
  const message = new Message(event.text);
  takeMain(draft, message, event);
  takeState(draft, message);
  takeStatus(draft, message);
  takeTimes(draft, message);
  takeDescriptors(draft, message, event.fds);
}

/** The fields of one message; of several of one name the first counts. */
class Message {
  readonly #lines: readonly string[];

  constructor(text: string) {
    this.#lines = text.split("\n");
  }

  says(line: string): boolean {
    return this.#lines.includes(line);
  }

  get(field: string): string | undefined {
    return this.#lines.find((line) => line.startsWith(`${field}=`))?.slice(field.length + 1);
  }

  /** A number without sign; undefined when the field is absent or holds something else. */
  number(draft: Draft, field: string): number | undefined {
    const text = this.get(field);
    if (text === undefined || /^\d+$/.test(text)) return text === undefined ? undefined : Number(text);
    draft.warn(`Failed to parse ${field}= field in notification message, ignoring: ${text}`);
    return undefined;
  }
}

/** NotifyAccess=: nobody, the main process alone, also those the unit's Exec lines started, or every process of the unit. */
function refusalOf({ state, settings }: Draft, { run }: Notification): string | undefined {
  const { mainRun, mainPid, control } = state;
  const isMain = run !== undefined && run === mainRun;
  const isControl = run !== undefined && run === control?.run;
  const main = mainPid === undefined ? "main PID which is currently not known" : `main PID ${mainPid}`;
  switch (settings.notifyAccess) {
    case "none":
      return "is disabled.";
    case "main":
      return isMain ? undefined : `only permitted for ${main}`;
    case "exec":
      return isMain || isControl ? undefined : `only permitted for ${main}${controlText(control?.pid)}`;
    case "all":
      return undefined;
  }
}

function controlText(pid: number | undefined): string {
  return pid === undefined ? "" : ` and control PID ${pid}`;
}

/** Root may name a process that is none of the unit's. */
function takeMain(draft: Draft, message: Message, { uid }: Notification): void {
  const { state } = draft;
  const text = message.get("MAINPID");
  if (text === undefined || !WITH_MAIN.includes(state.sub)) return;
  const pid = Number(text);
  if (!/^[1-9]\d*$/.test(text))
    draft.warn(`Failed to parse MAINPID= field in notification message, ignoring: ${text}`);
  else if (pid === 1) draft.warn(`New main PID ${pid} is the manager, refusing.`);
  else if (pid === state.control?.pid) draft.warn(`New main PID ${pid} is the control process, refusing.`);
  else if (pid !== state.mainPid) draft.watch({ from: "notify", pid }, uid === 0);
}

/** STOPPING= wins over the others, and READY= over RELOADING=. */
function takeState(draft: Draft, message: Message): void {
  if (message.says("STOPPING=1")) takeStopping(draft);
  else if (message.says("READY=1")) takeReady(draft, message);
  else if (message.says("RELOADING=1")) takeReloading(draft, message);
}

function takeStopping(draft: Draft): void {
  const { state } = draft;
  state.notifyState = "stopping";
  if (state.sub === "running" || state.sub === "reload-signal" || state.sub === "reload-notify")
    enterStopByNotify(draft);
}

function takeReady(draft: Draft, message: Message): void {
  const { state, settings } = draft;
  state.notifyState = "ready";
  const awaitsReady = settings.type === "notify" || settings.type === "notify-reload";
  if (state.sub === "start" && awaitsReady) enterStartPost(draft);
  else if (state.sub === "reload-notify") enterRunning(draft, "success");
  // Both in one message: it has reloaded already.
  else if (state.sub === "reload-signal" && message.says("RELOADING=1") && isAnswer(draft, message))
    enterRunning(draft, "success");
}

function takeReloading(draft: Draft, message: Message): void {
  const { state } = draft;
  state.notifyState = "reloading";
  if (state.sub === "reload-signal" && isAnswer(draft, message)) draft.move("reload-notify");
  else if (state.sub === "running") enterReloadByNotify(draft);
}

/** Whether the service speaks of the reload it was asked for, and not of one that it was at before. */
function isAnswer(draft: Draft, message: Message): boolean {
  const stampUs = message.number(draft, "MONOTONIC_USEC");
  return stampUs !== undefined && stampUs >= (draft.state.reloadBeginUs ?? 0);
}

function takeStatus(draft: Draft, message: Message): void {
  const { state } = draft;
  const status = message.get("STATUS");
  if (status === "") delete state.statusText;
  else if (status !== undefined) state.statusText = status.slice(0, MAX_STATUS_CHARACTERS);
  const errno = message.number(draft, "ERRNO");
  if (errno !== undefined) state.statusErrno = errno;
}

function takeTimes(draft: Draft, message: Message): void {
  const extensionUs = message.number(draft, "EXTEND_TIMEOUT_USEC");
  if (extensionUs !== undefined && extensionUs > 0) extend(draft, extensionUs / 1000);
  takeWatchdog(draft, message.get("WATCHDOG"));
  const periodUs = message.number(draft, "WATCHDOG_USEC");
  if (periodUs === undefined) return;
  draft.state.watchdogOverrideMs = periodUs / 1000;
  pet(draft);
}

function takeWatchdog(draft: Draft, word: string | undefined): void {
  const { state } = draft;
  if (word === "1") pet(draft);
  else if (word === "trigger" && WITH_MAIN.includes(state.sub)) {
    draft.tell(`Watchdog request (last status: ${state.statusText ?? "<unset>"})!`, 3);
    enterSignal(draft, "stop-watchdog", "watchdog");
  } else if (word !== undefined) draft.warn("Passed WATCHDOG= field is invalid, ignoring.");
}

function takeDescriptors(draft: Draft, message: Message, fds: Notification["fds"]): void {
  const name = message.get("FDNAME");
  if (message.says("FDSTOREREMOVE=1")) {
    removeStored(draft, name);
    closeDescriptors(draft, fds);
  } else if (message.says("FDSTORE=1"))
    storeDescriptors(draft, fds, { name, isPolled: !message.says("FDPOLL=0") });
}

function extend({ state, context }: Draft, extensionMs: number): void {
  const dueMs = context.nowMs + extensionMs;
  if (state.deadlineMs !== undefined) state.deadlineMs = Math.max(state.deadlineMs, dueMs);
  if (state.watchdogDueMs !== undefined) state.watchdogDueMs = Math.max(state.watchdogDueMs, dueMs);
}

/** Before the service is up, and when it goes down, it is not watched. */
function pet(draft: Draft): void {
  if (WITH_MAIN.includes(draft.state.sub) && draft.state.sub !== "start") resetWatchdog(draft);
}
